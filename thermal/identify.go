package thermal

import "math"

// identification finds the model's parameters while the board works: those of the die
// from fast changes of power, those of the board from the slow course that is left.
type identification struct {
	start model
	die   dies

	board  rls
	warm   smooth // reading and power as the board sees them: low-passed
	drawn  smooth
	second float64 // time since the board's last update, s
	slow   float64 // the board's temperature and the power into it, low-passed once more
	flow   float64
	begun  bool
}

const (
	calm   = 0.02 // 1/s, what is slower than this is where the board comes from
	moving = 0.5  // K that the board must be away from its low-passed temperature
)

func newIdentification(m model, most float64) identification {
	d, e := 1/m.c2, 1/(m.r2*m.c2)
	return identification{
		start: m,
		die:   newDies(m, most),
		board: newRLS(0.999, []float64{d, e, e * m.ta}, []float64{d * d, e * e, e * e * 900}),
	}
}

// begin begins to watch a board that has drawn a power for long. What was learned stays.
func (id *identification) begin(drawn float64) {
	id.die.begin(drawn)
	id.warm, id.drawn, id.second, id.begun = smooth{}, smooth{}, 0, false
}

// sample is what one step tells.
type sample struct {
	reading  float64 // °C
	drawn    float64 // W, since the last one
	dt       float64 // s
	value    float64 // °C, what the reading tells of the die, where it tells something new
	variance float64 // of that, K²
	fresh    bool
}

// update takes in one step and returns the model as it is known now.
func (id *identification) update(m model, s sample) model {
	if s.fresh {
		id.die.learn(s.value, s.variance)
		m.r1, m.c1 = id.die.best()
	}
	gain := s.dt / (m.tau() + 2)
	id.warm.update(s.reading, gain)
	id.drawn.update(s.drawn, gain)
	if id.second += s.dt; id.second >= 1 {
		m = id.updateBoard(m, id.second)
		id.second = 0
	}
	return m.bounded()
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
