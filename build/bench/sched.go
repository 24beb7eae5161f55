package main

import (
	"fmt"
	"time"

	"atoll/internal/figures"
	"atoll/sched"
	"atoll/sched/sim"
)

// schedulingSeeds are of scenes that nothing was tuned on.
var schedulingSeeds = []uint64{2026, 2027, 2028}

// schedulingLoads are those at which value is held against fifo's.
var schedulingLoads = []float64{0.5, 0.8, 1.2, 1.5, 3, 4}

// scheduling is of simulated scenes. What other policies reach stands beside ours and
// has nothing to keep.
func (b *bench) scheduling() error {
	took, allocs, err := figures.SchedulerDecision()
	if err != nil {
		return err
	}
	b.Row("a decision over 64 neurons", "<= 1µs", fmt.Sprint(took), took <= time.Microsecond)
	b.Row("  heap allocations", "0", fmt.Sprint(allocs), allocs == 0)
	for _, scenario := range figures.SchedulingScenarios() {
		scores, compared, err := figures.Scheduling(scenario, 0, schedulingSeeds)
		if err != nil {
			return err
		}
		b.Row(fmt.Sprintf("simulated, %d seeds of %s: lif", len(schedulingSeeds), scenario), "-", "", true)
		b.compared(compared)
		for _, policy := range sched.Policies() {
			s := scores[policy]
			b.Row("    "+policy+": recall, CPU s/h", "-", fmt.Sprintf("%.3f, %.0f", s.Recall, s.CPU), true)
			b.Row("      p50 / p99, value, late", "-", fmt.Sprintf("%.0f / %.0f ms, %.1f, %.2f %%", s.LatencyP50, s.LatencyP99, s.Value, 100*s.DeadlineMiss), true)
		}
	}
	const scenario = "overload"
	for _, load := range schedulingLoads {
		_, compared, err := figures.Scheduling(scenario, load, schedulingSeeds, sched.LIF, sched.FIFO)
		if err != nil {
			return err
		}
		b.Row(fmt.Sprintf("simulated, %d seeds of %s at load %v: lif", len(schedulingSeeds), scenario, load), "-", "", true)
		b.compared(compared)
	}
	return nil
}

func (b *bench) compared(list []sim.Figure) {
	for _, f := range list {
		relation := ">="
		if f.Most {
			relation = "<="
		}
		b.Row("  "+f.Name, fmt.Sprintf("%s %.4g", relation, f.Must), fmt.Sprintf("%.4g", f.Got), f.Met())
	}
}
