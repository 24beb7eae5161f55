// Package thermal holds the hottest point of a board at a set temperature with the
// most work done.
//
// A Controller identifies a two-node RC model of die and board while the board
// works, predicts the die's temperature with it, and picks the power budget that
// just reaches the set point and does not cross it. Where the model errs a PI law
// takes over; where no temperature can be trusted, the least work.
package thermal

import (
	"math"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/sensors"
)

// The product's temperatures.
const (
	DefaultSetPoint = physic.ZeroCelsius + 70*physic.Kelvin
	DefaultAlert    = physic.ZeroCelsius + 75*physic.Kelvin
	DefaultShutdown = physic.ZeroCelsius + 85*physic.Kelvin
)

// Options say what a Controller holds and what it begins with.
type Options struct {
	SetPoint, Alert, Shutdown physic.Temperature // ascending
	Start                     board.Thermal      // where identification begins
	Least, Most               physic.Power       // drawn idle and under full load, by the profile
}

// Input is what a controller sees at one step.
type Input struct {
	Temperature physic.Temperature // of the hottest point
	Trusted     bool               // it is a plausible reading of now
	Suspect     bool               // there is a reading, but it is not plausible
	Bound       bool               // the budget held work back since the last step
}

// rideThrough is how long the model stands in for a sensor that does not answer.
const rideThrough = 2 * time.Second

// Controller picks power budgets. It is not safe for concurrent use.
type Controller struct {
	set, alert, shutdown float64 // °C
	least, most          float64 // W

	model    model
	observer observer
	identify identification
	monitor  monitor
	pi       pi
	answers  answers
	supply   supply

	begun   bool
	now     time.Duration
	dt      float64 // of this step, s
	drawn   float64 // in this step, W
	trusted time.Duration
	last    float64 // reading
	shadow  temps   // the model alone since the reading changed last
	course  sensors.Course

	trim   float64 // K that the model is asked for beyond the target, as it falls short by that
	budget budget
	alarm  Alarm
}

// NewController makes a controller.
func NewController(o Options) *Controller {
	c := &Controller{
		set: o.SetPoint.Celsius(), alert: o.Alert.Celsius(), shutdown: o.Shutdown.Celsius(),
		least: max(0, watts(o.Least)), most: max(watts(o.Most), 1.05*watts(o.Least), 0.1),
		model: model{
			r1: o.Start.DieResistance, c1: o.Start.DieCapacity,
			r2: o.Start.BoardResistance, c2: o.Start.BoardCapacity, ta: o.Start.AmbientAssumed.Celsius(),
		}.bounded(),
	}
	c.identify = newIdentification(c.model, c.most)
	c.supply = newSupply(c.least, c.most)
	c.budget.watts = c.least
	c.answers.resistance = c.model.r1
	return c
}

func watts(p physic.Power) float64 { return float64(p) / float64(physic.Watt) }

// A longer step is gone through in steps that the model is made for, s. After a gap, as
// of a process that was stopped, nothing is known of what was drawn, and all begins anew.
const (
	longestStep = 1.0
	longestGap  = 5.0
)

// Predict moves the model on to now (by a monotonic clock) with the power drawn since
// the last call, measured or estimated, and returns what it alone makes of the die's
// temperature: what a sensors.Filter holds readings against. Step decides for the same
// moment.
func (c *Controller) Predict(now time.Duration, drawn physic.Power) sensors.Course {
	gap := max((now - c.now).Seconds(), 0.01)
	if gap > longestGap {
		c.begun, c.monitor.begun = false, false
	}
	c.now, c.drawn = now, bound(watts(drawn), 0, 3*c.most)
	c.dt = min(gap, longestStep)
	if !c.begun {
		c.identify.begin(c.drawn)
	}
	for ; c.begun && gap > 0; gap -= longestStep {
		dt := min(gap, longestStep)
		c.observer.predict(c.model, c.drawn, dt)
		next := c.model.step(c.shadow, c.drawn, dt)
		c.course.Kelvin += next.die - c.shadow.die
		c.identify.die.predict(c.drawn, dt, next.board-c.shadow.board, &c.course)
		c.shadow = next
	}
	c.course.Known = c.begun
	return c.course
}

// Step decides on a budget for the moment that Predict was called for.
func (c *Controller) Step(in Input) Decision {
	c.supply.learn(c.budget.share, c.drawn, c.dt, in.Bound)
	if in.Trusted && c.answers.fails(in.Temperature.Celsius(), c.drawn, c.dt, c.budget.reason == reasonRoom) {
		in.Trusted, in.Suspect = false, true
	}
	if in.Trusted {
		c.sense(in.Temperature.Celsius())
	} else {
		c.monitor.pass(c.drawn, c.dt)
		if in.Suspect || c.now-c.trusted > time.Second {
			c.monitor.begun = false // what the sensor does is not the model's fault
			c.observer.x = c.shadow // one that was about to fail may have misled it
		}
	}
	c.raise(in)
	return c.decide(in)
}

// forgets is how fast the shadow follows a reading that does not change, s.
const forgets = 10.0

// sense takes in a trusted reading.
func (c *Controller) sense(reading float64) {
	c.trusted = c.now
	if !c.begun {
		c.begun = true
		c.observer.begin(reading, c.drawn, c.model)
		c.shadow, c.last = c.observer.x, reading
		return
	}
	consistent := true
	if reading == c.last {
		half := min(0.5, c.observer.noise.quantum/2)
		off := bound(c.shadow.die, reading-half, reading+half) - c.shadow.die
		consistent = math.Abs(off) < 0.5+half
		c.shadow.die += off * c.dt / forgets
		c.shadow.board += off * c.dt / forgets
	}
	value, variance, fresh := c.observer.correct(reading)
	if reading == c.last { // the value is what the model makes of that
		value, fresh = reading, fresh && consistent && !c.identify.die.moves(c.drawn)
	}
	better := c.identify.update(c.model, sample{reading, c.drawn, c.dt, value, variance, fresh})
	c.observer.rebase(c.model, better, c.identify.die.lag())
	c.model = better
	if reading != c.last {
		c.shadow, c.last = c.observer.x, reading
	}
	c.monitor.check(c.model, c.observer.x, c.drawn, c.dt, c.identify.die.doubt())
}

