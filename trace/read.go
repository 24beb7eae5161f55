package trace

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// readTotals reads what jobs add up to in the kernel.
func (k *kernel) readTotals(l *ledger) error {
	for i := range l.slots {
		if err := k.maps["totals"].Lookup(uint32(i), &l.totals[i]); err != nil {
			return fmt.Errorf("totals in the kernel: %w", err)
		}
	}
	return nil
}

// readLists reads the slowest jobs and who held CPUs.
func (k *kernel) readLists(l *ledger) error {
	for worker := range maxWorkers {
		if err := k.readSlowest(l, worker); err != nil {
			return fmt.Errorf("slowest jobs in the kernel: %w", err)
		}
	}
	var task bpfTask
	var p bpfPreemptor
	list := k.maps["preemptors"].Iterate()
	for list.Next(&task, &p) {
		l.preemptors[task] = p
	}
	// Of a list that changes too fast to be read to its end the rest will do.
	if err := list.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
		return fmt.Errorf("preemptors in the kernel: %w", err)
	}
	return nil
}

func (k *kernel) readSlowest(l *ledger, worker int) error {
	w, err := k.worker(worker)
	if err != nil {
		return err
	}
	for i, wall := range w.Slowest {
		if wall == 0 {
			continue
		}
		var j bpfJob
		if err := k.maps["slowest"].Lookup(uint32(worker*len(w.Slowest)+i), &j); err != nil {
			return err
		}
		// The kernel may write it meanwhile.
		if addsUp(&j) && int(j.Slot) < len(l.slots) {
			l.keep(j)
		}
	}
	return nil
}
