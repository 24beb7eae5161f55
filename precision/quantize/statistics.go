package quantize

import (
	"context"
	"errors"
	"fmt"
	"math"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/model"
	"atoll/model/graph"
)

// histogramBins resolve a tensor's range 8 times finer than 8 bits do.
const histogramBins = 2048

// ErrNoSamples is returned where there is nothing to calibrate with.
var ErrNoSamples = errors.New("no calibration samples")

// Statistics are what calibration saw of one tensor.
type Statistics struct {
	Min, Max  float32
	Mean      []float64 // of each channel, the last dimension
	Peak      []float32 // largest absolute value of each channel
	Histogram []float64 // counts over equal bins from Min to Max
	seen      int       // elements of each channel
}

// Observe runs a prepared model on all samples and returns the statistics of each
// float32 tensor that it computes or is fed, by tensor. Values that are not finite are
// an error: nothing can be learnt from them.
func Observe(ctx context.Context, w *engine.Worker, m *model.Model, samples []probe.Sample) (map[int32]*Statistics, error) {
	if len(samples) == 0 {
		return nil, ErrNoSamples
	}
	g := &m.Subgraphs[0]
	tensors := activations(m)
	p, err := probe.Open(w, m, tensors) // which makes sure of the shapes
	if err != nil {
		return nil, err
	}
	defer p.Close()
	stats := make(map[int32]*Statistics, len(tensors))
	for _, t := range tensors {
		channels := 1
		if shape := g.Tensors[t].Shape; len(shape) > 0 {
			channels = int(shape[len(shape)-1])
		}
		stats[t] = &Statistics{
			Min: math.MaxFloat32, Max: -math.MaxFloat32, Mean: make([]float64, channels), Peak: make([]float32, channels),
			Histogram: make([]float64, histogramBins),
		}
	}
	for _, pass := range []func(*Statistics, []float32) error{(*Statistics).bound, (*Statistics).count} {
		for n, sample := range samples {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			values, err := p.Run(sample)
			if err != nil {
				return nil, fmt.Errorf("calibration sample %d: %w", n, err)
			}
			for i, t := range tensors {
				if err := pass(stats[t], values[i]); err != nil {
					return nil, fmt.Errorf("calibration sample %d: tensor %q: %w", n, g.Tensors[t].Name, err)
				}
			}
		}
	}
	for _, s := range stats {
		for c := range s.Mean {
			s.Mean[c] /= float64(max(1, s.seen))
		}
	}
	return stats, nil
}

// activations lists the float32 tensors that are fed or computed.
func activations(m *model.Model) []int32 {
	g := &m.Subgraphs[0]
	var list []int32
	add := func(tensors []int32) {
		for _, t := range tensors {
			if x := &g.Tensors[t]; x.Type == model.TypeFloat32 && !graph.IsConstant(m, x) {
				list = append(list, t)
			}
		}
	}
	add(g.Inputs)
	for i := range g.Operators {
		add(g.Operators[i].Outputs)
	}
	return list
}

// bound widens the bounds and adds to the means.
func (s *Statistics) bound(values []float32) error {
	channels := len(s.Mean)
	for i, v := range values {
		c := i % channels
		s.Min, s.Max = min(s.Min, v), max(s.Max, v)
		s.Peak[c] = max(s.Peak[c], v, -v)
		s.Mean[c] += float64(v)
	}
	s.seen += len(values) / max(1, channels)
	if sum := float64(s.Min) + float64(s.Max); math.IsNaN(sum) || math.IsInf(sum, 0) {
		return errors.New("has values that are not finite")
	}
	return nil
}

// count fills the histogram; the bounds must be known.
func (s *Statistics) count(values []float32) error {
	width := s.width()
	if width <= 0 {
		s.Histogram[0] += float64(len(values))
		return nil
	}
	for _, v := range values {
		s.Histogram[min(int((float64(v)-float64(s.Min))/width), histogramBins-1)]++
	}
	return nil
}

// width is that of a bin.
func (s *Statistics) width() float64 { return (float64(s.Max) - float64(s.Min)) / histogramBins }
