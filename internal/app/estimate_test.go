package app

import (
	"math"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
)

var twoNodes = board.Thermal{
	DieResistance: 3, DieCapacity: 1.5, BoardResistance: 7, BoardCapacity: 40,
	AmbientAssumed: physic.ZeroCelsius + 25*physic.Kelvin,
}

func TestEstimateBeginsAndEndsInBalance(t *testing.T) {
	e := estimate{Thermal: twoNodes}
	if got := e.step(2*physic.Watt, 0).Celsius(); math.Abs(got-45) > 0.01 {
		t.Errorf("begins at %.2f °C, want 25 + 2·(3+7)", got)
	}
	if got := e.step(4*physic.Watt, 20*time.Second).Celsius(); got < 51 || got > 60 {
		t.Errorf("after 20 s of 4 W: %.2f °C, want the die's 6 K more and some of the board's", got)
	}
	last := 0.0
	for range 200 {
		last = e.step(4*physic.Watt, 20*time.Second).Celsius()
	}
	if math.Abs(last-65) > 0.01 {
		t.Errorf("ends at %.2f °C, want 25 + 4·(3+7)", last)
	}
}

// Steps of any length give the same, and none diverges.
func TestEstimateDoesNotDependOnTheStep(t *testing.T) {
	coarse, fine := estimate{Thermal: twoNodes}, estimate{Thermal: twoNodes}
	coarse.step(physic.Watt, 0)
	fine.step(physic.Watt, 0)
	a := coarse.step(5*physic.Watt, 30*time.Second).Celsius()
	var b float64
	for range 300 {
		b = fine.step(5*physic.Watt, 100*time.Millisecond).Celsius()
	}
	if math.Abs(a-b) > 0.01 {
		t.Errorf("one step gives %.3f °C, 300 give %.3f", a, b)
	}
	if got := coarse.step(5*physic.Watt, 1000*time.Hour).Celsius(); !(got < 75.01) {
		t.Errorf("after a suspend: %v °C", got)
	}
}
