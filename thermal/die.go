package thermal

import (
	"math"

	"atoll/sensors"
)

// smooth is two first-order low-pass filters in a row.
type smooth struct {
	first, second float64
	begun         bool
}

// update takes in x and returns what is left of it when its mean and its slope are
// taken away: the high-pass s²/(s+λ)².
func (s *smooth) update(x, gain float64) (rest float64) {
	if !s.begun {
		s.first, s.second, s.begun = x, x, true
	}
	s.first += gain * (x - s.first)
	s.second += gain * (s.first - s.second)
	return x - 2*s.first + s.second
}

// taus are the time constants that a die may have, s.
var taus = [...]float64{0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8, 11, 16}

// Two courses for each: with the least and the greatest resistance.
const (
	_ = uint(sensors.Ways - 2*len(taus))
	_ = uint(2*len(taus) - sensors.Ways)
)

// dies are all the dies that the board may have: one for each time constant, with the
// thermal resistance that explains best how the temperature followed fast changes of
// power, and how far that may be wrong. What is seen rules out one after the other.
//
// For each it is Bayesian linear regression of one coefficient with a known variance
// (Bishop, Pattern Recognition and Machine Learning, section 3.3): sums are
// in units of that variance, so that differences of what is left unexplained are twice
// those of log-likelihoods.
type dies struct {
	list        [len(taus)]die
	temperature smooth
	swing       float64 // K, the greatest change of temperature of late
	unexplained float64 // Σ temperature², of which each die explains a part
	since       float64 // s since the last reading that told something new
	start       model
	prior       float64 // how much the first guess of the resistance is worth
	least       float64 // W, a change of power that is none
	chosen      int     // the die that explains most
}

// die is one of them.
type die struct {
	lag      float64 // the power as it reaches the temperature, W
	pass     smooth
	own, by  float64 // Σ lag², Σ lag·temperature, both high-passed
	unlikely float64 // of the time constant, beforehand

	low, high float64 // K/W that its resistance may be; low > high: it is ruled out
}

const (
	fast        = 0.2  // 1/s, what is slower than this is the board's
	dieFactor   = 5.0  // between the first guess and what is found, at most
	tauFactor   = 3.0  // of the time constant, that the first guess may be wrong by
	modelError  = 0.1  // share of a change of temperature that no such die explains
	swingTime   = 20.0 // s for which that share of a change goes on, as the board follows
	roughness   = 0.05 // K² of the temperature, by the second, that power doesn't explain
	still       = 0.5  // K by which a temperature that does not move may still go
	stillPower  = 0.03 // share of the greatest power below which a change is none
	precision   = 0.01 // share of a resistance to which it is known at best: older readings fade
	implausible = 12.0 // twice the log-likelihood below the best die's that rules a die out
	leastDoubt  = 0.15 // see doubt
	mostDoubt   = 6.0
	deviations  = 3.0 // standard deviations of a resistance within which it is
)

func newDies(m model, most float64) dies {
	d := dies{start: m, prior: 1 / (4 * m.r1 * m.r1), least: stillPower * most}
	for i := range d.list {
		off := math.Log(taus[i]/m.tau()) / math.Log(tauFactor)
		d.list[i].unlikely = off * off
	}
	d.choose()
	return d
}

// predict moves all of them on with the power drawn in a step of dt seconds, in which
// the board warmed by so many K, and the course with them.
func (d *dies) predict(drawn, dt, board float64, course *sensors.Course) {
	chosen := &d.list[d.chosen]
	best := (1 - math.Exp(-dt/taus[d.chosen])) * (drawn - chosen.lag)
	for i := range d.list {
		c := &d.list[i]
		change := (1 - math.Exp(-dt/taus[i])) * (drawn - c.lag)
		c.lag += change
		low, high := c.low, c.high
		if low > high { // ruled out
			low, high = chosen.low, chosen.high
			change = best
		}
		course.Ways[2*i] += low * change
		course.Ways[2*i+1] += high * change
	}
	course.Slow += board
	d.since += dt
}

// begin puts all of them where a power that was drawn for long takes them.
// What was learned of them stays.
func (d *dies) begin(drawn float64) {
	d.temperature, d.swing, d.since = smooth{}, 0, 0
	for i := range d.list {
		d.list[i].lag, d.list[i].pass = drawn, smooth{}
	}
}

