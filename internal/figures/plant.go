package figures

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"atoll/engine"
	"atoll/model"
	"atoll/trace"
)

// Planted is how often a cause that was planted in one of many jobs of the real engine is
// what its trace names.
type Planted struct {
	Cause      trace.Cause
	Named, All int
	Reason     string // of the last, in words
	Again      int    // planted jobs that were made again: their record was incomplete, or others disturbed them
}

// plant is a cause, with a job that suffers from it.
type plant struct {
	cause trace.Cause
	takes time.Duration
	run   func(*plantation, time.Duration) error
}

var plants = []plant{
	{trace.CPUHeld, 10 * time.Millisecond, (*plantation).heldCPU},
	{trace.StoppedBySignal, 50 * time.Millisecond, (*plantation).stopped},
}

// disturbed says that what was planted in j did not come to bear, or that j took as long
// again for other reasons, of which one may rightly be named. Only the caller's clock is
// asked, which is not what is measured.
func (p plant) disturbed(j trace.Job) bool { return j.Wall < p.takes/2 || j.Wall > 2*p.takes }

// tries is how often a job is planted at most, for one that counts.
const tries = 5

// plantation is a worker whose jobs things are done to.
type plantation struct {
	tracer *switchedTracer
	model  *engine.Model
	at     time.Time // just before the planted job
	until  time.Time // it has ended
}

// PlantCauses plants each cause n times, every time among 30 ordinary jobs.
func PlantCauses(n int) (list []Planted, err error) {
	models, err := baselines()
	if err != nil {
		return nil, err
	}
	p := &plantation{tracer: &switchedTracer{}}
	defer p.tracer.close()
	w, err := engine.Start(engine.Options{Tracer: p.tracer})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if p.model, err = w.Load("vision/baseline", models[model.Vision]); err != nil {
		return nil, err
	}
	for _, plant := range plants {
		result := Planted{Cause: plant.cause, All: n}
		for done := 0; done < n; {
			s, err := p.among(func() error { return plant.run(p, plant.takes) })
			if err != nil {
				return nil, fmt.Errorf("%v: %w", plant.cause, err)
			}
			planted, kept := p.planted(s)
			if !kept || plant.disturbed(planted) {
				if result.Again++; result.Again > (tries-1)*n {
					return nil, fmt.Errorf("%v: %d planted jobs are in no trace, or others disturbed them: on a quieter machine?", plant.cause, result.Again)
				}
				continue
			}
			done++
			if s.Source == trace.EBPF && trace.CauseOf(planted, s.Models[0]) == plant.cause {
				result.Named++
			}
			result.Reason = planted.Reason
		}
		list = append(list, result)
	}
	return list, nil
}

// planted is the planted job, if its record is whole. Noise of the machine may have made
// another one slower.
func (p *plantation) planted(s trace.Snapshot) (j trace.Job, kept bool) {
	i := slices.IndexFunc(s.Slowest, func(j trace.Job) bool { return !j.At.Before(p.at) && j.At.Before(p.until) })
	if i < 0 || len(s.Models) == 0 {
		return trace.Job{}, false
	}
	return s.Slowest[i], true
}

// among traces ordinary jobs and one that is not.
func (p *plantation) among(unusual func() error) (trace.Snapshot, error) {
	p.tracer.on()
	p.at = time.Now()
	err := unusual()
	p.until = time.Now()
	for i := 0; i < 30 && err == nil; i++ {
		err = p.job()
	}
	s, snapshotErr := p.tracer.off()
	if err == nil {
		err = snapshotErr
	}
	return s, err
}

func (p *plantation) job() error {
	_, err := p.model.Run(engineDeadline)
	return err
}

// heldCPU has a busy loop on the worker's CPU until so long after the job was asked for, by
// a thread on another one.
func (p *plantation) heldCPU(long time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	if all.Count() < 2 {
		return errors.New("needs two CPUs")
	}
	cpu := 0
	for !all.IsSet(cpu) {
		cpu++
	}
	one, others := unix.CPUSet{}, all
	one.Set(cpu)
	others.Clear(cpu)
	for thread, set := range map[int]*unix.CPUSet{p.tracer.thread: &one, 0: &others} {
		if err := unix.SchedSetaffinity(thread, set); err != nil {
			return err
		}
		defer unix.SchedSetaffinity(thread, &all)
	}
	busy, done := make(chan error), make(chan struct{})
	var free atomic.Int64
	go func() {
		defer close(done)
		holdCPU(all, one, busy, &free)
	}()
	err := <-busy
	if err == nil {
		// Not a moment before: the thread that asks may itself wait for a CPU.
		p.tracer.asked = func() { free.CompareAndSwap(0, time.Now().Add(long).UnixNano()) }
		err = p.job()
		p.tracer.asked = nil
	}
	free.CompareAndSwap(0, 1) // no job was asked for
	<-done
	return err
}

// holdCPU keeps one CPU busy until the time that free then holds. The thread must not end
// after it: the worker would with the thread that started it.
func holdCPU(before, one unix.CPUSet, busy chan<- error, free *atomic.Int64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		busy <- err
		return
	}
	defer unix.SchedSetaffinity(0, &before)
	// Of its own class it would have to let the worker pass, whose jobs are short.
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0); err != nil {
		busy <- err
		return
	}
	defer unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
	busy <- nil
	for free.Load() == 0 || time.Now().UnixNano() < free.Load() {
	}
}

// stopped stops the worker until so long after the job was asked for.
func (p *plantation) stopped(long time.Duration) error {
	if err := unix.Kill(p.tracer.pid, unix.SIGSTOP); err != nil {
		return err
	}
	resume := time.AfterFunc(long, func() { unix.Kill(p.tracer.pid, unix.SIGCONT) })
	defer resume.Stop()
	return p.job()
}
