package thermal

import "math"

// monitor watches how well the model predicts: it lets it run alone for a while, with
// the power that was really drawn, and looks how far it is off.
type monitor struct {
	by    model   // as it was known when the prediction began
	from  float64 // °C of the die then
	doubt float64 // and by which share of a change it could be wrong
	at    temps
	age   float64 // s
	miss  float64 // K, smoothed
	fine  float64 // s for which the model has been good
	begun bool    // the model was known when the prediction began
	bad   bool    // the model errs too much to be used
}

// How long a prediction runs, from what error the model is given up, below
// which it is good, and for how long it must be to be used again.
const (
	predictFor = 5.0 // s
	missBad    = 6.0 // K
	missGood   = 2.0
	fineAfter  = 60.0 // s
)

// blamed is the doubt below which the model is to blame when it errs.
const blamed = 0.6

// check compares. A model that is not known yet is not blamed, and no model for what it
// said might be.
func (m *monitor) check(now model, x temps, drawn, dt, doubt float64) {
	if m.pass(drawn, dt); m.age < predictFor {
		return
	}
	if m.begun {
		missed := math.Abs(m.at.die-x.die) - m.doubt*math.Abs(m.at.die-m.from)
		m.miss += 0.3 * (max(0, missed) - m.miss)
	}
	if m.fine += m.age; m.miss > missGood {
		m.fine = 0
	}
	m.bad = m.miss > missBad || m.bad && m.fine < fineAfter
	m.by, m.at, m.age, m.begun = now, x, 0, doubt < blamed
	m.from, m.doubt = x.die, doubt
}

// pass goes on with a prediction over a step in which there may have been no reading.
func (m *monitor) pass(drawn, dt float64) {
	m.age += dt
	if m.begun {
		m.at = m.by.step(m.at, drawn, dt)
	}
}

// pi is the law that needs no model: gains low enough for any board.
type pi struct{ integral float64 }

const (
	piGain = 0.04 // share of the greatest power for each K
	piTime = 40.0 // s
	piRoom = 0.05 // of the greatest power, above what is drawn
	piNear = 5.0  // K of error that count while the budget does not bind
)

// power is the budget for an error in K, W. The integral stops at the bounds, and where
// the budget does not bind it stays near what is drawn: more load must not find a budget
// wound up for less.
func (p *pi) power(err, drawn, dt, least, most float64, bind bool) float64 {
	gain := piGain * most
	want := p.integral + gain*err
	if (want < most || err < 0) && (want > least || err > 0) {
		p.integral = bound(p.integral+gain*err*dt/piTime, least, most)
	}
	if !bind {
		p.integral = min(p.integral, drawn+piRoom*most)
		want = p.integral + gain*min(err, piNear)
	}
	return bound(want, least, most)
}

// follow keeps the integral at another law's budget, so that taking over is smooth.
func (p *pi) follow(watts float64) { p.integral = watts }