// Margins below the set point: always, for each standard deviation of the estimate, and
// for what is not known of the die yet; of a coarse sensor, for the edge between two of its values, and how far beyond it to aim
// so that the value changes now and then, as a share of its step.
const (
	marginAlways = 0.46 // K
	marginSigma  = 1.5
	marginDoubt  = 0.6 // K
	marginEdge   = 0.3 // K
	aboveEdge    = 0.25
	belowEdge    = 0.25
)

// target is the temperature to aim at, °C. A coarse sensor only tells where the die is
// when its value changes. So the aim is to keep crossing the edge between two of them, as
// a relay would: a little above it while the reading is below, and the other way.
func (c *Controller) target() float64 {
	n := &c.observer.noise
	if !n.coarse() {
		return c.set - marginAlways - marginSigma*math.Sqrt(c.observer.cov[0][0])
	}
	edge := n.edge(c.set - marginEdge)
	if n.last > edge {
		return edge - belowEdge*n.quantum
	}
	return min(edge+aboveEdge*n.quantum, c.set)
}

// decide picks the law and the budget.
func (c *Controller) decide(in Input) Decision {
	switch {
	case c.alarm != None:
		c.budget.cut(c.now, c.lowest(), Safest, reasonAlarm)
	case in.Suspect:
		c.budget.cut(c.now, c.lowest(), Safest, reasonSuspect)
	case !c.begun || c.now-c.trusted > rideThrough:
		c.budget.cut(c.now, c.lowest(), Safest, reasonBlind)
	case c.monitor.bad:
		want := c.pi.power(c.target()-c.observer.x.die, c.drawn, c.dt, c.least, c.reach(), in.Bound)
		c.budget.set(c.now, want, Proportional, reasonModel)
	default:
		if in.Trusted {
			c.adjust(in.Bound)
		}
		want := bound(c.predictive(), c.lowest(), c.reach())
		c.pi.follow(want)
		c.budget.set(c.now, want, Predictive, c.reason(want))
	}
	return c.budget.decision(c.now, c.supply, c.cooling(), c.alarm)
}

// lowest is a budget that allows no more than the least work, W, whatever the profile says
// of what that draws.
func (c *Controller) lowest() float64 { return min(c.least, c.supply.idle) }

// reach is what the board can draw at most, W.
func (c *Controller) reach() float64 { return max(c.least, c.supply.idle+c.supply.dynamic) }

// How the aim is trimmed: with which time constant, from what distance on, by how much at
// most, and how fast that is forgotten once the budget does not bind. It must be slow
// beside the die and fast beside the board, whose misjudged course is what it makes up
// for; a greater distance is a change that the model follows by itself. Found on simulated
// boards other than those reported on.
const (
	trimTime = 20.0 // s
	trimNear = 1.5  // K
	trimMost = 1.0  // K
	trimFade = 15.0 // s
)

// adjust trims the aim by the integral of what is left between die and target, so that a
// model that is a little wrong for long does not miss the target for as long: offset-free
// predictive control (Rawlings, Mayne, Diehl, Model Predictive Control, 2nd ed., section
// 1.5). While the budget does not bind the distance is not the model's fault.
func (c *Controller) adjust(binds bool) {
	if left := c.target() - c.observer.x.die; binds && math.Abs(left) < trimNear {
		c.trim = bound(c.trim+left*c.dt/trimTime, -trimMost, trimMost)
	} else {
		c.trim -= c.trim * c.dt / trimFade
	}
}

// predictive is the power that takes the die to the target at the horizon: far enough to
// see through the sensor's delay, and near enough that a model that is wrong of the board's
// course does little. What the model says of a rise is only trusted as far as it is known.
func (c *Controller) predictive() float64 {
	delay := 0.2 + 0.1*float64(c.observer.noise.pace.Interval())
	horizon := bound(0.4*c.model.tau(), 2.5*delay, 15)
	doubt := c.identify.die.doubt()
	target := c.target() - marginDoubt*(doubt-leastDoubt)
	if rise := target - c.observer.x.die; rise > 0 {
		target = c.observer.x.die + rise/(1+doubt)
	}
	return c.model.power(c.observer.x, c.observer.drift, target+c.trim, horizon)
}

func (c *Controller) reason(want float64) string {
	if want >= c.reach() {
		return reasonRoom
	}
	return reasonLimit
}

// cooling is how far fans should be turned up: fully from the set point on, not at all
// 10 K below it.
func (c *Controller) cooling() float64 {
	if c.budget.mode == Safest {
		return 1
	}
	return bound((c.observer.x.die-(c.set-10))/10, 0, 1)
}

// raise sets and lifts the alarm, by trusted readings only.
func (c *Controller) raise(in Input) {
	if !in.Trusted {
		return
	}
	const lift = 2 // K below the threshold
	switch t := in.Temperature.Celsius(); {
	case t >= c.shutdown:
		c.alarm = Shutdown
	case t >= c.alert && c.alarm == None, c.alarm == Shutdown && t < c.shutdown-lift:
		c.alarm = Alert
	case t < c.alert-lift:
		c.alarm = None
	}
}
