package engine

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Workers that die are replaced at once up to restartBurst times; each
// restartEvery earns one more. A model that crashes its worker every time must
// not turn into a fork bomb.
const (
	restartBurst = 10
	restartEvery = time.Second
)

// Worker is one worker process and its successors. Its methods may be called
// concurrently; jobs run one after the other.
type Worker struct {
	opts Options

	mu      sync.Mutex
	process *process // nil while there is none
	models  []*Model // loaded, in order of loading
	closed  bool
	stats   Stats

	allowance float64 // restarts that may happen now
	counted   time.Time

	revivals sync.WaitGroup
}

// lastID numbers the models of all Workers: a program that traces requests in the
// kernel sees no more of them than this.
var lastID atomic.Uint32

// Start starts a worker process.
func Start(opts Options) (*Worker, error) {
	if len(opts.Command) == 0 {
		opts.Command = []string{"/proc/self/exe", "worker"}
	}
	if opts.Threads <= 0 {
		opts.Threads = 1
	}
	if opts.LoadTimeout <= 0 {
		opts.LoadTimeout = 10 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Tracer == nil {
		opts.Tracer = noTracer{}
	}
	w := &Worker{opts: opts, allowance: restartBurst, counted: opts.Now()}
	if err := w.start(); err != nil {
		return nil, err
	}
	return w, nil
}

// start makes a process; w.mu is held, or w not yet shared.
func (w *Worker) start() error {
	p, err := startProcess(w.opts.Command, w.opts.Logger, w.opts.Tracer)
	if err != nil {
		return &WorkerError{Doing: "start", Cause: err.Error(), Err: err}
	}
	w.process = p
	w.stats.Starts++
	w.stats.PID = p.pid()
	w.opts.Logger.Debug().Int("pid", w.stats.PID).Uint64("starts", w.stats.Starts).Msg("worker started")
	w.revivals.Go(func() {
		<-p.exited
		w.mourn(p)
	})
	return nil
}

// mourn replaces a process that ended by itself between two jobs, so that none is
// lost to finding out.
func (w *Worker) mourn(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process != p {
		return // a job found out first, or the end was meant
	}
	w.fail("wait for a job", p.cause(), p.err)
}

// Load reads a .tflite model and prepares it for inference. name is for errors
// and logs. A model that TensorFlow Lite refuses is a *ModelError; one that
// kills or hangs the worker is a *WorkerError.
func (w *Worker) Load(name string, data []byte) (*Model, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ensure(); err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	m := &Model{worker: w, name: name, id: lastID.Add(1)}
	if err := m.stage(data); err != nil {
		return nil, err
	}
	if err := w.install(m); err != nil {
		m.release()
		return nil, err
	}
	w.models = append(w.models, m)
	return m, nil
}

// ensure sees to it that there is a process with all models loaded.
func (w *Worker) ensure() error {
	if w.closed {
		return ErrClosed
	}
	if w.process != nil {
		return nil
	}
	if wait := w.restartWait(); wait > 0 {
		return &RestartLimitError{wait}
	}
	if err := w.start(); err != nil {
		return err
	}
	for _, m := range w.models {
		if err := w.install(m); err != nil {
			if w.process != nil { // refused what it took before: try with another
				w.fail("load "+m.name, err.Error(), err)
			}
			return fmt.Errorf("new worker: %w", err)
		}
	}
	return nil
}

// restartWait takes one restart from the allowance, or says how long until there
// is one.
func (w *Worker) restartWait() time.Duration {
	now := w.opts.Now()
	earned := float64(now.Sub(w.counted)) / float64(restartEvery)
	w.counted = now
	w.allowance = min(restartBurst, w.allowance+max(0, earned))
	if w.allowance < 1 {
		return time.Duration((1 - w.allowance) * float64(restartEvery))
	}
	w.allowance--
	return 0
}

// fail ends the process after it failed and starts its successor beside the
// caller, who need not wait for it.
func (w *Worker) fail(doing, cause string, err error) *WorkerError {
	if said := w.end(); said != "" {
		cause += " (" + said + ")"
	}
	w.opts.Logger.Warn().Str("doing", doing).Str("cause", cause).Msg("worker failed, starting another")
	w.revivals.Go(w.revive)
	return &WorkerError{Doing: doing, Cause: cause, Err: err}
}

// end ends the process and returns its last words.
func (w *Worker) end() (said string) {
	said = w.process.kill()
	w.opts.Tracer.Gone(w.process.traced)
	w.process, w.stats.PID = nil, 0
	return said
}

func (w *Worker) revive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ensure(); err != nil && err != ErrClosed {
		w.opts.Logger.Error().Err(err).Msg("worker not replaced")
	}
}

// Stats returns the counters so far.
func (w *Worker) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// Close ends the process and frees the models' memory. Models must not be used
// any more, their tensors least of all.
func (w *Worker) Close() {
	w.mu.Lock()
	w.closed = true
	if w.process != nil {
		w.end()
	}
	for _, m := range w.models {
		m.release()
	}
	w.models = nil
	w.mu.Unlock()
	w.revivals.Wait()
}
