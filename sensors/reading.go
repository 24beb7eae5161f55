// Package sensors reads temperatures, powers and fan speeds and tells which
// readings can be trusted.
//
// A Sensor reads one quantity and may block; a Hub reads many, each in its own
// goroutine, so that none holds up another or whoever asks; a Filter marks
// readings that are not plausible before anyone sees them.
//
// Files of the kernel are read by ourselves, not by periph's sysfs.ThermalSensor: that
// takes a first reading below 100, so any below 0 °C, for whole degrees (−5 °C becomes
// −5000 °C), has no root to inject, and allocates.
package sensors

import (
	"errors"
	"time"

	"periph.io/x/conn/v3/physic"
)

// Quantity is what a sensor measures.
type Quantity uint8

// Quantities.
const (
	Temperature Quantity = iota // Value is a physic.Temperature
	Power                       // Value is a physic.Power
	Speed                       // of a fan: Value is a physic.Frequency, revolutions per second
)

func (q Quantity) String() string {
	return [...]string{"temperature", "power", "speed"}[q]
}

// Place is the part of the board that a quantity belongs to.
type Place uint8

// Places.
const (
	PlaceOther Place = iota
	PlaceDie         // CPU, GPU or the whole SoC: what the thermal controller holds
	PlaceTPU         // an Edge TPU's die
	PlaceBoard       // the board, its supply or its air
	PlaceTotal       // of a power: all that the board draws
	PlaceCPU         // of a power: the SoC or its cores alone
)

func (p Place) String() string {
	return [...]string{"other", "die", "tpu", "board", "total", "cpu"}[p]
}

// Quality says how far a reading can be trusted.
type Quality uint8

// Qualities, best first.
const (
	Good      Quality = iota // measured and plausible
	Estimated                // computed by a model, not measured
	Suspect                  // measured, but not plausible
	Missing                  // not there, or too old
)

func (q Quality) String() string {
	return [...]string{"good", "estimated", "suspect", "missing"}[q]
}

// Info says which sensor it is.
type Info struct {
	Name     string // unique on this board, for instance "cpu-thermal" or "supply"
	Part     string // what the registry calls it: "thermal zone", "ina226", …
	Quantity Quantity
	Place    Place
}

// Reading is what a sensor said, when, and how far that can be trusted.
type Reading struct {
	*Info
	Value   int64     // in the unit of Quantity: nK, nW or µHz, as periph counts
	At      time.Time // when it was read
	Quality Quality
	Reason  string // why it is Suspect or Missing; "" when Good
	Idle    bool   // it is Missing, and nothing is wrong: see ErrIdle
}

// ErrIdle is what the error of a Read wraps when the sensor is well and has nothing to
// say now: a battery that charges, a counter that was never read before.
var ErrIdle = errors.New("nothing to say now")

// Temperature is the reading's value, of a Temperature sensor.
func (r Reading) Temperature() physic.Temperature { return physic.Temperature(r.Value) }

// Power is the reading's value, of a Power sensor.
func (r Reading) Power() physic.Power { return physic.Power(r.Value) }

// Speed is the reading's value, of a Speed sensor.
func (r Reading) Speed() physic.Frequency { return physic.Frequency(r.Value) }

// Sensor reads one quantity. Read may block and is called by one goroutine; it
// returns the value in the unit of the sensor's Quantity. Close may be called
// while Read blocks.
type Sensor interface {
	Info() Info
	Read() (value int64, err error)
	Close() error
}
