package cli

import (
	"fmt"
	"io"
	"strings"

	"atoll/sched/sim"
)

// table writes one row for each of the policies, simulated or measured.
func (r schedResult) table(b *strings.Builder, policies []string) {
	b.WriteString(`
policy           recall  CPU s/h   p50 ms   p99 ms  late %     value  stale ms
`)
	for _, name := range policies {
		s := r.Policies[name]
		fmt.Fprintf(b, "%-15s%8.3f%9.0f%9.1f%9.0f%8.2f%10.1f%10.0f\n",
			name, s.Recall, s.CPU, s.LatencyP50, s.LatencyP99, 100*s.DeadlineMiss, s.Value, s.MaxStaleness)
	}
}

// printSched writes one row for each of the policies and what must hold of ours, at
// most 80 columns wide.
func printSched(w io.Writer, r schedResult, trace sim.Trace, policies []string) {
	var b strings.Builder
	fmt.Fprintf(&b, `Simulated, not measured: %s, seed %d
%d inputs of %d sources in %v, %d true events, load %.2f, work %.2f
What that is and what the columns mean: atoll sim sched --help
`, r.Scenario, r.Seed, len(trace.Arrivals), len(trace.Sources), trace.For, len(trace.Events), trace.Load(), trace.Work)
	r.table(&b, policies)
	printFigures(&b, sim.Compare(trace, r.Policies))
	io.WriteString(w, b.String()) // Main sees when that fails
}

func printFigures(b *strings.Builder, figures []sim.Figure) {
	if len(figures) == 0 {
		return
	}
	missed := false
	fmt.Fprintf(b, "\n%-40s%8s%11s\n", "lif", "must", "is")
	for _, f := range figures {
		relation, mark := "≥", ""
		if f.Most {
			relation = "≤"
		}
		if !f.Met() {
			missed, mark = true, "!"
		}
		fmt.Fprintf(b, "%-40s%8s%11.4g%s\n", f.Name, fmt.Sprintf("%s %.4g", relation, f.Must), f.Got, mark)
	}
	if missed {
		fmt.Fprintln(b, "\n! misses what it must")
	}
}
