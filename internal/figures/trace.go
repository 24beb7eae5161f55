package figures

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"atoll/engine"
	"atoll/internal/live"
	"atoll/model"
	"atoll/trace"
)

// Trace is what tracing costs and how well its numbers add up.
type Trace struct {
	Source trace.Source
	Median map[model.Modality]Ratio // of the time of an inference as the caller sees it
	CPU    Ratio                    // of CPU time, both processes together
	Within float64                  // share of the jobs made whose parts add up to their wall time within 2 %
	Jobs   int                      // that were made with tracing
	Lost   int                      // of those, as the tracer says
}

// Inferences of a slice: what a second of one camera and one microphone asks for. As many
// before warm up: turning tracing on or off leaves the machine idle for a moment, and
// after that it is faster for a while.
var traceSlice = map[model.Modality]int{model.Vision: 30, model.Audio: 31}

// MeasureTrace runs pairs of slices on the same worker, one with tracing and one without,
// in an order that a seed says. Caller and worker share a CPU: all that tracing does to
// either lies in the time that is measured, and how long another CPU takes to wake does not.
func MeasureTrace(pairs int, seed uint64) (t Trace, err error) {
	tracer := &switchedTracer{}
	defer tracer.close()
	w, err := engine.Start(engine.Options{Tracer: tracer})
	if err != nil {
		return t, err
	}
	defer w.Close()
	list, err := baselines()
	if err != nil {
		return t, err
	}
	models := map[model.Modality]*engine.Model{}
	for modality := range traceSlice {
		if models[modality], err = w.Load(fmt.Sprintf("%v/baseline", modality), list[modality]); err != nil {
			return t, err
		}
	}
	unpin, err := shareCPU(tracer.thread)
	if err != nil {
		return t, err
	}
	defer unpin()
	var added, lost uint64
	t.Median, t.CPU, err = tracer.pairs(pairs, seed, func() (slice, error) { return runSlice(w, models) }, func(s trace.Snapshot) {
		t.Source = s.Source
		for _, m := range s.Models {
			added += m.Jobs
		}
		lost += s.Lost
	})
	if err != nil {
		return t, err
	}
	t.Jobs = pairs * jobsOfSlice()
	t.Lost, t.Within = int(lost), float64(added)/float64(t.Jobs)
	return t, nil
}

// shareCPU keeps the calling goroutine and a thread on one CPU.
func shareCPU(thread int) (unpin func(), err error) {
	runtime.LockOSThread()
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	cpu := 0
	for !all.IsSet(cpu) {
		cpu++
	}
	set := func(to *unix.CPUSet) error {
		err := errors.Join(unix.SchedSetaffinity(0, to), unix.SchedSetaffinity(thread, to))
		return os.NewSyscallError("sched_setaffinity", err)
	}
	var one unix.CPUSet
	one.Set(cpu)
	return func() {
		set(&all)
		runtime.UnlockOSThread()
	}, set(&one)
}

func runSlice(w *engine.Worker, models map[model.Modality]*engine.Model) (s slice, err error) {
	runtime.GC() // of what turning tracing on or off left
	if _, err := runJobs(models); err != nil {
		return s, err
	}
	before, err := cpuOf(w.Stats())
	if err != nil {
		return s, err
	}
	if s.median, err = runJobs(models); err != nil {
		return s, err
	}
	after, err := cpuOf(w.Stats())
	s.cpu = after - before
	return s, err
}

// jobsOfSlice is how many jobs runSlice makes.
func jobsOfSlice() (n int) {
	for _, jobs := range traceSlice {
		n += 2 * jobs
	}
	return n
}

// runJobs returns the median of each modality.
func runJobs(models map[model.Modality]*engine.Model) (map[model.Modality]time.Duration, error) {
	medians := map[model.Modality]time.Duration{}
	for modality, n := range traceSlice {
		var took []time.Duration
		for range n {
			timing, err := models[modality].Run(engineDeadline)
			if err != nil {
				return nil, err
			}
			took = append(took, timing.Total)
		}
		medians[modality] = quantile(took, 0.5)
	}
	return medians, nil
}

// cpuOf is the CPU time of this process and its worker.
func cpuOf(worker engine.Stats) (sum time.Duration, err error) {
	for _, pid := range []int{os.Getpid(), worker.PID} {
		used, err := live.OnCPU(pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}
