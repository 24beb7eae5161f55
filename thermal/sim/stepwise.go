package sim

import "time"

// stepWisePolling is the time between two readings while a board is throttled:
// polling-delay-passive in imx8mq.dtsi, the device tree of the Coral Dev Board's SoC.
// Boards read less often while they are cool; here they don't, which is to this
// policy's advantage.
const stepWisePolling = 250 * time.Millisecond

// neverRead is THERMAL_TEMP_INVALID of the Linux kernel in °C: below whatever is
// read, so that the first reading counts as a rise.
const neverRead = -274

// stepWise is the default governor of Linux.
type stepWise struct {
	facts   Facts
	deepest int // cooling state
	poll    poller
	last    float64 // °C
	state   int
}

// StepWise makes a policy that does as Linux's step_wise governor with one passive
// trip at the set point (drivers/thermal/gov_step_wise.c as in the long-term Linux
// 6.6). At each poll it goes one cooling state deeper if the trip is reached and it
// is warmer than before, one back if it is below the trip and cooler, and stays
// otherwise. The trip's hysteresis does not count in it.
//
// Later kernels know other rules: 6.12 drops all throttling at once when the trip's
// hysteresis is left, and 6.18 also steps back above the trip with each reading that
// is lower. Over the plants of this package both did worse, as noise makes about as
// many readings fall as rise; so the stronger rule stands here.
//
// Cooling state s of n allows a share of 1 - s/(n-1): the controllable power is
// divided evenly, which stands for the frequencies of a board's CPU. It believes
// what its sensor says; when that cannot be read everything stays as it is.
func StepWise(f Facts) Policy {
	return &stepWise{facts: f, deepest: max(f.States, 2) - 1, poll: poller{every: stepWisePolling}, last: neverRead}
}

// Decide is Policy's.
func (s *stepWise) Decide(o Observation) float64 {
	if s.poll.due(o.Now) && o.OK {
		s.update(o.Temp)
	}
	return 1 - float64(s.state)/float64(s.deepest)
}

func (s *stepWise) update(temp float64) {
	rising, falling := temp > s.last, temp < s.last
	s.last = temp
	switch hot := temp >= s.facts.SetPoint; {
	case hot && rising:
		s.state = min(s.state+1, s.deepest)
	case !hot && falling:
		s.state = max(s.state-1, 0)
	}
}

// poller tells when a governor reads its sensor. Polls fall on the next decision
// after they are due, without drift.
type poller struct {
	every, next time.Duration
}

func (p *poller) due(now time.Duration) bool {
	if now < p.next {
		return false
	}
	for p.next <= now {
		p.next += p.every
	}
	return true
}
