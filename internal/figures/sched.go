package figures

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"atoll/sched"
	"atoll/sched/sim"
)

// SchedulingScenarios are those that nothing was tuned on.
func SchedulingScenarios() (names []string) {
	for _, name := range sim.Scenarios() {
		if !strings.HasPrefix(name, "tune-") {
			names = append(names, name)
		}
	}
	return names
}

// Scheduling plays a scenario to policies (none for all), at a load (0 for its own), once
// for each seed, and returns the means of their scores and what must hold of them.
func Scheduling(scenario string, load float64, seeds []uint64, policies ...string) (map[string]sim.Score, []sim.Figure, error) {
	s, err := sim.Load(scenario)
	if err != nil {
		return nil, nil, err
	}
	if load != 0 {
		s.Load = load
	}
	var trace sim.Trace
	var all []map[string]sim.Score
	for _, seed := range seeds {
		trace = sim.Generate(s, seed)
		scores, err := sim.Run(context.Background(), trace, sim.Options{Seed: seed, Policies: policies})
		if err != nil {
			return nil, nil, err
		}
		all = append(all, scores)
	}
	mean := sim.Mean(all)
	return mean, sim.Compare(trace, mean), nil
}

// SchedulerDecision is what it costs to decide over 64 neurons that all have a job
// waiting, from the end of one job to the begin of the next: the mean time, and
// allocations.
func SchedulerDecision() (took time.Duration, allocs float64, err error) {
	o := sched.Options{}
	for i := range sched.MaxSources {
		o.Sources = append(o.Sources, sched.Source{
			Name: fmt.Sprint("source ", i), Period: 30 * time.Millisecond, Weight: 1,
			Deadline: 100 * time.Millisecond, StaleAfter: 10 * time.Second, Cost: 100 * time.Microsecond,
		})
	}
	p, err := sched.New(sched.LIF, o)
	if err != nil {
		return 0, 0, err
	}
	for i := range o.Sources {
		p.Arrive(0, i, 1)
	}
	now := time.Duration(0)
	decide := func() {
		job, ok := p.Next(now)
		if !ok {
			err = errors.New("the scheduler has no job, with inputs waiting")
			return
		}
		now += 100 * time.Microsecond
		p.Done(now, job, 100*time.Microsecond)
		now += 10 * time.Microsecond // it rests
		p.Arrive(now, job.Source, 1)
	}
	const decisions = 500_000
	began := time.Now()
	for range decisions {
		decide()
	}
	took = time.Since(began) / decisions
	return took, testing.AllocsPerRun(2000, decide), err
}
