package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"atoll/internal/figures"
)

// Boards that nothing was tuned on.
const (
	coolingPlants = 1000
	coolingSeed   = 2026
)

// cooling is of simulated boards. What other policies reach stands beside ours and
// has nothing to keep.
func (b *bench) cooling() error {
	scores, err := figures.Cooling(coolingPlants, coolingSeed)
	if err != nil {
		return err
	}
	p := scores["predictive"]
	name := func(s string) string { return fmt.Sprintf("simulated, %d boards: %s", coolingPlants, s) }
	b.AtLeast(name("work, median"), 0.98, p.EfficiencyP50)
	b.AtLeast(name("work, 5th percentile"), 0.95, p.EfficiencyP05)
	for _, figure := range []struct {
		measure   string
		got, must float64
		unit      string
	}{
		{name("overshoot, 99th"), p.OvershootP99, 0.5, "K"},
		{"  highest from a load step", p.Max, 85, "°C"},
		{"  oscillation when settled, 99th", p.SettledPtp, 1, "K"},
		{"  highest under sensor faults", p.FaultMax, 75, "°C"},
		{"  slowest recovery from a fault", p.FaultRecovery, 30, "s"},
	} {
		b.Row(figure.measure, fmt.Sprintf("<= %v %s", figure.must, figure.unit), fmt.Sprintf("%.2f %s", figure.got, figure.unit), figure.got <= figure.must)
	}
	delete(scores, "predictive")
	for _, policy := range slices.Sorted(maps.Keys(scores)) {
		s := scores[policy]
		b.Row("  "+policy+": work p50 / p05", "-", fmt.Sprintf("%.3f / %.3f", s.EfficiencyP50, s.EfficiencyP05), true)
		b.Row("    overshoot 99th, highest", "-", fmt.Sprintf("%.1f K, %.1f °C", s.OvershootP99, s.Max), true)
		b.Row("    settled 99th, under faults, recovery", "-", fmt.Sprintf("%.1f K, %.1f °C, %.0f s", s.SettledPtp, s.FaultMax, s.FaultRecovery), true)
	}
	return nil
}

// ticks is how often a run decides in a second.
const ticks = 10

func (b *bench) control() error {
	took, allocs := figures.ControllerStep()
	b.Row("a step of filter and controller", "<= 20µs", fmt.Sprint(took), took <= 20*time.Microsecond)
	b.Row("  heap allocations", "0", fmt.Sprint(allocs), allocs == 0)
	share := ticks * took.Seconds()
	b.Row("  share of a core at 10 Hz", "<= 0.1 %", fmt.Sprintf("%.4f %%", 100*share), share <= 0.001)
	return nil
}

const mostDetection = 50 * time.Millisecond

func (b *bench) detection() error {
	medians, err := figures.DetectCaptured("board/testdata")
	if err != nil {
		return err
	}
	names := slices.SortedFunc(maps.Keys(medians), func(x, y string) int { return cmp.Compare(medians[x], medians[y]) })
	for _, name := range names {
		took := medians[name]
		b.Row("detection, median, "+name, "<= 50ms", fmt.Sprint(took.Round(time.Microsecond)), took <= mostDetection)
	}
	took, err := figures.DetectLive(os.Getenv("ATOLL_BIN"))
	if err != nil {
		return err
	}
	b.Row("atoll detect, all of the process, median", "<= 50ms", fmt.Sprint(took.Round(100*time.Microsecond)), took <= mostDetection)
	return nil
}
