package thermal

import "math"

// rls is recursive least squares with exponential forgetting for n parameters
// (Ljung, System Identification, 2nd ed., section 11.2). An update that carries no
// information is the caller's to leave out, for forgetting without learning makes
// the covariance grow without bound.
type rls struct {
	n       int
	theta   [3]float64
	cov     [3][3]float64
	forget  float64
	maximum float64 // bound of the covariance's trace
}

// newRLS begins at theta with the given variances.
func newRLS(forget float64, theta, variance []float64) rls {
	r := rls{n: len(theta), forget: forget}
	copy(r.theta[:], theta)
	for i, v := range variance {
		r.cov[i][i] = v
		r.maximum += 4 * v
	}
	return r
}

// update learns that phi gave y, where noise is the variance of y.
func (r *rls) update(phi [3]float64, y, noise float64) {
	var k [3]float64
	denominator := r.forget * noise
	predicted := 0.0
	for i := range r.n {
		for j := range r.n {
			k[i] += r.cov[i][j] * phi[j]
		}
		denominator += phi[i] * k[i]
		predicted += phi[i] * r.theta[i]
	}
	if !(denominator > 0) || math.IsInf(denominator, 0) {
		return
	}
	trace := 0.0
	for i := range r.n {
		r.theta[i] += k[i] / denominator * (y - predicted)
	}
	forget := r.forget
	for i := range r.n {
		trace += r.cov[i][i]
	}
	if trace > r.maximum {
		forget = 1 // no more forgetting until something was learned
	}
	for i := range r.n {
		for j := range r.n {
			r.cov[i][j] = (r.cov[i][j] - k[i]*k[j]/denominator) / forget
		}
	}
}

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

// identification finds the model's parameters while the board works: those of the die
// from fast changes of power, those of the board from the slow course that is left.
type identification struct {
	start model
	die   [len(taus)]candidate
	heat  float64 // energy of the power's changes so far, W²: the information in them
	least float64 // and as much as is worth the first guess
	power smooth

	temperature smooth
	waiting     [patience]float64 // powers since the reading changed
	n           int
	from        float64 // that reading

	board  rls
	warm   smooth // reading and power as the board sees them: low-passed
	drawn  smooth
	second float64 // time since the board's last update, s
	slow   float64 // the board's temperature and the power into it, low-passed once more
	flow   float64
	begun  bool
}

// candidate is the die with one time constant. For each there is one R1 that explains the
// temperature best, by least squares; the candidate that explains most of it is the die.
type candidate struct {
	lag     float64 // the power as it reaches the temperature, W
	pass    smooth
	own, by float64 // Σ lag², Σ lag·temperature, both high-passed
}

var taus = [...]float64{0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8, 11, 16} // s

const (
	fast     = 0.2  // 1/s, what is slower than this is the board's
	calm     = 0.02 // 1/s
	memory   = 600  // how many times the first guess's worth is remembered
	moving   = 0.5  // K that the board must be away from its low-passed temperature
	patience = 20   // steps that a reading may take to change before it counts as flat
)

func newIdentification(m model, most float64) identification {
	d, e := 1/m.c2, 1/(m.r2*m.c2)
	id := identification{
		start: m,
		least: 0.5 * most * most, // half a second at full swing
		board: newRLS(0.999, []float64{d, e, e * m.ta}, []float64{d * d, e * e, e * e * 900}),
	}
	for i := range id.die {
		share := math.Exp(-math.Abs(math.Log(taus[i]/m.tau())) / 2)
		id.die[i].own = id.least * share
		id.die[i].by = id.least * share * m.r1
	}
	return id
}

// sample is what one step tells.
type sample struct {
	reading    float64 // °C
	drawn      float64 // W, since the last one
	dt         float64 // s
	interval   int     // steps between two conversions of the sensor
	consistent bool    // the reading is not far from what the model expects
}

