// Package sim runs thermal policies against simulated boards and scores them.
//
// It is a simulator: a plant is a network of thermal resistances and capacities
// with leakage, a sensor and a load, drawn from a seed. What it says of a policy
// holds for such plants and was not measured on hardware. Predictive was tuned on
// plants of the same generator with other seeds.
//
// A share is continuous, as clock steps and the pace of inference together make it on
// a board; StepWise has its cooling states, and does a little more work where
// it overshoots.
package sim

import "time"

// Policy decides how much power a board may draw from what its sensor says.
type Policy interface {
	// Decide returns the share (0 to 1) of the plant's controllable power that is
	// allowed until it is asked again. It is called every Interval.
	Decide(o Observation) float64
}

// Interval is the time between two decisions.
const Interval = 100 * time.Millisecond

// Observation is what a policy sees at one moment.
type Observation struct {
	Now   time.Duration // since the start, by a monotonic clock
	Temp  float64       // °C, as the sensor gives it: with noise, quantised, or wrong
	OK    bool          // false: the sensor could not be read
	Power float64       // W, drawn since the last step, as measured or estimated
	Bound bool          // there was more to do in the last step than was allowed
}

// Facts is what the author of a board's device tree knows of it.
type Facts struct {
	SetPoint    float64 // °C to hold
	Idle, Full  float64 // W drawn at a share of 0 and of 1, under full load, at 25 °C
	Sustainable float64 // W that the board can dissipate for ever at the set point and 25 °C around it
	States      int     // cooling states of its CPU, 0 (full speed) to States-1
}

// Maker makes a policy for one board.
type Maker func(Facts) Policy

// Score tells how a policy did over all plants. Temperatures are those of the
// plant's hottest node, not what its sensor said.
type Score struct {
	// Work done as a share of what an omniscient controller does that holds the die
	// exactly at the set point, over the time in which temperature is the limit:
	// median and 5th percentile over plants.
	EfficiencyP50 float64 `json:"efficiency_p50"`
	EfficiencyP05 float64 `json:"efficiency_p05"`
	// Highest temperature above the set point, 99th percentile over plants.
	OvershootP99 float64 `json:"overshoot_p99_c"`
	Max          float64 `json:"max_c"`         // highest temperature of any plant
	SettledPtp   float64 `json:"settled_ptp_c"` // peak to peak after settling, 99th percentile over plants
	// Under injected sensor faults.
	FaultMax      float64 `json:"fault_max_c"`      // highest temperature of any plant
	FaultRecovery float64 `json:"fault_recovery_s"` // longest time from the sensor's return to full work
}

// Result is the outcome of one simulation.
type Result struct {
	Plants   int              `json:"plants"`
	Seed     uint64           `json:"seed"`
	Policies map[string]Score `json:"policies"`
}

// Trace is how one plant fared under one policy.
type Trace struct {
	Policy   string
	SetPoint float64
	Points   []Point
}

// Point is one moment of a trace.
type Point struct {
	At       time.Duration
	Die      float64 // °C
	Ambient  float64 // °C
	Share    float64 // 0 to 1, as decided
	Possible float64 // 0 to 1, what the omniscient controller would allow
	Fault    bool    // the sensor is being tampered with
}
