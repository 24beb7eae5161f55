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
	sums, err := observe.Inputs(w, m, wide, samples, cutOff(ranges))
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
		factor, err := sparsity.InverseFactor(sums[i].H(), x.Cols, sparsity.DefaultDamping)
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

// cutOff cuts values off at the ends of their tensor's range, if it has one.
func cutOff(ranges map[int32]Range) func(tensor int32, values []float32) []float32 {
	return func(tensor int32, values []float32) []float32 {
		r, ok := ranges[tensor]
		if !ok {
			return values
		}
		values = slices.Clone(values)
		for i, v := range values {
			values[i] = min(max(v, float32(r.Min)), float32(r.Max))
		}
		return values
	}
}
