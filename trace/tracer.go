package trace

import (
	"cmp"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Options configure a Tracer. The zero value is fit for use.
type Options struct {
	// Logger hears, in one line, why eBPF is not used and what it would take.
	Logger zerolog.Logger
}

// Tracer follows worker processes and their jobs. It is an engine.Tracer: methods that
// name a worker are called by one goroutine at a time for each; the others may be called
// at any time.
type Tracer struct {
	log     zerolog.Logger
	clock   clock
	began   time.Time
	opened  chan struct{} // closed when both of these are known for good
	kernel  *kernel       // nil: what /proc tells is all
	limited error

	mu        sync.Mutex
	ledger    *ledger // of the jobs that no program in the kernel added up
	processes [maxWorkers]*process
	refused   error // why a worker is not followed by eBPF, which others are
}

// process is one worker process.
type process struct {
	pid    int
	slots  map[uint32]uint32 // of its models
	early  *early            // nil once the tracer is open
	coarse bool              // what /proc tells is all; known once the tracer is open

	mu     sync.Mutex // against Snapshot; Tracer.mu is taken before it
	traced bool       // the job at hand has a slot
	asked  uint64     // the last one that has was
	ended  uint64     // the caller had its answer; 0: it had none, or the job is added up
	stat   schedstat  // without eBPF
}

// Open starts tracing: by eBPF, or by what /proc tells where that can't be. It does not
// wait until that is found out, some 50 ms later; jobs before are not traced.
func Open(opts Options) *Tracer { return open(opts, loadKernel) }

func open(opts Options, loadKernel func() (*kernel, error)) *Tracer {
	t := &Tracer{log: opts.Logger, began: time.Now(), ledger: newLedger(), opened: make(chan struct{})}
	var err error
	if t.clock, err = newClock(); err != nil {
		loadKernel = func() (*kernel, error) { return nil, err }
	}
	go t.load(loadKernel)
	return t
}

// Source says where the numbers come from. It waits until that is known.
func (t *Tracer) Source() Source {
	<-t.opened
	if t.kernel != nil {
		return EBPF
	}
	return SchedStat
}

// Limited is nil where eBPF is used, else it says what is missing: errors.As finds an
// *UnsupportedError in it. It waits until that is known.
func (t *Tracer) Limited() error {
	<-t.opened
	return t.limited
}

// Started is told of a new worker process, before its first request, with both ends of
// the socket to it. It returns the number that the process goes by; -1 if it can't be
// followed.
func (t *Tracer) Started(pid, parentEnd, workerEnd int) (worker int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, p := range t.processes {
		if p != nil {
			continue
		}
		p := &process{pid: pid, slots: map[uint32]uint32{}}
		if t.isOpen() {
			t.follow(n, p, parentEnd, workerEnd)
		} else if err := p.keepEarly(parentEnd, workerEnd); err != nil {
			t.log.Warn().Err(err).Int("pid", pid).Msg("a worker is not traced")
			return -1
		}
		t.processes[n] = p
		return n
	}
	t.log.Warn().Int("pid", pid).Int("most", maxWorkers).Msg("a worker is not traced: there are too many")
	return -1
}

// Loaded is told that a worker can run a model, by the number that requests have and a
// name such as "vision/short", and which of its threads does.
func (t *Tracer) Loaded(worker int, model uint32, name string, thread int) {
	if worker < 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p, m := t.processes[worker], earlyModel{model, name, thread}
	if p.early != nil {
		p.early.models = append(p.early.models, m)
		return
	}
	t.addModel(worker, p, m)
}

// Begin is told that a worker is about to be asked for a job. marks go behind the
// request's header, for a program in the kernel that looks at it: when the job was asked
// for and when the one before had ended, in nanoseconds of CLOCK_MONOTONIC, and where it
// is to be added up. With usage, End wants to hear what the worker itself knows of the job.
func (t *Tracer) Begin(worker int, model uint32, at time.Time) (marks [3]uint64, usage bool) {
	if worker < 0 || !t.isOpen() {
		return [3]uint64{2: nowhere}, false
	}
	p := t.processes[worker]
	if p.coarse {
		t.beginCoarse(p, model, at)
		return marks, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	slot, ok := p.slots[model]
	if p.traced = ok; !ok {
		return [3]uint64{2: nowhere}, false
	}
	marks = [3]uint64{t.clock.mono(at), p.ended, uint64(worker) | uint64(slot)<<32}
	p.asked, p.ended = marks[0], 0
	return marks, false
}

// nowhere is a worker that does not exist.
const nowhere = ^uint64(0)

func (t *Tracer) beginCoarse(p *process, model uint32, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	t.settle(p)
	p.asked = t.clock.mono(at)
	p.stat.slot, p.traced = p.slots[model]
	p.stat.before = p.stat.waited()
}

// settle adds up the last job of a process, if that is still to be done, where no
// program in the kernel does. It comes late because the kernel brings a thread's
// numbers up to date when it goes to sleep, which is after its reply. Both locks are held.
func (t *Tracer) settle(p *process) {
	if p.ended == 0 {
		return
	}
	t.ledger.count(p.stat.job(p.asked, p.ended-p.asked), p.ended)
	p.ended = 0
}

// End is told how long the job took as the caller saw it; 0 if it failed. usage is the
// worker's own account, where that was asked for: nanoseconds on a CPU, minor and
// major page faults.
func (t *Tracer) End(worker int, total time.Duration, usage [3]uint64) {
	if worker < 0 {
		return
	}
	p := t.processes[worker]
	p.mu.Lock()
	defer p.mu.Unlock()
	if total > 0 && p.traced {
		p.ended, p.stat.usage = p.asked+uint64(total), usage
	}
}

// Gone is told that a worker process has ended.
func (t *Tracer) Gone(worker int) {
	if worker < 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.processes[worker]
	p.mu.Lock()
	defer p.mu.Unlock()
	t.processes[worker] = nil
	if p.early != nil {
		p.early.close()
		return
	}
	if p.coarse {
		t.settle(p)
		p.stat.close()
		return
	}
	if w, err := t.kernel.worker(worker); err == nil {
		t.ledger.countLast(p, &w)
	}
	if err := t.kernel.gone(worker, t.clock.mono(time.Now())); err != nil {
		t.log.Warn().Err(err).Msg("trace of a worker that ended")
	}
}

// countLast adds up the last job of a process, which programs in the kernel would do at
// the next request.
func (l *ledger) countLast(p *process, w *bpfWorker) {
	switch {
	case p.ended == 0:
	case w.Mark == 0 && w.Job.Replied != 0 && w.Job.Asked == p.asked:
		l.count(w.Job, p.ended)
	default:
		l.lost++
	}
}

// Snapshot is what was seen until now.
func (t *Tracer) Snapshot() (Snapshot, error) {
	<-t.opened
	s := Snapshot{Source: t.Source(), Began: t.began}
	all, limited, err := t.read()
	s.For = time.Since(t.began)
	if err != nil {
		return s, err
	}
	if limited != nil {
		s.Limited = limited.Error()
	}
	all.snapshot(&s, t.clock) // with no lock held, which the next job would wait for
	return s, nil
}

// read returns all that was seen, and why not more.
func (t *Tracer) read() (all *ledger, limited, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all = newLedger()
	all.slots = t.ledger.slots
	t.settleAll()
	if t.kernel != nil {
		if err := t.readKernel(all); err != nil {
			return nil, nil, err
		}
	}
	all.merge(t.ledger)
	return all, cmp.Or(t.limited, t.refused), nil
}

// settleAll adds up the last jobs of workers that only /proc tells of.
func (t *Tracer) settleAll() {
	for _, p := range t.processes {
		if p == nil || !p.coarse {
			continue
		}
		p.mu.Lock()
		t.settle(p)
		p.mu.Unlock()
	}
}

// readKernel adds what the kernel has, and the last job of each worker, which it adds up
// at the next request. No request is made while both are read; the lists, which take
// longer, are read before.
func (t *Tracer) readKernel(all *ledger) error {
	if err := t.kernel.readLists(all); err != nil {
		return err
	}
	for _, p := range t.processes {
		if p != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
		}
	}
	if err := t.kernel.readTotals(all); err != nil {
		return err
	}
	for n, p := range t.processes {
		w, err := t.kernel.worker(n)
		if err != nil {
			return err
		}
		all.lost += w.Lost
		if p != nil && !p.coarse {
			all.countLast(p, &w)
		}
	}
	return nil
}

// Close ends tracing; workers have ended before.
func (t *Tracer) Close() error {
	<-t.opened
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.processes {
		if p != nil {
			p.stat.close()
		}
	}
	if t.kernel != nil {
		t.kernel.close()
	}
	return nil
}
