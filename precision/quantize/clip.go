package quantize

import (
	"fmt"
	"math"
	"slices"
)

// Clipping is how the range of an activation is chosen from what calibration saw.
type Clipping string

// The ways of clipping. Values beyond the range saturate; a narrower range has finer
// steps for the rest.
const (
	MinMax     Clipping = "minmax"     // everything that was seen
	Percentile Clipping = "percentile" // all but one in 10,000 at each end
	LeastError Clipping = "mse"        // least squared error of what was seen
	Divergence Clipping = "kl"         // least Kullback-Leibler divergence (Migacz, 8-bit Inference with TensorRT, GTC 2017)
)

// Clippings lists the ways.
var Clippings = []Clipping{LeastError, MinMax, Percentile, Divergence}

// ParseClipping finds a way by its name.
func ParseClipping(s string) (Clipping, error) {
	if c := Clipping(s); slices.Contains(Clippings, c) {
		return c, nil
	}
	return "", fmt.Errorf("unknown clipping %q: use one of %v", s, Clippings)
}

// Range is the span of real numbers that an 8-bit tensor can hold. It always contains
// zero, which the integers must be able to say exactly.
type Range struct{ Min, Max float64 }

const (
	levels         = 256
	clipSteps      = 100    // candidates of ranges between a third of what was seen and all of it
	percentileTail = 0.0001 // of the elements at each end
)

// Range chooses the tensor's range.
func (s *Statistics) Range(c Clipping) Range {
	if s.Max < s.Min { // the tensor has no elements
		return Range{}
	}
	all := widen(float64(s.Min), float64(s.Max))
	switch c {
	case Percentile:
		return s.percentile()
	case LeastError:
		return s.best(all, s.squaredError)
	case Divergence:
		return s.best(all, s.divergence)
	}
	return all
}

// widen makes a range of bounds.
func widen(low, high float64) Range { return Range{min(low, 0), max(high, 0)} }

// best tries shares of the whole range and returns the one of least cost, the widest of
// equals.
func (s *Statistics) best(all Range, cost func(Range) float64) Range {
	best, least := all, cost(all)
	for step := 1; step < clipSteps; step++ {
		share := 1 - float64(step)/clipSteps*2/3
		r := Range{all.Min * share, all.Max * share}
		if c := cost(r); c < least {
			best, least = r, c
		}
	}
	return best
}

// bin returns the value in the middle of a bin.
func (s *Statistics) bin(i int) float64 {
	return float64(s.Min) + (float64(i)+0.5)*s.width()
}

// binOf returns the bin of a value, the nearest for those beyond the ends.
func (s *Statistics) binOf(v float64) int {
	width := s.width()
	if width <= 0 {
		return 0
	}
	return int(min(max((v-float64(s.Min))/width, 0), histogramBins-1))
}

// squaredError is the sum over what was seen, rounded to steps within r or cut off at
// its ends.
func (s *Statistics) squaredError(r Range) float64 {
	step := (r.Max - r.Min) / (levels - 1)
	sum := 0.0
	for i, n := range s.Histogram {
		if n == 0 {
			continue
		}
		switch v := s.bin(i); {
		case v > r.Max:
			sum += n * (v - r.Max) * (v - r.Max)
		case v < r.Min:
			sum += n * (v - r.Min) * (v - r.Min)
		default: // evenly spread within a step
			sum += n * step * step / 12
		}
	}
	return sum
}

// divergence is that of what was seen from what levels within r can tell apart of it.
func (s *Statistics) divergence(r Range) float64 {
	var p, q [histogramBins]float64
	step := (r.Max - r.Min) / levels
	if step <= 0 {
		return 0
	}
	var mass, bins [levels]float64
	total := 0.0
	level := func(v float64) int { return min(max(int((v-r.Min)/step), 0), levels-1) }
	for i, n := range s.Histogram {
		v := min(max(s.bin(i), r.Min), r.Max)
		total += n
		at := level(v)
		mass[at] += n
		if inside := s.bin(i) == v; inside && n > 0 {
			bins[at]++
		}
		// What is cut off lands in the bins at the ends.
		p[s.binOf(v)] += n
	}
	for i, n := range s.Histogram {
		if v := s.bin(i); n > 0 && v >= r.Min && v <= r.Max {
			q[i] = mass[level(v)] / bins[level(v)]
		}
	}
	sum := 0.0
	for i := range p {
		switch {
		case p[i] == 0:
		case q[i] == 0:
			sum += p[i] / total * math.Log(1e9)
		default:
			sum += p[i] / total * math.Log(p[i]/q[i])
		}
	}
	return sum
}

// percentile leaves out the tails.
func (s *Statistics) percentile() Range {
	total := 0.0
	for _, n := range s.Histogram {
		total += n
	}
	low, high := 0, histogramBins-1
	for sum := s.Histogram[low]; low < high && sum < total*percentileTail; sum += s.Histogram[low] {
		low++
	}
	for sum := s.Histogram[high]; high > low && sum < total*percentileTail; sum += s.Histogram[high] {
		high--
	}
	return widen(float64(s.Min)+float64(low)*s.width(), float64(s.Min)+float64(high+1)*s.width())
}
