package sim

import (
	"math"

	"atoll/sched"
)

// Figure is one comparison of our policy with another on one trace.
type Figure struct {
	Name string
	Got  float64
	Must float64
	Most bool // Must is the most that it may be, not the least
}

// Met reports whether the figure is as it must be.
func (f Figure) Met() bool {
	if f.Most {
		return f.Got <= f.Must
	}
	return f.Got >= f.Must
}

// feasible is below which load every input could be inferred. At twice the load, and
// up to slack above or below that, what is worth most has to be chosen well: our value
// must be above edf's there. How far above it must be elsewhere was never fixed.
const (
	feasible = 1.0
	twice    = 2.0
	slack    = 0.1
)

// same is at least what one value is of another that it is not less than: where all is
// inferred, policies differ by who goes first alone, by less than a thousandth.
const same = 0.999

// Compare says what must hold of ours on a trace, of those policies that were played.
// Thrift is compared where all could be done and not all may be; there the others infer
// as much as ours, spread evenly.
func Compare(t Trace, scores map[string]Score) (list []Figure) {
	ours, ok := scores[sched.LIF]
	if !ok {
		return nil
	}
	figure := func(name string, got, must float64, most bool) {
		list = append(list, Figure{name, got, must, most})
	}
	load := t.Load()
	thrifty := load < feasible && t.Work < 1
	if all, ok := scores[sched.EveryFrame]; ok && thrifty {
		figure("recall", ours.Recall, 0.99, false)
		figure("CPU, of every_frame's", over(ours.CPU, all.CPU), 0.4, true)
	}
	fifo, hasFIFO := scores[sched.FIFO]
	edf, hasEDF := scores[sched.EDF]
	if hasFIFO && thrifty {
		figure("CPU, of fifo's: about the same", over(ours.CPU, fifo.CPU), 1.03, true)
		figure("median latency, fifo's over ours", over(fifo.LatencyP50, ours.LatencyP50), 1.47, false)
	}
	if hasEDF && thrifty {
		figure("median latency, edf's over ours", over(edf.LatencyP50, ours.LatencyP50), 1.2, false)
	}
	if hasEDF && load < feasible {
		figure("deadline misses, above edf's", ours.DeadlineMiss-edf.DeadlineMiss, 0, true)
	}
	if hasFIFO {
		figure("value, ours over fifo's", over(ours.Value, fifo.Value), same, false)
	}
	if hasEDF && math.Abs(load-twice) <= slack {
		figure("value, ours over edf's", over(ours.Value, edf.Value), 1.25, false)
	}
	figure("longest staleness, of stale_after", ours.Overdue, 1, true)
	return list
}

// Mean is the mean of the scores of several seeds, but for staleness, of which it is
// the longest.
func Mean(seeds []map[string]Score) map[string]Score {
	mean := map[string]Score{}
	n := float64(len(seeds))
	for _, scores := range seeds {
		for name, s := range scores {
			m := mean[name]
			m.Recall += s.Recall / n
			m.CPU += s.CPU / n
			m.LatencyP50 += s.LatencyP50 / n
			m.LatencyP99 += s.LatencyP99 / n
			m.DeadlineMiss += s.DeadlineMiss / n
			m.Value += s.Value / n
			m.MaxStaleness = max(m.MaxStaleness, s.MaxStaleness)
			m.Overdue = max(m.Overdue, s.Overdue)
			mean[name] = m
		}
	}
	return mean
}

func over(a, b float64) float64 {
	if b == 0 {
		return math.Inf(1)
	}
	return a / b
}
