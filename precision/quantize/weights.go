package quantize

import (
	"math"
	"slices"
)

// maxWeight is the largest quantized weight: the specification leaves -128 out, so that
// weights are symmetric.
const maxWeight = 127

// Weights are a layer's, quantized symmetrically.
type Weights struct {
	Values []int8    // in the layout of the float weights
	Scales []float32 // one for each output channel, 0 if all its weights are; one in all for tables
}

// channels addresses the weights of a layer by output channel. Element i of channel c
// lies at c*outer+i*inner.
type channels struct{ count, length, outer, inner int }

func channelsOf(l Layer, elements int) channels {
	switch {
	case l.table():
		return channels{1, elements, 0, 1}
	case l.axis == 0:
		return channels{l.Channels, elements / l.Channels, elements / l.Channels, 1}
	}
	return channels{l.Channels, elements / l.Channels, 1, l.Channels}
}

// scale returns the step of channel c with which the rounded weights are nearest in
// squared error. Steps smaller than that of the largest weight cut it off, which pays
// where it is an outlier.
func (ch channels) scale(w []float32, c int) float32 {
	largest := float32(0)
	for i := range ch.length {
		v := w[c*ch.outer+i*ch.inner]
		largest = max(largest, v, -v)
	}
	whole := float64(largest) / maxWeight
	best, least := whole, math.MaxFloat64
	for step := range 30 {
		s := whole * (1 - float64(step)/100)
		sum := 0.0
		for i := range ch.length {
			v := float64(w[c*ch.outer+i*ch.inner])
			d := v - s*float64(round(v/s))
			sum += float64(d * d)
		}
		if sum < least {
			best, least = s, sum
		}
	}
	return float32(best)
}

// round rounds to the nearest quantized weight, 0 for what is no number.
func round(v float64) int8 {
	if math.IsNaN(v) {
		return 0
	}
	return int8(math.RoundToEven(min(max(v, -maxWeight), maxWeight)))
}

// nearest quantizes a layer's weights, each to the nearest step.
func nearest(l Layer, w []float32) Weights {
	ch := channelsOf(l, len(w))
	q := Weights{Values: make([]int8, len(w)), Scales: make([]float32, ch.count)}
	for c := range ch.count {
		s := ch.scale(w, c)
		q.Scales[c] = s
		if s == 0 {
			continue
		}
		for i := range ch.length {
			at := c*ch.outer + i*ch.inner
			q.Values[at] = round(float64(w[at]) / float64(s))
		}
	}
	return q
}

// steps are the scales as a file has them. Any will do for a channel of zeros, but it
// must not be zero.
func (q Weights) steps() []float32 {
	list := slices.Clone(q.Scales)
	for c, s := range list {
		if s == 0 {
			list[c] = 1
		}
	}
	return list
}
