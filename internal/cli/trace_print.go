package cli

import (
	"fmt"
	"strings"
	"time"

	"atoll/trace"
)

// What a snapshot is of.
const (
	sinceBegin = "the run began"
	sinceAsked = "it was asked"
)

// traceColumns are the parts of a job's time, at most 80 columns in all.
var traceColumns = [trace.NumParts]struct {
	head  string
	width int
}{{"on CPU", 8}, {"queue", 7}, {"preempt", 8}, {"blocked", 8}, {"stopped", 8}, {"hardirq", 8}, {"softirq", 8}, {"reply", 7}}

const modelWidth = 18

// traceText is a snapshot as tables and histograms, at most 80 columns wide.
func traceText(s trace.Snapshot, since string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Since %s at %s, for %s\n", since, s.Began.Format(time.TimeOnly), passed(s.For))
	writeLimits(&b, &s)
	if len(s.Models) == 0 {
		b.WriteString("\nno inference yet\n")
		return b.String()
	}
	unseen := func(value string, zero bool) string {
		if zero && s.Source != trace.EBPF {
			return "-"
		}
		return value
	}
	fmt.Fprintf(&b, "\n%-*s%10s%9s%9s%9s%9s%8s%7s\n", modelWidth, "for each job", "jobs", "p50 ms", "p99 ms", "max ms", "faults", "moves", "MHz")
	for i := range s.Models {
		m := &s.Models[i]
		jobs := max(1, float64(m.Jobs))
		mhz := "-"
		if m.MeanKHz > 0 {
			mhz = fmt.Sprintf("%d", m.MeanKHz/1000)
		}
		fmt.Fprintf(&b, "%-*s%10d%9s%9s%9s%9s%8s%7s\n", modelWidth, modelName(m.Modality, m.Variant), m.Jobs,
			millis(m.P50), millis(m.P99), millis(m.Max), digits3((float64(m.MinorFaults)+float64(m.MajorFaults))/jobs),
			unseen(digits3(float64(m.Migrations)/jobs), m.Migrations == 0), mhz)
	}
	fmt.Fprintf(&b, "\n%-*s", modelWidth, "% of their time")
	for _, c := range traceColumns {
		fmt.Fprintf(&b, "%*s", c.width, c.head)
	}
	b.WriteByte('\n')
	for i := range s.Models {
		m := &s.Models[i]
		fmt.Fprintf(&b, "%-*s", modelWidth, modelName(m.Modality, m.Variant))
		for p, c := range traceColumns {
			share := 100 * float64(m.Parts[p]) / max(1, float64(m.Wall))
			fmt.Fprintf(&b, "%*s", c.width, unseen(fmt.Sprintf("%.1f", share), m.Parts[p] == 0))
		}
		b.WriteByte('\n')
	}
	writeHistograms(&b, s.Models)
	writePreemptors(&b, s.Preemptors)
	return b.String()
}

// writeLimits says what a snapshot lacks.
func writeLimits(b *strings.Builder, s *trace.Snapshot) {
	var lacks []string
	if s.Source != trace.EBPF {
		lack := "From /proc only, which sees no preemption, stop or interrupt"
		if s.Limited != "" {
			lack += ": " + printable(strings.Join(strings.Fields(s.Limited), " "))
		}
		lacks = append(lacks, lack)
	}
	if s.Lost > 0 {
		lacks = append(lacks, fmt.Sprintf("%d more jobs are not counted: their records were incomplete", s.Lost))
	}
	for _, lack := range lacks {
		for _, line := range wrap(lack, helpWidth) {
			fmt.Fprintln(b, line)
		}
	}
}

// writePreemptors lists who held CPUs while jobs waited for them.
func writePreemptors(b *strings.Builder, list []trace.Holder) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%-30s%10s%10s\n", "held CPUs that jobs waited for", "ms", "times")
	for _, h := range list {
		fmt.Fprintf(b, "%-30s%10s%10d\n", taskName(h), millis(h.Time), h.Jobs)
	}
}

// modelName fits into its column.
func modelName(modality, variant string) string {
	return fmt.Sprintf("%.*s", modelWidth, printable(modality+" "+variant))
}

func taskName(h trace.Holder) string {
	return fmt.Sprintf("%.15s (%d)", printable(h.Task), h.PID)
}

// millis is a time in milliseconds.
func millis(d time.Duration) string { return digits3(float64(d) / float64(time.Millisecond)) }

// digits3 is x with three digits, or those before its point, and none below 0.001.
func digits3(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x < 0.9995:
		return fmt.Sprintf("%.3f", x)
	case x < 9.995:
		return fmt.Sprintf("%.2f", x)
	case x < 99.95:
		return fmt.Sprintf("%.1f", x)
	case x < 1e7:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.1e", x)
}

// passed is a time as long as a run may be.
func passed(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