// moves says whether the temperature follows a change of power just now, so that a
// reading that was converted a while ago tells nothing.
func (d *dies) moves(drawn float64) bool {
	return math.Abs(drawn-d.list[0].lag)*d.resistance(d.chosen) > still
}

// lag is the power as it has reached the temperature, W.
func (d *dies) lag() float64 { return d.list[d.chosen].lag }

// learn takes in what a reading tells of the temperature now.
func (d *dies) learn(value, variance float64) {
	gain := 1 - math.Exp(-fast*d.since)
	t := d.temperature.update(value, gain)
	d.swing = max(math.Abs(t), d.swing*math.Exp(-d.since/swingTime))
	weight := min(1, d.since) / (roughness + variance + modelError*modelError*d.swing*d.swing)
	d.since = 0
	moved := false
	var rest [len(taus)]float64
	for i := range d.list {
		c := &d.list[i]
		rest[i] = c.pass.update(c.lag, gain)
		moved = moved || math.Abs(rest[i]) > d.least
	}
	if !moved {
		return
	}
	d.unexplained += weight * t * t
	for i := range d.list {
		c := &d.list[i]
		c.own += weight * rest[i] * rest[i]
		c.by += weight * rest[i] * t
	}
	d.choose()
	r := d.resistance(d.chosen)
	if most := 1 / (precision * precision * r * r); d.list[d.chosen].own > most {
		d.fade(most / d.list[d.chosen].own)
	}
}

func (d *dies) fade(by float64) {
	d.unexplained *= by
	for i := range d.list {
		d.list[i].own *= by
		d.list[i].by *= by
	}
}

// resistance is that with which die i explains most, K/W, and deviation how uncertain that is.
func (d *dies) resistance(i int) float64 {
	c := &d.list[i]
	return bound((c.by+d.prior*d.start.r1)/(c.own+d.prior), d.start.r1/dieFactor, d.start.r1*dieFactor)
}

func (d *dies) deviation(i int) float64 { return 1 / math.Sqrt(d.list[i].own+d.prior) }

// missed is what a die leaves unexplained, in variances.
func (d *dies) missed(i int) float64 {
	c, r := &d.list[i], d.resistance(i)
	off := r - d.start.r1
	return d.unexplained - 2*r*c.by + r*r*c.own + d.prior*off*off + c.unlikely
}

// choose finds the die that leaves least unexplained, and what is plausible beside it.
func (d *dies) choose() {
	var missed [len(taus)]float64
	d.chosen = 0
	for i := range d.list {
		if missed[i] = d.missed(i); missed[i] < missed[d.chosen] {
			d.chosen = i
		}
	}
	for i := range d.list {
		c := &d.list[i]
		if c.low, c.high = 1, 0; missed[i]-missed[d.chosen] <= implausible {
			r, off := d.resistance(i), deviations*d.deviation(i)
			c.low, c.high = max(d.start.r1/dieFactor, r-off), min(d.start.r1*dieFactor, r+off)
		}
	}
}

// best is the resistance of the best die, K/W, and its capacity, J/K, with the time
// constant at the top of a parabola through it and its neighbours.
func (d *dies) best() (resistance, capacity float64) {
	at := d.chosen
	resistance = d.resistance(at)
	tau := taus[at]
	if at > 0 && at < len(taus)-1 {
		down, up := d.missed(at-1)-d.missed(at), d.missed(at+1)-d.missed(at)
		shift := 0.5 * (down - up) / max(1e-9, down+up) // −½ to ½ of a step
		if shift > 0 {
			tau *= math.Pow(taus[at+1]/tau, shift)
		} else {
			tau *= math.Pow(taus[at-1]/tau, -shift)
		}
	}
	return resistance, tau / resistance
}

// doubt is by which share of itself a predicted rise of the temperature may be
// wrong, over a few seconds.
func (d *dies) doubt() float64 {
	const over = 3.0 // s
	rise := func(i int) float64 { return 1 - math.Exp(-over/taus[i]) }
	least, most := math.Inf(1), 0.0
	for i := range d.list {
		if c := &d.list[i]; c.low <= c.high {
			least, most = min(least, c.low*rise(i)), max(most, c.high*rise(i))
		}
	}
	return bound((most-least)/(2*d.resistance(d.chosen)*rise(d.chosen)), leastDoubt, mostDoubt)
}
