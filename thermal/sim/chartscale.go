package sim

import (
	"iter"
	"math"
	"strconv"
)

// thin returns at most maxChartPoints of the points: the first, the last and of each
// of equal runs between them that with the lowest and that with the highest value,
// so that no spike is lost.
func thin(points []Point, value func(Point) float64) []Point {
	if len(points) <= maxChartPoints {
		return points
	}
	const runs = maxChartPoints/2 - 1
	inner := points[1 : len(points)-1]
	thinned := append(make([]Point, 0, maxChartPoints), points[0])
	for i := range runs {
		run := inner[i*len(inner)/runs : (i+1)*len(inner)/runs]
		lo, hi := 0, 0
		for j, p := range run {
			if value(p) < value(run[lo]) {
				lo = j
			}
			if value(p) > value(run[hi]) {
				hi = j
			}
		}
		thinned = append(thinned, run[min(lo, hi)])
		if lo != hi {
			thinned = append(thinned, run[max(lo, hi)])
		}
	}
	return append(thinned, points[len(points)-1])
}

// ticks yields the multiples of step from lo to hi.
func ticks(lo, hi, step float64) iter.Seq[float64] {
	return func(yield func(float64) bool) {
		for i := math.Ceil(lo / step); i*step <= hi; i++ {
			if !yield(i * step) {
				return
			}
		}
	}
}

// scaleStep is the least of 1, 2 and 5 times a power of ten that divides a range
// into at most so many steps.
func scaleStep(length float64, steps int) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(length/float64(steps))))
	for _, step := range [...]float64{unit, 2 * unit, 5 * unit} {
		if length/step <= float64(steps) {
			return step
		}
	}
	return 10 * unit
}

// timeStep is the least usual length of time that divides a time into at most so
// many steps, all in s.
func timeStep(length float64, steps int) float64 {
	for _, step := range [...]float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200} {
		if length/step <= float64(steps) {
			return step
		}
	}
	return scaleStep(length/86400, steps) * 86400
}

// timeLabel writes seconds in the largest unit that gives a whole number.
func timeLabel(s float64) string {
	switch {
	case s == 0:
		return "0"
	case math.Mod(s, 3600) == 0:
		return number(s/3600) + " h"
	case math.Mod(s, 60) == 0:
		return number(s/60) + " min"
	}
	return number(s) + " s"
}

// number writes a value with at most one decimal.
func number(v float64) string { return string(appendNumber(nil, v)) }

func appendNumber(b []byte, v float64) []byte {
	v = math.Round(v*10) / 10
	if v == 0 {
		v = 0 // not -0
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}
