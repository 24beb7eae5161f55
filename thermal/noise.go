package thermal

import (
	"math"

	"atoll/sensors"
)

// noise learns what a sensor's readings are worth: their noise, the step they are
// quantised to, and how often they are converted.
type noise struct {
	last, before   float64 // the two latest distinct conversions
	off, offBefore float64 // how far they were from what was expected
	seen           int
	variance       float64 // of a conversion, K², smoothed
	quantum        float64 // least change ever seen, K
	since          int     // readings since the value changed last
	pace           sensors.Pace
}

const (
	patience      = 20 // readings that a value may take to change before it counts as flat
	leastVariance = 1e-4
)

// judge says what a reading tells of the true value, which is expected, and the
// variance of that; fresh is false when it tells nothing new. The variance of white noise
// is that of second differences over 6; a constant slope has none.
//
// A coarse sensor only tells between which bounds the value lies, and exactly so
// when it goes from one step to the next.
func (n *noise) judge(reading, expected float64) (value, variance float64, fresh bool) {
	if n.seen == 0 {
		n.last, n.before, n.quantum, n.variance = reading, reading, math.Inf(1), 0.25
	}
	n.seen++
	last, since := n.last, n.since
	if reading != last {
		n.changed(reading, expected)
	}
	variance = max(leastVariance, n.variance)
	step := math.Abs(reading - last)
	coarse := n.coarse()
	least := n.quantum * n.quantum / 12
	switch {
	case step == 0 && !coarse && n.since < sensors.SlowestConversion, step == 0 && n.since%(n.pace.Interval()+2) != 0:
		return 0, 0, false // the same conversion again
	case !coarse:
		return reading, variance, true
	case step == 0:
		half := n.quantum / 2
		return bound(expected, reading-half, reading+half), least / 4, true
	case step < 1.5*n.quantum && since > patience:
		return (reading + last) / 2, least, true
	}
	return reading, max(variance, least), true
}

// coarse says whether the sensor's steps are what limits it.
func (n *noise) coarse() bool { return n.quantum >= 0.2 && n.quantum <= 2 }

// edge is the highest border between two values of a coarse sensor up to limit, °C.
func (n *noise) edge(limit float64) float64 {
	return n.last + n.quantum*(math.Floor((limit-n.last)/n.quantum-0.5)+0.5)
}

// changed learns from a change of the value: its noise from what is neither a slope nor
// expected.
func (n *noise) changed(reading, expected float64) {
	step := math.Abs(reading - n.last)
	n.quantum = min(n.quantum, step)
	off := reading - expected
	second := min(math.Abs(reading-2*n.last+n.before), math.Abs(off-2*n.off+n.offBefore))
	if n.since > 2*sensors.SlowestConversion {
		second = step // long unchanged: there was no slope
	}
	n.offBefore, n.off = n.off, off
	n.variance += 0.05 * (min(second*second/6, 2.5*max(n.variance, leastVariance)) - n.variance)
	n.before, n.last = n.last, reading
	n.pace.Changed(n.since)
	n.since = 0
}
