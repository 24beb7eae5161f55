package thermal

import "math"

// model is a two-node RC network of die and board:
//
//	C1·dT1/dt = P − (T1−T2)/R1
//	C2·dT2/dt = (T1−T2)/R1 − (T2−Ta)/R2
//
// with temperatures in °C, powers in W, resistances in K/W and capacities in J/K.
// Whatever the real board has beyond it shows up as a drift of T2, which the
// observer follows.
type model struct {
	r1, c1 float64 // die to board, die
	r2, c2 float64 // board to ambient, board
	ta     float64 // ambient
}

// Physical bounds of the parameters: from a bare 1 W chip to a 30 W module. What
// identification finds outside of them is noise.
var (
	modelLeast = model{r1: 0.3, c1: 0.1, r2: 0.5, c2: 3, ta: -40}
	modelMost  = model{r1: 20, c1: 50, r2: 40, c2: 2000, ta: 75}
)

func bound(x, low, high float64) float64 { return min(high, max(low, x)) }

// bounded is m with every parameter within its bounds.
func (m model) bounded() model {
	l, h := modelLeast, modelMost
	return model{
		bound(m.r1, l.r1, h.r1), bound(m.c1, l.c1, h.c1),
		bound(m.r2, l.r2, h.r2), bound(m.c2, l.c2, h.c2), bound(m.ta, l.ta, h.ta),
	}
}

// temps are the temperatures of die and board.
type temps struct{ die, board float64 }

// step is where x is after dt seconds at a power. The die follows its exact
// exponential, the slow board a straight line: dt is far below its time constant.
func (m model) step(x temps, watts, dt float64) temps {
	settled := x.board + m.r1*watts
	return temps{
		die:   settled + (x.die-settled)*math.Exp(-dt/(m.r1*m.c1)),
		board: x.board + dt*m.drift(x),
	}
}

// drift is the rate at which the board warms, K/s.
func (m model) drift(x temps) float64 {
	return ((x.die-x.board)/m.r1 - (x.board-m.ta)/m.r2) / m.c2
}

// tau is the time constant of the die, s.
func (m model) tau() float64 { return m.r1 * m.c1 }

// power is the constant power that takes the die to target after horizon seconds.
// The board's own drift is taken as it is now: over a horizon of a few time constants
// of the die it changes little, and what it does change is seen at the next step.
func (m model) power(x temps, drift, target, horizon float64) float64 {
	left := math.Exp(-horizon / m.tau())
	board := x.board + horizon*(m.drift(x)+drift)
	return (target - board - (x.die-x.board)*left) / (m.r1 * (1 - left))
}
