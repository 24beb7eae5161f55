// Package actuator turns the knobs that trade work for heat: CPU clocks, fans, the
// clock of an Edge TPU, and how much and how precisely is inferred.
//
// What it changes in sysfs outlives the process, so it is put back in three layers:
// by Restore when the process ends in order, by a guard process when it is killed,
// and from a record in the state folder when both are killed at once.
package actuator

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/rs/zerolog"
	"periph.io/x/conn/v3/physic"
)

// Actuator is one knob that trades work for heat. Its methods are called by one
// goroutine at a time.
type Actuator interface {
	// Name is unique on a board: "cpufreq policy0".
	Name() string
	// Apply turns the knob to where s wants it. It writes only what differs, and what
	// someone else turned away from there; without a change it allocates nothing.
	Apply(s Setting) (changed bool, err error)
	// Restore puts back what was there before.
	Restore() error
}

// Setting is what the thermal controller wants.
type Setting struct {
	Share   float64 // of the power between idle and full load at the clocks found: 0 least work … 1 all
	Cooling float64 // 0 fans as they were … 1 full
	// Hottest is the temperature that this was decided on, by which fans know what the
	// kernel wants of them; 0 if there is none to trust.
	Hottest physic.Temperature
}

// bounded is s with shares in their range. What is no number becomes the safest
// there is: no work, full fans.
func (s Setting) bounded() Setting {
	if math.IsNaN(s.Share) {
		s.Share = 0
	}
	if math.IsNaN(s.Cooling) {
		s.Cooling = 1
	}
	s.Share = min(max(s.Share, 0), 1)
	s.Cooling = min(max(s.Cooling, 0), 1)
	return s
}

// Problem says what a board lacks or what can't be used of it.
type Problem struct {
	Name string // of the actuator: "cpufreq policy0", or of its kind: "fan"
	Err  error
}

func (p Problem) String() string { return fmt.Sprintf("%s: %v", p.Name, p.Err) }

// Options configure Find.
type Options struct {
	// State is the folder of the record and its lock. Without one nothing in sysfs is
	// touched, because nobody could put it back after a kill.
	State string
	// Command starts a guard, with the root and the record's name appended; the
	// default is this very program with the argument "guard".
	Command []string
	// Logger hears of what fails, of what works again, and of guards that die.
	Logger zerolog.Logger
	// Now is the clock of dwell times and retries; default time.Now.
	Now func() time.Time

	access access                               // of files; the default is the system's
	after  func(time.Duration) <-chan time.Time // default time.After
}

// ErrClosed is returned for what is asked of a closed Set.
var ErrClosed = errors.New("actuators are closed")

// A HeldError says that another live instance holds the actuators of this board.
type HeldError struct{ PID int } // 0 if it has another state folder, or did not say

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return "another instance of atoll, with another state folder, holds the actuators: stop that one first, or run this one without"
	}
	return fmt.Sprintf("another instance of atoll (process %d) holds the actuators: stop that one first, or run this one without", e.PID)
}
