package quantize

import (
	"context"
	"fmt"
	"math"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/model"
	"atoll/model/graph"
)

// LayerError is how far a layer's result in a converted model is from the original's, on
// the same inputs of the models. It has in it what the layers before have done.
type LayerError struct {
	Name     string
	SNR      float64 // signal to noise, in dB: 10·log10(Σx²/Σ(x−x̂)²)
	Relative float64 // Σ(x−x̂)²/Σx²
}

// Compare runs a prepared model and a conversion of it side by side and returns the
// errors of the layers that both have, in the order of execution. Layers are found by
// the names of their results; those that have lost channels are left out. Factors are what an equalization divided the conversion's
// channels by, nil for none.
func Compare(ctx context.Context, w *engine.Worker, prepared, converted *model.Model, factors Factors, samples []probe.Sample) ([]LayerError, error) {
	if len(samples) == 0 {
		return nil, ErrNoSamples
	}
	named := make(map[string]int32)
	for t := range converted.Subgraphs[0].Tensors {
		x := &converted.Subgraphs[0].Tensors[t]
		if _, there := named[x.Name]; !there && !graph.IsConstant(converted, x) {
			named[x.Name] = int32(t)
		}
	}
	var list []LayerError
	var before, after []int32
	for _, l := range Layers(prepared) {
		if t, ok := named[l.Name]; ok && elements(prepared, l.Output) == elements(converted, t) {
			list = append(list, LayerError{Name: l.Name})
			before, after = append(before, l.Output), append(after, t)
		}
	}
	original, err := probe.Open(w, prepared, before)
	if err != nil {
		return nil, err
	}
	defer original.Close()
	conversion, err := probe.Open(w, converted, after)
	if err != nil {
		return nil, err
	}
	defer conversion.Close()
	signal, noise := make([]float64, len(list)), make([]float64, len(list))
	for n, sample := range samples {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		want, err := original.Run(sample)
		if err != nil {
			return nil, fmt.Errorf("sample %d: %w", n, err)
		}
		got, err := conversion.Run(sample)
		if err != nil {
			return nil, fmt.Errorf("sample %d: %w", n, err)
		}
		for i := range list {
			if len(want[i]) != len(got[i]) {
				return nil, fmt.Errorf("layer %q has %d results, converted %d", list[i].Name, len(want[i]), len(got[i]))
			}
			scale := factors[before[i]]
			for k, x := range want[i] {
				y := float64(got[i][k])
				if scale != nil {
					y *= scale[k%len(scale)]
				}
				d := y - float64(x)
				signal[i] += float64(x) * float64(x)
				noise[i] += d * d
			}
		}
	}
	for i := range list {
		list[i].Relative, list[i].SNR = ratio(noise[i], signal[i])
	}
	return list, nil
}

// elements is the size of a tensor.
func elements(m *model.Model, t int32) int64 {
	n, _ := model.Elements(m.Subgraphs[0].Tensors[t].Shape) // Read has seen it
	return n
}

// maxSNR is what is reported where there is no error at all, in dB.
const maxSNR = 200

// ratio returns noise over signal, and the inverse in dB.
func ratio(noise, signal float64) (relative, snr float64) {
	if noise == 0 {
		return 0, maxSNR
	}
	if signal == 0 {
		return 1, 0
	}
	return noise / signal, min(maxSNR, 10*math.Log10(signal/noise))
}
