package actuator

import (
	"math"
	"slices"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
)

// plan is the way from the slowest operating points of all clusters to the fastest,
// one step of one cluster at a time, with the power of full load at each point. It
// is the same for every budget, so more power never gives a lower clock.
type plan []point

type point struct {
	power float64 // W
	steps []int   // of each cluster
}

// newPlan orders the steps by what their added work costs: the next is always the
// one with the least power for each cycle that it adds. It is nil for an energy
// model that says nothing.
func newPlan(e board.Energy) plan {
	for _, c := range e.Clusters {
		if !plausible(c) {
			return nil
		}
	}
	if len(e.Clusters) == 0 {
		return nil
	}
	at := make([]int, len(e.Clusters))
	p := plan{{fullLoad(e, at), slices.Clone(at)}}
	for {
		best, least := -1, math.Inf(1)
		for i, c := range e.Clusters {
			if at[i]+1 == len(c.Steps) {
				continue
			}
			more := clusterPower(c, at[i]+1) - clusterPower(c, at[i])
			cost := more / (float64(c.Cores) * float64(c.Steps[at[i]+1].Frequency-c.Steps[at[i]].Frequency))
			if best < 0 || cost < least {
				best, least = i, cost
			}
		}
		if best < 0 {
			return p
		}
		at[best]++
		p = append(p, point{fullLoad(e, at), slices.Clone(at)})
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

// fullLoad is the power of the board with all cores busy, W.
func fullLoad(e board.Energy, steps []int) float64 {
	w := watts(e.Static)
	for i, c := range e.Clusters {
		w += clusterPower(c, steps[i])
	}
	return w
}

// clusterPower is C·V²·f of all cores, W.
func clusterPower(c board.Cluster, step int) float64 {
	s := c.Steps[step]
	volt := float64(s.Voltage) / float64(physic.Volt)
	hertz := float64(s.Frequency) / float64(physic.Hertz)
	return float64(c.Cores) * c.Capacitance * 1e-9 * volt * volt * hertz
}

func watts(p physic.Power) float64 { return float64(p) / float64(physic.Watt) }

// at is the first point at which full load still uses the budget, W: what is then
// too much is left to the inference budget, at the lowest voltage that will do.
func (p plan) at(budget float64) int {
	for i := range p {
		if p[i].power >= budget {
			return i
		}
	}
	return len(p) - 1
}

// limit is the lowest of steps (kHz, rising) that does not hold back a cluster at
// step i of its model.
func limit(steps []int64, model []board.Step, i int) int64 {
	switch i {
	case 0:
		return steps[0]
	case len(model) - 1:
		return steps[len(steps)-1]
	}
	khz := int64(model[i].Frequency / physic.KiloHertz)
	for _, s := range steps {
		if s >= khz {
			return s
		}
	}
	return steps[len(steps)-1]
}

// limitByShare is for boards without an energy model.
func limitByShare(steps []int64, share float64) int64 {
	return steps[int(math.Ceil(share*float64(len(steps)-1)))]
}

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
