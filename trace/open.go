package trace

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Loading programs takes longer than a worker and its models, whose first jobs must not
// wait for it: it goes on beside them. What a tracer is told meanwhile is kept, and done
// when it has ended.

// early is what was told of a process before the tracer was open.
type early struct {
	ends   [2]int // of its socket, parent's and worker's: descriptors of our own
	models []earlyModel
}

type earlyModel struct {
	number uint32
	name   string
	thread int
}

func newEarly(parentEnd, workerEnd int) (e *early, err error) {
	e = &early{}
	for i, end := range []int{parentEnd, workerEnd} {
		if e.ends[i], err = unix.FcntlInt(uintptr(end), unix.F_DUPFD_CLOEXEC, 0); err != nil {
			if i > 0 {
				unix.Close(e.ends[0])
			}
			return nil, os.NewSyscallError("fcntl", err)
		}
	}
	return e, nil
}

// close lets go of the socket, whose other end only then hears when this one is closed.
func (e *early) close() {
	for _, end := range e.ends {
		unix.Close(end)
	}
}

// load opens the tracer: by eBPF, or by what /proc tells where that can't be.
func (t *Tracer) load(loadKernel func() (*kernel, error)) {
	k, err := loadKernel()
	if err != nil {
		if probed := probeSchedstat(); probed != nil {
			err = fmt.Errorf("%w; %w", err, probed)
		}
		t.log.Warn().Msg("inferences are traced coarsely: " + err.Error())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kernel, t.limited = k, err
	for n, p := range t.processes {
		if p != nil {
			t.catchUp(n, p)
		}
	}
	close(t.opened)
}

// catchUp does what would have been done for a process if the tracer had been open.
func (t *Tracer) catchUp(worker int, p *process) {
	e := p.early
	p.early = nil
	defer e.close()
	if err := t.follow(worker, p.pid, e.ends[0], e.ends[1]); err != nil {
		t.log.Warn().Err(err).Int("pid", p.pid).Msg("a worker is not traced")
		p.ignored = true
		return
	}
	for _, m := range e.models {
		t.addModel(worker, p, m)
	}
}

// follow begins to follow a process.
func (t *Tracer) follow(worker, pid, parentEnd, workerEnd int) error {
	if t.kernel == nil {
		return nil
	}
	return t.kernel.started(worker, pid, parentEnd, workerEnd)
}

// addModel makes the jobs of a model count.
func (t *Tracer) addModel(worker int, p *process, m earlyModel) {
	slot, ok := t.ledger.slot(worker, m.name)
	if !ok {
		t.log.Warn().Str("model", m.name).Int("most", maxSlots).Msg("a model is not traced: there are too many")
		return
	}
	if t.kernel != nil {
		if err := t.kernel.loaded(worker, p.pid, m.thread, t.clock.mono(time.Now())); err != nil {
			t.log.Warn().Err(err).Str("model", m.name).Msg("a model is not traced")
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots[m.number] = uint32(slot)
	if t.kernel == nil {
		p.stat.open(p.pid, m.thread) // an error here is known since Open
	}
}

// isOpen says whether loading has ended. With Tracer.mu held, that stays as it is.
func (t *Tracer) isOpen() bool {
	select {
	case <-t.opened:
		return true
	default:
		return false
	}
}
