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
	// leastWeight is that of a synapse that passes anything on.
	leastWeight = 0.01
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
// later it comes, so that a spike touches one row and nothing has to fade.
type synapses struct {
	n      int
	frozen bool
	weight []float32 // of the synapse from i to j, at i*n+j
	paired []float64 // how often and shortly i fired after j, at i*n+j, scaled up by growth(eligibleTime)
	trace  []float64 // of each neuron's last spike, scaled up by growth(traceTime)
	epoch  time.Duration
}

func newSynapses(n int, frozen bool) synapses {
	return synapses{
		n: n, frozen: frozen, weight: make([]float32, n*n),
		paired: make([]float64, n*n), trace: make([]float64, n),
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
	paired := s.paired[i*s.n : (i+1)*s.n]
	for j, x := range s.trace {
		paired[j] += x * scale
	}
	// A neuron that fires all the time is no better a sign than one that fired once.
	s.trace[i] = g
	return weights
}

// reward turns what was paired into weights.
func (s *synapses) reward(now time.Duration) {
	if s.frozen {
		return
	}
	fade := learnRate / s.growth(now, eligibleTime)
	for i := range s.n {
		for j := range i {
			s.learn(i, j, fade*(s.paired[j*s.n+i]-depression*s.paired[i*s.n+j]))
			s.learn(j, i, fade*(s.paired[i*s.n+j]-depression*s.paired[j*s.n+i]))
		}
	}
	clear(s.paired)
}

// learn moves the weight of the synapse from i to j.
func (s *synapses) learn(i, j int, step float64) {
	w := float64(s.weight[i*s.n+j])
	if step = max(-1, min(1, step)); step > 0 {
		w += step * (maxWeight - w)
	} else {
		w += step * w
	}
	s.weight[i*s.n+j] = float32(max(0, min(maxWeight, w)))
}

// renorm moves the epoch to now.
func (s *synapses) renorm(now time.Duration) {
	fade := 1 / s.growth(now, eligibleTime)
	for k := range s.paired {
		s.paired[k] *= fade
	}
	fade = 1 / s.growth(now, traceTime)
	for j := range s.trace {
		s.trace[j] *= fade
	}
	s.epoch = now
}
