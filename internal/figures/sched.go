package figures

import (
	"context"
	"strings"

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
