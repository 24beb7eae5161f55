package cli

import (
	"fmt"
	"io"
	"strings"

	"atoll/thermal/sim"
)

// column is one of the table of scores.
type column struct {
	width, decimals int
	must            string
	value           func(sim.Score) float64
	keeps           func(float64) bool
}

func atLeast(limit float64) func(float64) bool { return func(v float64) bool { return v >= limit } }
func atMost(limit float64) func(float64) bool  { return func(v float64) bool { return v <= limit } }
func below(limit float64) func(float64) bool   { return func(v float64) bool { return v < limit } }

const scoreHeader = `
                      efficiency     over  hottest  settled  under sensor faults
policy               p50      p05   p99 °C   max °C   p-p °C   max °C recovery s
`

// scoreColumns hold what the thermal controller must keep.
var scoreColumns = [...]column{
	{9, 3, "≥ 0.98", func(s sim.Score) float64 { return s.EfficiencyP50 }, atLeast(0.98)},
	{9, 3, "≥ 0.95", func(s sim.Score) float64 { return s.EfficiencyP05 }, atLeast(0.95)},
	{9, 2, "≤ 0.5", func(s sim.Score) float64 { return s.OvershootP99 }, atMost(0.5)},
	{9, 1, "< 85", func(s sim.Score) float64 { return s.Max }, below(85)},
	{9, 2, "≤ 1", func(s sim.Score) float64 { return s.SettledPtp }, atMost(1)},
	{9, 1, "≤ 75", func(s sim.Score) float64 { return s.FaultMax }, atMost(75)},
	{11, 1, "≤ 30", func(s sim.Score) float64 { return s.FaultRecovery }, atMost(30)},
}

// printScores writes one row for each of the policies, at most 80 columns wide.
func printScores(w io.Writer, r sim.Result, policies []string) {
	var b strings.Builder
	fmt.Fprintf(&b, `Simulated, not measured: %d boards of seed %d
with noisy sensors, changing load and weather, and at the end sensor faults.
What they are and what the columns mean: atoll sim thermal --help
`, r.Plants, r.Seed)
	b.WriteString(scoreHeader)
	row := func(name string, cell func(column) string) {
		line := fmt.Sprintf("%-15s", name)
		for _, c := range scoreColumns {
			line += fmt.Sprintf("%*s", c.width, cell(c))
		}
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	row("must", func(c column) string { return c.must + " " })
	missed := false
	for _, name := range policies {
		row(name, func(c column) string {
			v := c.value(r.Policies[name])
			if c.keeps(v) {
				return fmt.Sprintf("%.*f ", c.decimals, v)
			}
			missed = true
			return fmt.Sprintf("%.*f!", c.decimals, v)
		})
	}
	if missed {
		fmt.Fprintln(&b, "\n! misses what it must")
	}
	io.WriteString(w, b.String()) // Main sees when that fails
}
