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

func (p *process) keepEarly(parentEnd, workerEnd int) (err error) {
	e := &early{}
	for i, end := range []int{parentEnd, workerEnd} {
		if e.ends[i], err = unix.FcntlInt(uintptr(end), unix.F_DUPFD_CLOEXEC, 0); err != nil {
			if i > 0 {
				unix.Close(e.ends[0])
			}
			return os.NewSyscallError("fcntl", err)
		}
	}
	p.early = e
	return nil
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
		err = typedError(err)
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
	t.follow(worker, p, e.ends[0], e.ends[1])
	for _, m := range e.models {
		t.addModel(worker, p, m)
	}
}

// follow begins to follow a process: by eBPF, or where the kernel refuses that by what
// /proc tells.
func (t *Tracer) follow(worker int, p *process, parentEnd, workerEnd int) {
	if t.kernel == nil {
		p.coarse = true
		return
	}
	err := t.kernel.started(worker, p.pid, parentEnd, workerEnd)
	if err == nil {
		return
	}
	p.coarse = true
	t.refused = unsupported("programs on the socket of a worker, which is traced coarsely", "CONFIG_BPF_SYSCALL", err)
	t.log.Warn().Int("pid", p.pid).Msg(t.refused.Error())
}

// addModel makes the jobs of a model count.
func (t *Tracer) addModel(worker int, p *process, m earlyModel) {
	slot, ok := t.ledger.slot(worker, m.name)
	if !ok {
		t.log.Warn().Str("model", m.name).Int("most", maxSlots).Msg("a model is not traced: there are too many")
		return
	}
	if !p.coarse {
		if err := t.kernel.loaded(worker, p.pid, m.thread, t.clock.mono(time.Now())); err != nil {
			t.log.Warn().Err(err).Str("model", m.name).Msg("a model is not traced")
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots[m.number] = uint32(slot)
	if p.coarse {
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
