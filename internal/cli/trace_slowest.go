package cli

import (
	"fmt"
	"strings"
	"time"

	"atoll/trace"
)

// partWords name the parts of a job's time in sentences.
var partWords = [trace.NumParts]string{"on CPU", "queue", "preempted", "blocked", "stopped", "hard irq", "soft irq", "reply"}

// slowestText tells of the slowest jobs, one paragraph each.
func slowestText(s finished) string {
	var b strings.Builder
	var jobs uint64
	for i := range s.Models {
		jobs += s.Models[i].Jobs
	}
	run := "it goes on"
	if s.Ended {
		run = "it ended after " + passed(s.For)
	}
	fmt.Fprintf(&b, "Slowest of %d jobs of the run of %s; %s\n", jobs, s.Began.Format(time.DateTime), run)
	if s.Ended {
		b.WriteString("It is the last that ended normally: a run that was killed leaves none of this\n")
	}
	writeLimits(&b, &s.Snapshot)
	if len(s.Slowest) == 0 {
		b.WriteString("\nno inference yet\n")
	}
	for i := range s.Slowest {
		j := &s.Slowest[i]
		fmt.Fprintf(&b, "\n%2d  %s ms  %s  at %s\n", i+1, jobMillis(j.Wall), modelName(j.Modality, j.Variant), j.At.Format("15:04:05.000"))
		for _, sentence := range []string{printable(j.Reason), breakdown(j), besides(j), held(j)} {
			for _, line := range wrap(sentence, helpWidth-4) {
				fmt.Fprintf(&b, "    %s\n", line)
			}
		}
	}
	return b.String()
}

// jobMillis is a time of a job in milliseconds, with as many digits as its reason has.
func jobMillis(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d < time.Millisecond:
		return fmt.Sprintf("%.3f", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f", d.Seconds()*1e3)
}

// breakdown are the parts of a job's time that are a thousandth of it or more.
func breakdown(j *trace.Job) string {
	var parts []string
	for p, d := range j.Parts {
		if d > 0 && d >= j.Wall/1000 {
			parts = append(parts, partWords[p]+" "+jobMillis(d))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + " ms"
}

// besides is what else happened to a job.
func besides(j *trace.Job) string {
	var list []string
	add := func(n uint64, one, many string) {
		switch {
		case n == 1:
			list = append(list, "1 "+one)
		case n > 1:
			list = append(list, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(j.MinorFaults, "page fault", "page faults")
	add(j.MajorFaults, "page from storage", "pages from storage")
	add(j.Preemptions, "preemption", "preemptions")
	add(j.Migrations, "move to another CPU", "moves to another CPU")
	add(j.HardIRQs, "hard interrupt", "hard interrupts")
	add(j.SoftIRQs, "soft interrupt", "soft interrupts")
	add(j.FreqChanges, "change of clock", "changes of clock")
	if j.MinKHz > 0 {
		list = append(list, fmt.Sprintf("lowest clock %d MHz", j.MinKHz/1000))
	}
	if h := j.Helpers; h.OnCPU > 0 || h.Waiting > 0 {
		list = append(list, fmt.Sprintf("other threads %s ms on CPU and %s ms waiting for one", jobMillis(h.OnCPU), jobMillis(h.Waiting)))
	}
	return strings.Join(list, ", ")
}

// held is who held a job's CPU.
func held(j *trace.Job) string {
	if len(j.Holders) == 0 {
		return ""
	}
	list := make([]string, len(j.Holders))
	for i, h := range j.Holders {
		list[i] = fmt.Sprintf("%s %s ms", taskName(h), jobMillis(h.Time))
	}
	return "its CPU was held by " + strings.Join(list, ", ")
}
