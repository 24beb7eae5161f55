package sched

import (
	"math"
	"time"
)

// MaxSynapse is the most that a spike charges another neuron, in thresholds.
const MaxSynapse = 0.5

// Constants of learning.
const (
	traceTime    = time.Second     // within which two spikes belong together
	eligibleTime = 2 * time.Second // for which that is remembered until a real event
	learnRate    = 0.05
	// depression is by how much more a pair in the wrong order weakens than one in the
	// right order strengthens: neurons that fire at any time learn nothing.
	depression = 1.5
	// leastWeight is that of a synapse that passes anything on.
	leastWeight = 0.01
	// renormAfter bounds the exponents of forward decay.
	renormAfter = 100 * time.Second
)

// synapses connect all neurons to each other. A pair's weight grows when the first
// fired shortly before the second and a real event followed, and shrinks when it was
// the other way round: spike-timing-dependent plasticity with reward (Izhikevich,
// "Solving the distal reward problem through linkage of STDP and dopamine signaling",
// 2007). Each spike is paired with the nearest of the other neuron (Morrison, Aertsen and
// Diesmann 2007), so that one that fires often is not a sign for that alone. What grows
// slows down towards MaxSynapse, what shrinks goes to 0: pairs at random end there.
//
// Traces decay forward (Cormode et al., "Forward decay", 2009): a spike adds more the
// later it comes, so that a spike touches one row and nothing has to fade.
type synapses struct {
	n      int
	frozen bool
	weight []float32 // of the synapse from i to j, at i*n+j
	paired []float64 // how often and how soon i fired after j, at i*n+j, scaled up by growth(eligibleTime)
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

// row is the weights of the synapses from neuron i.
func (s *synapses) row(i int) []float32 { return s.weight[i*s.n : (i+1)*s.n] }

// spike notes that neuron i fired, and returns the weights of its synapses.
func (s *synapses) spike(now time.Duration, i int) []float32 {
	if s.frozen {
		return s.row(i)
	}
	if now-s.epoch > renormAfter {
		s.renorm(now)
	}
	g := s.growth(now, traceTime)
	scale := s.growth(now, eligibleTime) / g
	paired := s.paired[i*s.n : (i+1)*s.n]
	last := s.trace[i]
	for j, x := range s.trace {
		if x > last { // j fired since i did
			paired[j] += x * scale
		}
	}
	s.trace[i] = g
	return s.row(i)
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
		w += step * (MaxSynapse - w)
	} else {
		w += step * MaxSynapse
	}
	s.weight[i*s.n+j] = float32(max(0, min(MaxSynapse, w)))
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
