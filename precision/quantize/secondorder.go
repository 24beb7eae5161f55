package quantize

import (
	"fmt"
	"slices"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/model"
	"atoll/sparsity"
	"atoll/sparsity/observe"
)

// damping of the inputs' second moments, as GPTQ does.
const damping = 0.01

// SecondOrder quantizes the weights of a prepared model's convolutions and fully
// connected layers one input after the other, and lets those that follow make up for the
// error so far, as far as the inputs that calibration saw allow: GPTQ (Frantar et al.,
// 2023). Inputs count as the converted model will see them, cut off at the ends of their
// ranges. Zeros stay zeros. The result is by the number in Layers.
func SecondOrder(w *engine.Worker, m *model.Model, samples []probe.Sample, ranges map[int32]Range) (map[int]Weights, error) {
	wide, err := observe.Layers(m)
	if err != nil {
		return nil, nil // depthwise convolutions and tables alone: nothing to make up with
	}
	sums, err := moments(w, m, wide, samples, ranges)
	if err != nil {
		return nil, err
	}
	number := make(map[int]int)
	layers := Layers(m)
	for n, l := range layers {
		number[l.Operator] = n
	}
	list := make(map[int]Weights)
	for i, x := range wide {
		n, ok := number[x.Operator]
		if !ok {
			continue
		}
		values, err := floatsOf(m, layers[n].Weights)
		if err != nil {
			return nil, err
		}
		factor, err := sparsity.InverseFactor(sums[i].H(), x.Cols, damping)
		if err != nil {
			continue // inputs that say nothing, such as zeros alone
		}
		q := nearest(layers[n], values)
		if len(q.Scales)*x.Cols != len(values) {
			return nil, fmt.Errorf("layer %q: %d scales for weights of %d by %d", layers[n].Name, len(q.Scales), x.Rows, x.Cols)
		}
		for r := range x.Rows {
			compensate(values[r*x.Cols:][:x.Cols], factor, q.Scales[r], q.Values[r*x.Cols:][:x.Cols])
		}
		list[n] = q
	}
	return list, nil
}

// compensate quantizes one row.
func compensate(row []float32, factor []float64, scale float32, into []int8) {
	if scale == 0 {
		return
	}
	cols := len(row)
	left := make([]float64, cols)
	for i, v := range row {
		left[i] = float64(v)
	}
	for j := range cols {
		into[j] = 0
		if row[j] != 0 {
			into[j] = round(left[j] / float64(scale))
		}
		e := (left[j] - float64(scale)*float64(into[j])) / factor[j*cols+j]
		for k := j + 1; k < cols; k++ {
			left[k] -= e * factor[j*cols+k]
		}
	}
}

// moments sums the second moments of the inputs of each layer.
func moments(w *engine.Worker, m *model.Model, layers []observe.Layer, samples []probe.Sample, ranges map[int32]Range) ([]*sparsity.Accumulator, error) {
	sums := make([]*sparsity.Accumulator, len(layers))
	readers := make(map[int32][]int)
	var tensors []int32
	for i, l := range layers {
		var err error
		if sums[i], err = sparsity.NewAccumulator(l.Cols); err != nil {
			return nil, err
		}
		if readers[l.Input] == nil {
			tensors = append(tensors, l.Input)
		}
		readers[l.Input] = append(readers[l.Input], i)
	}
	err := probe.Observe(w, m, tensors, samples, func(_ int, t int32, values []float32) error {
		if r, ok := ranges[t]; ok {
			values = slices.Clone(values)
			for i, v := range values {
				values[i] = min(max(v, float32(r.Min)), float32(r.Max))
			}
		}
		for _, i := range readers[t] {
			if err := layers[i].Add(sums[i], values); err != nil {
				return err
			}
		}
		return nil
	})
	return sums, err
}
