package live

import (
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"atoll/internal/material"
	"atoll/pipeline"
	"atoll/pipeline/fusion"
	"atoll/pipeline/fusion/score"
	"atoll/sched/sim"
)

// allowed is how late after its begin an event may be decided to count.
const allowed = 3 * time.Second

// Score is how one policy did, in the fields of a simulation: but an event counts once
// fusion has decided it within the time allowed, not once a job has seen it, and one
// that was missed counts with that time; the worth of a decided event is 1 at once,
// falling to nothing after the time allowed; and the CPU is measured. It is that of the
// worker. The process that plays is not in it: it draws the pictures as well as
// comparing them, which no real camera makes it do, and as much for one policy as for
// another.
type Score = sim.Score

// rate compares what was decided in a scene that began at a time with what was true.
func rate(s *material.Scene, begin time.Duration, events []fusion.Event, stats []pipeline.InputStats, used time.Duration) Score {
	r := Score{CPU: used.Seconds() * 3600 / s.For.Seconds()}
	var latencies []time.Duration
	found := 0
	for _, in := range s.Truth {
		late, ok := decided(in, begin, events)
		if ok {
			found++
			r.Value += 1 - float64(late)/float64(allowed)
		}
		latencies = append(latencies, late)
	}
	slices.Sort(latencies)
	r.Recall = float64(found) / float64(max(1, len(s.Truth)))
	r.LatencyP50, r.LatencyP99 = sim.Quantile(latencies, 0.5), sim.Quantile(latencies, 0.99)
	var jobs, missed uint64
	for _, in := range stats {
		jobs, missed = jobs+in.Jobs, missed+in.Late
		r.MaxStaleness = max(r.MaxStaleness, float64(in.Stalest)/float64(time.Millisecond))
	}
	r.DeadlineMiss = float64(missed) / float64(max(1, jobs))
	return r
}

// decided is how long after the begin of a true event it was decided, or else the time
// that was allowed for it.
func decided(in score.Interval, begin time.Duration, events []fusion.Event) (late time.Duration, ok bool) {
	for _, e := range events {
		late := e.At - begin - in.Start
		if e.Name == in.Kind && e.State == in.Label && late >= 0 && late <= allowed {
			return late, true
		}
	}
	return allowed, false
}

// OnCPU is the time that all threads of a process have spent on a CPU, by its clock.
func OnCPU(pid int) (time.Duration, error) {
	if pid <= 0 {
		return 0, fmt.Errorf("process %d: there is none whose CPU time could be measured", pid)
	}
	const scheduled = 2 // CPUCLOCK_SCHED of the clock of another process
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &ts); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, os.NewSyscallError("clock_gettime", err))
	}
	return time.Duration(ts.Nano()), nil
}
