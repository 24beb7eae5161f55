package sched

import (
	"math"
	"time"
)

// Constants of the neurons. They were chosen on the scenarios for tuning alone.
const (
	// leakTime is the time constant τ by which potentials leak: about ten frames of a
	// camera.
	leakTime = 300 * time.Millisecond
	// salienceGain is what a wholly new input charges, in thresholds: a quarter new
	// is enough by itself.
	salienceGain = 4
	// leastSalience is that of any input: fully relaxed, every one fires.
	leastSalience = 0.01
	// refractoryShare is how long a neuron can't fire after its job, of that job's time.
	refractoryShare = 0.05
	// inhibition is by how much the thresholds of others that want the same worker
	// rise when one fires, and how long that lasts.
	inhibition     = 0.5
	inhibitionTime = 50 * time.Millisecond
	// leastValue is what a job that nothing speaks for is worth, of its weight.
	leastValue = 0.05
)

// neuron is a leaky integrate-and-fire neuron:
//
//	dv/dt = -v/τ + salience·δ(input) + spikes·δ(spike) + ramp·θ·staleness
//
// It is solved exactly, whenever something happens: nothing ticks. See Gerstner and
// Kistler, "Spiking Neuron Models" (2002), 4.1. The current that grows with staleness
// alone reaches the threshold θ when the input is about to become stale (calm).
type neuron struct {
	// What every decision looks at of all neurons stands first and together.
	fresh   bool          // there is an input that no job took
	waiting bool          // fired: a job waits
	running bool          // one has begun
	unseen  time.Duration // when the first input came that no job took
	calm    time.Duration // how much later nothing else counts: StaleAfter less what the jobs then take
	rested  time.Duration // until then it can't fire; 0: that has been seen to

	at       time.Duration // of the potential
	v        float64       // all of it, in thresholds at rest
	salience float64       // the part that came from inputs
	spikes   float64       // the part that came from other neurons
	slope    float64       // of the current that grows with staleness, at rest
	takes    float64       // what a job takes, as the last ones did, ns

	arrived time.Duration // when the newest input came
	begun   time.Duration // when its last job began
	gaveWay uint64        // jobs that did
	dropped uint64        // inputs whose job gave way until a newer one came

	Source
	cost cost
}

// urgentAt is when what is unseen is about to become stale.
func (n *neuron) urgentAt() time.Duration { return n.unseen + n.calm }

// ramp is the slope of the current that grows with staleness, such that v gets from
// 0 to 1 within t.
func ramp(t time.Duration) float64 {
	tau, s := leakTime.Seconds(), t.Seconds()
	return 1 / (tau * (s + tau*math.Expm1(-s/tau)))
}

// advance solves the equation from n.at until now. slope is ramp, times the threshold.
func (n *neuron) advance(now time.Duration, slope float64) {
	dt := now - n.at
	if dt <= 0 {
		return
	}
	const tau = float64(leakTime) / float64(time.Second)
	decay := math.Exp(-dt.Seconds() / tau)
	before, after := 0.0, 0.0
	if n.fresh {
		s := (n.at - n.unseen).Seconds()
		before, after = slope*tau*(s-tau), slope*tau*(s+dt.Seconds()-tau)
	}
	n.v = after + (n.v-before)*decay
	n.salience *= decay
	n.spikes *= decay
	n.at = now
}

// urge is what of the potential came from staleness.
func (n *neuron) urge() float64 { return n.v - n.salience - n.spikes }

// why is the greatest part of the potential.
func (n *neuron) why() Cause {
	switch u := n.urge(); {
	case n.salience >= n.spikes && n.salience >= u:
		return Salience
	case n.spikes >= u:
		return Spikes
	}
	return Urgency
}

// due is when a job on an input of that age should end. What takes longer than its
// deadline even by itself is given the time that it takes.
func (n *neuron) due(now time.Duration) time.Duration {
	return n.arrived + max(n.Deadline, n.cost.mean(now)*3/2)
}

// worth is the value of a job now: the more its input is new, and the longer nothing
// was inferred of its source, the more there may be to find out. That it grows with the
// square of age lets every source come to its turn, the dear ones more seldom: the
// index of Kadota et al., "Scheduling policies for minimizing age of information in
// broadcast wireless networks" (2018), for long ages.
func (n *neuron) worth(now time.Duration) float64 {
	novelty := min(1, (n.salience+n.spikes)/salienceGain)
	age := float64(now-n.begun) / float64(n.StaleAfter)
	return n.Weight * max(leastValue, novelty) * age * age
}

// discharge is what a spike leaves behind.
func (n *neuron) discharge() { n.v, n.salience, n.spikes = 0, 0, 0 }
