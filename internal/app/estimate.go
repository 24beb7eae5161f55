package app

import (
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
)

// estimate is the temperature that the die of a board would have by the profile's two
// nodes, die and board, where nothing measures it. It begins at the balance with
// the first power it is told, which is the mean since the machine started.
type estimate struct {
	board.Thermal
	die, board float64 // K above ambient
	begun      bool
}

// step lets time pass at a power. Straight lines do: a step is a fraction of the time
// constant of any die, and is cut into such where it is not.
func (e *estimate) step(p physic.Power, passed time.Duration) physic.Temperature {
	const least = 50 * time.Millisecond
	w := float64(p) / float64(physic.Watt)
	if !e.begun {
		e.begun = true
		e.board = w * e.BoardResistance
		e.die = e.board + w*e.DieResistance
	}
	for passed = min(passed, time.Minute); passed > 0; passed -= least {
		dt := min(passed, least).Seconds()
		through := (e.die - e.board) / e.DieResistance // W
		e.die += dt * (w - through) / e.DieCapacity
		e.board += dt * (through - e.board/e.BoardResistance) / e.BoardCapacity
	}
	return e.AmbientAssumed + physic.Temperature(e.die*float64(physic.Kelvin))
}
