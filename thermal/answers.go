package thermal

import "math"

// answers watches whether the temperature answers to power at all. A sensor that is dead
// from the start shows a plausible value that never moves, and a model that is still
// being identified learns from it that nothing heats the die. What the profile
// knows of the board is enough to see through that: no board stays where it is when its
// power rises much.
type answers struct {
	resistance float64 // die to board by the profile, K/W

	slow      float64 // mean power, W
	quick     float64
	low, high float64 // of the reading while power is away from its mean
	away      float64 // s for which it has been
	dead      bool
}

// By how much the power must rise to heat the die by something that every sensor shows,
// given that the profile may be wrong by a factor of 3; after which time; and by how
// little a dead sensor moves.
const (
	answerRise  = 2.5 // K
	answerWrong = 3.0
	answerAfter = 15.0 // s
	answerLeast = 1.0  // K
	quickMean   = 2.0  // s
	slowMean    = 300.0
)

// fails says that the reading does not answer to the power. Only while the budget leaves
// room: where it binds the temperature stays where it is by design. A dead sensor is
// believed again when it moves.
func (a *answers) fails(reading, drawn, dt float64, room bool) bool {
	if a.slow == 0 {
		a.slow, a.quick = drawn, drawn
		a.low, a.high = reading, reading
	}
	a.quick += dt / (quickMean + dt) * (drawn - a.quick)
	a.low, a.high = min(a.low, reading), max(a.high, reading)
	if a.high-a.low >= answerLeast {
		a.dead, a.away, a.low, a.high, a.slow = false, 0, reading, reading, a.quick
	}
	rise := math.Abs(a.quick-a.slow) * a.resistance / answerWrong
	switch {
	case a.dead:
	case rise < answerRise || !room:
		a.away = 0
		a.slow += dt / (slowMean + dt) * (drawn - a.slow)
	default:
		if a.away += dt; a.away > answerAfter {
			a.dead = true
		}
	}
	return a.dead
}
