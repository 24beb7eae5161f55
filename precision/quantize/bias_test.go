package quantize

import (
	"math"
	"testing"

	"atoll/engine/enginetest"
	"atoll/engine/probe"
	"atoll/model"
)

// TestCorrectBiases: with weights that are rounded coarsely the mean of each channel stays
// where it was.
func TestCorrectBiases(t *testing.T) {
	w := enginetest.Start(t)
	for name, build := range map[string]func(n net) int32{
		"CONV_2D":         func(n net) int32 { return n.conv("y", n.input("x", 1, 4, 4, 3), 1, 3, 5, 0) },
		"FULLY_CONNECTED": func(n net) int32 { return n.connected("y", n.input("x", 1, 6), 6, 3, true) },
		"DEPTHWISE_CONV_2D": func(n net) int32 {
			y := n.depthwise("y", n.input("x", 1, 3, 3, 3), 3, 2)
			n.Graph.Operators[0].Options = n.Graph.Operators[0].Options.With("padding", 1)
			n.Graph.Tensors[y].Shape = []int32{1, 1, 1, 6}
			return y
		},
	} {
		n := newNet()
		y := build(n)
		m := n.output(y)
		list := samples(m, 6)
		if name == "DEPTHWISE_CONV_2D" { // every tap of the kernel must see the same mean
			for _, s := range list {
				for i := range s[0] {
					if i < 3 {
						s[0][i] += 0.5
					}
					s[0][i] = s[0][i%3]
				}
			}
		}
		stats, _ := observed(t, w, m, list)
		l := Layers(m)[0]
		values, err := floatsOf(m, l.Weights)
		if err != nil {
			t.Fatal(err)
		}
		q := nearest(l, values)
		for i := range q.Values {
			q.Values[i] = int8(int(q.Values[i]) / 40 * 40)
		}
		biases, err := correctBiases(m, map[int]Weights{0: q}, stats)
		if err != nil {
			t.Fatal(err)
		}
		plan := Plan{Formats: []Format{Weights8}, Weights: map[int]Weights{0: q}}
		plain := shift(t, m, plan, stats[y].Mean, list)
		plan.Biases = biases
		if got := shift(t, m, plan, stats[y].Mean, list); got > 1e-4 || plain < 10*got {
			t.Errorf("%s: means are off by %g, uncorrected by %g", name, got, plain)
		}
	}
}

// shift is the largest difference of a channel's mean.
func shift(t *testing.T, m *model.Model, plan Plan, want []float64, list []probe.Sample) (largest float64) {
	t.Helper()
	c, err := Convert(m, plan)
	if err != nil {
		t.Fatal(err)
	}
	w, mean := enginetest.Start(t), make([]float64, len(want))
	count := 0
	for _, s := range list {
		out := outputs(t, w, c, s)[0]
		for i, v := range out {
			mean[i%len(mean)] += float64(v)
		}
		count += len(out) / len(mean)
	}
	for i := range mean {
		largest = max(largest, math.Abs(mean[i]/float64(count)-want[i]))
	}
	return largest
}

// TestNoCorrection: layers whose inputs are not what was measured, or without a bias, are
// left alone.
func TestNoCorrection(t *testing.T) {
	for name, change := range map[string]func(n net){
		"groups":     func(n net) { n.Graph.Tensors[0].Shape = []int32{1, 2, 2, 4} },
		"no bias":    func(n net) { n.Graph.Operators[0].Inputs = n.Graph.Operators[0].Inputs[:2] },
		"no channel": func(n net) { n.Graph.Tensors[0].Shape = []int32{1, 2, 2, 0} },
	} {
		n, y := chain()
		change(n)
		m := n.output(y)
		weights, err := nearestWeights(m, []Format{Static8})
		if err != nil {
			t.Fatal(err)
		}
		got, err := correctBiases(m, weights, map[int32]*Statistics{0: flat(m, 0)})
		if err != nil || len(got) != 0 {
			t.Errorf("%s: %v, error %v", name, got, err)
		}
	}
}
