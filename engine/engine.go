// Package engine runs TensorFlow Lite models in a worker process that it starts,
// watches and replaces. Tensors lie in memory that parent and worker share: an
// input is written where the model reads it, and an output is read where the
// model wrote it. This package holds no C++ and never calls any; a model that
// crashes or hangs costs one job, not the program.
package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
)

// Options configure a Worker. The zero value is fit for use.
type Options struct {
	// Command starts a worker; the default is this very program with the
	// argument "worker".
	Command []string
	// Threads is how many threads XNNPACK uses for each model; default 1.
	Threads int
	// LoadTimeout bounds reading one model; default 10 s.
	LoadTimeout time.Duration
	// Logger hears of every worker that dies and every one that starts.
	Logger zerolog.Logger
	// Now is the clock that restarts are limited by; default time.Now.
	Now func() time.Time
	// Tracer, if any, follows worker processes and their jobs.
	Tracer Tracer
}

// Tracer is told of worker processes and jobs. All calls for one worker come one after
// the other.
type Tracer interface {
	// Started tells of a new process before it is asked anything, with both ends of the
	// socket to it, and returns a number that the other methods know it by.
	Started(pid, parentEnd, workerEnd int) (worker int)
	// Loaded tells that it can run a model, and which of its threads does.
	Loaded(worker int, model uint32, name string, thread int)
	// Begin tells of a job that is about to be asked for, since at. The marks go with
	// the request, for programs in the kernel that read it. With usage, End is to be
	// told what the worker used.
	Begin(worker int, model uint32, at time.Time) (marks [3]uint64, usage bool)
	// End tells how long the job took, 0 if it failed, and what the worker used of its
	// CPU, in nanoseconds, and in minor and major page faults.
	End(worker int, total time.Duration, usage [3]uint64)
	// Gone tells that the process has ended.
	Gone(worker int)
}

// noTracer is told everything and keeps nothing.
type noTracer struct{}

func (noTracer) Started(_, _, _ int) int                                { return 0 }
func (noTracer) Loaded(int, uint32, string, int)                        {}
func (noTracer) Begin(int, uint32, time.Time) (marks [3]uint64, _ bool) { return }
func (noTracer) End(int, time.Duration, [3]uint64)                      {}
func (noTracer) Gone(int)                                               {}

// ErrClosed is returned for what is asked of a closed Worker or Model.
var ErrClosed = errors.New("engine is closed")

// A WorkerError says that the worker died, overran its deadline or could not be
// started. The job at hand is lost; the next one gets a new worker.
type WorkerError struct {
	Doing string // what it was doing: "run short", "load short"
	Cause string // what happened: "deadline of 50ms passed", "signal: killed"
	Err   error  // the error behind it, if any
}

func (e *WorkerError) Error() string {
	return fmt.Sprintf("worker failed at %s: %s", e.Doing, e.Cause)
}

func (e *WorkerError) Unwrap() error { return e.Err }

// A ModelError says that TensorFlow Lite refused a model or an inference. The
// worker is unharmed.
type ModelError struct {
	Model  string // the name it was loaded under
	Reason string // in TensorFlow Lite's words, or ours
}

func (e *ModelError) Error() string { return fmt.Sprintf("model %s: %s", e.Model, e.Reason) }

// A RestartLimitError says that workers died so often that no new one is started
// before Wait has passed.
type RestartLimitError struct{ Wait time.Duration }

func (e *RestartLimitError) Error() string {
	return fmt.Sprintf("worker died too often: next start in %v; see the log for why it dies", e.Wait.Round(time.Millisecond))
}

// Timing is what one inference took.
type Timing struct {
	Invoke time.Duration // in the worker, nearly all of it inside TensorFlow Lite
	Total  time.Duration // as the caller saw it: Invoke and the hop to the worker and back
}

// Stats counts what a Worker went through.
type Stats struct {
	PID    int    // of the current process; 0 while there is none
	Jobs   uint64 // inferences that succeeded
	Failed uint64 // inferences that did not
	Starts uint64 // processes started, the first included
}
