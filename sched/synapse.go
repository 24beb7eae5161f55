package sched

import (
	"math"
	"time"
)

// Constants of learning.
const (
	traceTime    = time.Second     // within which two spikes belong together
	eligibleTime = 2 * time.Second // for which that is remembered until a real event
	learnRate    = 0.05
	// depression is by how much more a pair in the wrong order weakens than one in the
	// right order strengthens: neurons that fire at any time learn nothing.
	depression = 1.05
	maxWeight  = 0.5 // in thresholds
	// renormAfter bounds the exponents of forward decay.
	renormAfter = 100 * time.Second
)

// synapses connect all neurons to each other. A pair's weight grows when the first
// fired shortly before the second and a real event followed, and shrinks when it was
// the other way round: spike-timing-dependent plasticity with reward (Izhikevich,
// "Solving the distal reward problem through linkage of STDP and dopamine signaling",
// 2007), with soft bounds from 0 to maxWeight (van Rossum, Bi and Turrigiano 2000).
//
// Traces decay forward (Cormode et al., "Forward decay", 2009): a spike adds more the
// later it comes, so that none but what changes is touched.
type synapses struct {
	n        int
	frozen   bool
	weight   []float32 // of the synapse from i to j, at i*n+j
	eligible []float64 // of the same, scaled up by growth(eligibleTime)
	trace    []float64 // of each neuron's spikes, scaled up by growth(traceTime)
	epoch    time.Duration
}

func newSynapses(n int, frozen bool) synapses {
	return synapses{
		n: n, frozen: frozen, weight: make([]float32, n*n),
		eligible: make([]float64, n*n), trace: make([]float64, n),
	}
}

func (s *synapses) growth(now, tau time.Duration) float64 {
	return math.Exp(float64(now-s.epoch) / float64(tau))
}

// spike notes that neuron i fired, and returns the weights of its synapses.
func (s *synapses) spike(now time.Duration, i int) []float32 {
	weights := s.weight[i*s.n : (i+1)*s.n]
	if s.frozen {
		return weights
	}
	if now-s.epoch > renormAfter {
		s.renorm(now)
	}
	g := s.growth(now, traceTime)
	scale := s.growth(now, eligibleTime) / g
	for j, x := range s.trace {
		if x != 0 && j != i {
			s.eligible[j*s.n+i] += x * scale
			s.eligible[i*s.n+j] -= depression * x * scale
		}
	}
	// A neuron that fires all the time is no better a sign than one that fired once.
	s.trace[i] = g
	return weights
}

// reward turns what is eligible into weights.
func (s *synapses) reward(now time.Duration) {
	if s.frozen {
		return
	}
	fade := learnRate / s.growth(now, eligibleTime)
	for k, e := range s.eligible {
		if e == 0 {
			continue
		}
		w, step := float64(s.weight[k]), max(-1, min(1, fade*e))
		if step > 0 {
			w += step * (maxWeight - w)
		} else {
			w += step * w
		}
		s.weight[k] = float32(max(0, min(maxWeight, w)))
		s.eligible[k] = 0
	}
}

// renorm moves the epoch to now.
func (s *synapses) renorm(now time.Duration) {
	fade := 1 / s.growth(now, eligibleTime)
	for k := range s.eligible {
		s.eligible[k] *= fade
	}
	fade = 1 / s.growth(now, traceTime)
	for j := range s.trace {
		s.trace[j] *= fade
	}
	s.epoch = now
}
