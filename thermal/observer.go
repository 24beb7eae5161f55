package thermal

import "math"

// observer estimates the temperatures of die and board, and the board's drift
// that the model does not explain, from noisy, quantised or slowly converted readings
// of the die: a Kalman filter over the model.
type observer struct {
	x     temps
	drift float64 // of the board beyond the model's, K/s
	lean  float64 // mean of the normalised innovations of late: 0 where the model is right
	cov   matrix  // of die, board and drift

	noise noise
}

type matrix [3][3]float64

// Process noise: how far the board's own course departs from the model's, by the
// square root of a second. The die's departs with errors of the measured power. Found on
// simulated boards other than those reported on.
const (
	dieUnrest   = 0.1   // K/√s
	boardUnrest = 0.06  // K/√s
	driftUnrest = 0.002 // K/s/√s
	driftMemory = 60.0  // s
)

// When the innovations lean to one side the model is wrong, and the board's
// temperature is the part of it that can be: it may then move more.
const (
	leanGain  = 0.1
	leanLeast = 0.1 // squared, in variances
	leanBoost = 50
	surprise  = 9 // squared innovation in variances that makes everything less certain
	doubling  = 2 // by this much at once
)

func (o *observer) begin(reading, watts float64, m model) {
	o.x = temps{die: reading, board: reading - m.r1*watts}
	o.cov = matrix{{1, 0, 0}, {0, 25, 0}, {0, 0, 0.01}}
}

// predict moves the estimate on by dt seconds at a power.
func (o *observer) predict(m model, watts, dt float64) {
	o.noise.since++
	left := math.Exp(-dt / m.tau())
	f := matrix{
		{left, 1 - left, 0},
		{dt / (m.r1 * m.c2), 1 - dt*(1/m.r1+1/m.r2)/m.c2, dt},
		{0, 0, 1 - dt/driftMemory},
	}
	o.x = m.step(o.x, watts, dt)
	o.x.board += dt * o.drift
	o.drift *= f[2][2]
	var fp, next matrix
	for i := range 3 {
		for j := range 3 {
			fp[i][j] = f[i][0]*o.cov[0][j] + f[i][1]*o.cov[1][j] + f[i][2]*o.cov[2][j]
		}
	}
	for i := range 3 {
		for j := range 3 {
			next[i][j] = fp[i][0]*f[j][0] + fp[i][1]*f[j][1] + fp[i][2]*f[j][2]
		}
	}
	next[0][0] += dieUnrest * dieUnrest * dt
	next[1][1] += boardUnrest * boardUnrest * dt * (1 + leanBoost*max(0, o.lean*o.lean-leanLeast))
	next[2][2] += driftUnrest * driftUnrest * dt
	o.cov = next
}

// rebase sees the estimate with a better known model: the die warms as fast as
// before, and so does the board.
func (o *observer) rebase(old, known model, watts float64) {
	if old == known {
		return
	}
	drift := o.drift + old.drift(o.x)
	if old.r1 != known.r1 || old.c1 != known.c1 {
		slope := (watts - (o.x.die-o.x.board)/old.r1) / old.c1
		o.x.board = o.x.die - known.r1*(watts-known.c1*slope)
	}
	o.drift = drift - known.drift(o.x)
}

// correct takes a reading into the estimate, and returns what it was worth: the value,
// its variance, and whether it told anything new.
func (o *observer) correct(reading float64) (value, variance float64, fresh bool) {
	value, variance, fresh = o.noise.judge(reading, o.x.die)
	if !fresh {
		return value, variance, false
	}
	innovation := value - o.x.die
	total := o.cov[0][0] + variance
	if grow := min(doubling, innovation*innovation/(surprise*total)); grow > 1 {
		for i := range 3 {
			for j := range 3 {
				o.cov[i][j] *= grow
			}
		}
		total = o.cov[0][0] + variance
	}
	o.lean += leanGain * (innovation/math.Sqrt(total) - o.lean)
	var gain [3]float64
	for i := range 3 {
		gain[i] = o.cov[i][0] / total
	}
	o.x.die += gain[0] * innovation
	o.x.board += gain[1] * innovation
	o.drift += gain[2] * innovation
	row := o.cov[0]
	for i := range 3 {
		for j := range 3 {
			o.cov[i][j] -= gain[i] * row[j]
		}
	}
	return value, variance, true
}