// update takes in one step and returns the model as it is known now.
func (id *identification) update(m model, s sample) model {
	m = id.updateDie(m, s)
	gain := s.dt / (m.tau() + 2)
	id.warm.update(s.reading, gain)
	id.drawn.update(s.drawn, gain)
	if id.second += s.dt; id.second >= 1 {
		m = id.updateBoard(m, id.second)
		id.second = 0
	}
	return m.bounded()
}

// updateDie learns from fast changes of power. Sensors convert seldom or in coarse
// steps, so what lies between two values is drawn as a straight line.
func (id *identification) updateDie(m model, s sample) model {
	if !id.temperature.begun {
		id.from = s.reading
		for i := range id.die {
			id.die[i].lag = s.drawn
		}
	}
	id.waiting[id.n] = s.drawn
	id.n++
	if s.reading == id.from && id.n < patience {
		return m
	}
	if s.reading == id.from && !s.consistent { // it may be stuck
		id.n = 0
		return m
	}
	rise := min(id.n, s.interval)
	for i := range id.n {
		way := max(0, float64(i+1-(id.n-rise))/float64(rise))
		id.learn(id.from+(s.reading-id.from)*way, id.waiting[i], s.dt)
	}
	id.from, id.n = s.reading, 0
	return id.best(m)
}

func (id *identification) learn(reading, drawn, dt float64) {
	t := id.temperature.update(reading, fast*dt)
	p := id.power.update(drawn, fast*dt)
	id.heat += p * p
	fade := 1.0
	if most := memory * id.least; id.heat > most {
		fade = most / id.heat
		id.heat = most
	}
	for i := range id.die {
		c := &id.die[i]
		c.lag += (1 - math.Exp(-dt/taus[i])) * (drawn - c.lag)
		x := c.pass.update(c.lag, fast*dt)
		c.own = fade * (c.own + x*x)
		c.by = fade * (c.by + x*t)
	}
}

// best is m with the die that explains the temperature best.
func (id *identification) best(m model) model {
	score, at := 0.0, -1
	for i, c := range id.die {
		if c.by > 0 && c.by*c.by/c.own > score {
			score, at = c.by*c.by/c.own, i
		}
	}
	if at < 0 {
		return m
	}
	m.r1 = bound(id.die[at].by/id.die[at].own, id.start.r1/5, id.start.r1*5)
	m.c1 = id.between(at, score) / m.r1
	return m
}

// between is the time constant at the top of a parabola through the scores of the best
// candidate and its neighbours.
func (id *identification) between(at int, score float64) float64 {
	if at == 0 || at == len(id.die)-1 {
		return taus[at]
	}
	of := func(i int) float64 { return id.die[i].by * id.die[i].by / id.die[i].own }
	down, up := score-of(at-1), score-of(at+1)
	shift := 0.5 * (down - up) / (down + up) // −½ to ½ of a step
	if shift > 0 {
		return taus[at] * math.Pow(taus[at+1]/taus[at], shift)
	}
	return taus[at] * math.Pow(taus[at-1]/taus[at], -shift)
}

// updateBoard learns from the last second. Seen slowly, the board is as much
// colder than the die as the power through R1 makes it.
func (id *identification) updateBoard(m model, dt float64) model {
	board, flow := id.warm.second-m.r1*id.drawn.second, id.drawn.second
	if !id.begun {
		id.slow, id.flow, id.begun = board, flow, true
	}
	gain := calm * dt
	id.slow += gain * (board - id.slow)
	id.flow += gain * (flow - id.flow)
	if math.Abs(board-id.slow) < moving {
		return m // a board at rest says nothing of how it moves
	}
	id.board.update([3]float64{id.flow, -id.slow, 1}, calm*(board-id.slow), 1e-4)
	if d, e := id.board.theta[0], id.board.theta[1]; d > 0 && e > 0 {
		m.c2 = bound(1/d, id.start.c2/5, id.start.c2*5)
		m.r2 = bound(d/e, id.start.r2/5, id.start.r2*5)
		m.ta = id.board.theta[2] / e
	}
	return m
}

// doubt is by which share of itself a predicted change of the die's temperature may
// be wrong.
func (id *identification) doubt() float64 {
	return bound(6*id.least/(id.least+id.heat), 0.15, 6)
}
