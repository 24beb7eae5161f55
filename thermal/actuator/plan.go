package actuator

import (
	"math"
	"slices"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/sensors"
)

// A share u of the power between idle and full load is made so by two means, which
// must not both take the whole of it: the clocks go down to the lowest steps at which
// full load still draws as much, because work costs least at the lowest voltage, and
// the pace of inference is what is left,
//
//	u · full(clocks found) = pace · full(clocks in force)
//
// with full the power above idle. So what is drawn follows u whatever the clocks are,
// and the kernel's own cooling, a write that fails and a board without clocks to turn
// only move the work from one to the other.

// pace is the share of the time that work may take, when full load at the clocks in
// force draws that part of what it draws at those found.
func pace(share, part float64) float64 {
	if part > 0 {
		share /= part
	}
	return min(max(share, 0), 1)
}

// domain is the CPUs of one policy.
type domain struct {
	steps []int64                 // kHz, rising; the last is the original
	cpus  int                     // at least 1
	draw  func(khz int64) float64 // of one under full load, above idle; the unit is that of all domains
	above []float64               // the share above which each step is needed
}

// power is what its CPUs draw under full load.
func (d *domain) power(khz int64) float64 { return float64(d.cpus) * d.draw(khz) }

// step is the lowest step that will do for a share.
func (d *domain) step(share float64) int64 {
	if share >= 1 {
		return d.steps[len(d.steps)-1]
	}
	at := 0
	for at+1 < len(d.steps) && d.above[at+1] < share {
		at++
	}
	return d.steps[at]
}

// newPlan orders the steps of all domains from the slowest to the fastest, one step of
// one domain at a time, by what their added work costs: the next is always the one
// with the least power for each cycle that it adds, of equals the slowest. It tells each domain above which
// share its steps are needed, and returns the power of full load at the last ones. The
// order is the same for every share, so a greater one never gives a lower clock. Fixed
// is the power of what has no clock to turn.
func newPlan(fixed float64, domains []*domain) (full float64) {
	full = fixed
	now := fixed
	for _, d := range domains {
		full += d.power(d.steps[len(d.steps)-1])
		now += d.power(d.steps[0])
		d.above = append(d.above[:0], math.Inf(-1))
	}
	last := 0.0 // so that a step that takes less than the one before is not skipped
	for {
		var best *domain
		least, clock := math.Inf(1), int64(0)
		for _, d := range domains {
			at := len(d.above)
			if at == len(d.steps) {
				continue
			}
			cost := (d.draw(d.steps[at]) - d.draw(d.steps[at-1])) / float64(d.steps[at]-d.steps[at-1])
			if best == nil || cost < least || cost == least && d.steps[at] < clock {
				best, least, clock = d, cost, d.steps[at]
			}
		}
		if best == nil {
			return full
		}
		last = max(last, now/full)
		now += best.power(clock) - best.power(best.steps[len(best.above)-1])
		best.above = append(best.above, last)
	}
}

// plausible reports whether a cluster has steps to choose from, a power for each, and
// those rise.
func plausible(c board.Cluster) bool {
	if c.Cores <= 0 || !(c.Capacitance > 0) || math.IsInf(c.Capacitance, 0) || len(c.Steps) < 2 {
		return false
	}
	last := physic.Frequency(0)
	for _, s := range c.Steps {
		if s.Frequency <= last || s.Voltage <= 0 {
			return false
		}
		last = s.Frequency
	}
	return true
}

// drawOf is what one CPU of a cluster draws under full load, W; at 0 kHz that of the
// fastest step.
func drawOf(c board.Cluster) func(khz int64) float64 {
	c.Cores = 1
	model := board.Energy{Clusters: []board.Cluster{c}}
	clock := make([]physic.Frequency, 1)
	return func(khz int64) float64 {
		clock[0] = physic.Frequency(khz) * physic.KiloHertz
		return float64(sensors.PowerAt(model, clock, 1)) / float64(physic.Watt)
	}
}

// drawByClock is for boards whose energy model says nothing of their CPUs.
func drawByClock(khz int64) float64 { return float64(khz) }

// geometricSteps divides the range from low to high kHz, both positive, in equal
// ratios, for drivers that have no steps of their own.
func geometricSteps(low, high int64) []int64 {
	const divisions = 16
	steps := make([]int64, 0, divisions+1)
	for i := range divisions {
		f := float64(low) * math.Pow(float64(high)/float64(low), float64(i)/divisions)
		steps = append(steps, int64(f))
	}
	return slices.Compact(append(steps, high))
}
