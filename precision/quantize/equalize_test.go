package quantize

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"atoll/engine"
	"atoll/engine/enginetest"
	"atoll/engine/probe"
	"atoll/model"
	"atoll/model/graph"
)

// same holds what two models compute against each other, to 1e-4 of the root mean square
// of an output, or of 1 if that is less.
func same(t testing.TB, w *engine.Worker, name string, m, changed *model.Model, s probe.Sample) {
	t.Helper()
	want, got := outputs(t, w, m, s), outputs(t, w, changed, s)
	for i := range want {
		power := 0.0
		for _, v := range want[i] {
			power += float64(v) * float64(v)
		}
		unit := max(1, math.Sqrt(power/float64(max(1, len(want[i])))))
		for k, v := range want[i] {
			if d := math.Abs(float64(got[i][k]) - float64(v)); !(d <= 1e-4*unit) {
				t.Fatalf("%s: output %d, element %d: %v, want %v", name, i, k, got[i][k], v)
			}
		}
	}
}

// TestEqualizeBuiltIn: the models compute the same, with channels that have factors.
func TestEqualizeBuiltIn(t *testing.T) {
	w := enginetest.Start(t)
	for _, test := range []struct {
		modality model.Modality
		variant  string
	}{{model.Vision, "short"}, {model.Audio, "f32"}, {model.Text, "f32"}} {
		m := builtIn(t, test.modality, test.variant)
		list := samples(m, 1)
		stats, _ := observed(t, w, m, list)
		for _, share := range []float64{0.5, 1} {
			name := fmt.Sprintf("%v, share %v", test.modality, share)
			changed, err := m.Clone()
			if err != nil {
				t.Fatal(err)
			}
			factors, err := Equalize(changed, stats, share)
			if err != nil {
				t.Fatal(err)
			}
			if err := changed.Check(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			moved := 0
			for _, list := range factors {
				for _, f := range list {
					if f != 1 {
						moved++
					}
				}
			}
			if moved == 0 {
				t.Errorf("%s: no channel was scaled", name)
			}
			for _, s := range list {
				same(t, w, name, m, changed, s)
			}
		}
	}
}

// TestEqualizeTwice: the same bytes each time.
func TestEqualizeTwice(t *testing.T) {
	var first string
	for range 5 {
		m := tower(t, 8)
		stats := make(map[int32]*Statistics)
		for _, x := range activations(m) {
			stats[x] = flat(m, x)
		}
		if _, err := Equalize(m, stats, 0.5); err != nil {
			t.Fatal(err)
		}
		data, err := m.Write()
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(data)
		}
		if string(data) != first {
			t.Fatal("equalized twice, the model is not the same")
		}
	}
}

// flat are statistics of a tensor without any run: channels grow.
func flat(m *model.Model, x int32) *Statistics {
	channels := 1
	if shape := m.Subgraphs[0].Tensors[x].Shape; len(shape) > 0 {
		channels = int(shape[len(shape)-1])
	}
	s := &Statistics{Min: -1, Max: 1, Mean: make([]float64, channels), Peak: make([]float32, channels), Histogram: make([]float64, histogramBins)}
	for c := range s.Peak {
		s.Peak[c] = float32(c+1) / float32(channels)
	}
	return s
}

// TestEqualizeProperty: any graph of what it knows and doesn't computes the same.
func TestEqualizeProperty(t *testing.T) {
	w := enginetest.Start(t)
	rapid.Check(t, func(r *rapid.T) {
		n := newNet()
		x := n.input("x", 1, 4, 4, 4)
		tensors := []int32{n.conv("first", x, 1, 4, 4, 0)}
		for i := range rapid.IntRange(1, 7).Draw(r, "operators") {
			from := rapid.SampledFrom(tensors).Draw(r, "from")
			step := rapid.SampledFrom(steps).Draw(r, "step")
			tensors = append(tensors, step(n, fmt.Sprintf("t%d", i), from, rapid.SampledFrom(tensors).Draw(r, "other")))
		}
		n.shrinkWeights()
		m := n.output(tensors[len(tensors)-1])
		if err := Prepare(m); err != nil {
			r.Fatal(err)
		}
		list := samples(m, 1)
		stats, _ := observed(t, w, m, list)
		changed, err := m.Clone()
		if err != nil {
			r.Fatal(err)
		}
		share := rapid.Float64Range(0, 1).Draw(r, "share")
		if _, err := Equalize(changed, stats, share); err != nil {
			r.Fatal(err)
		}
		same(t, w, names(m), m, changed, list[0])
	})
}

// steps add an operator whose result is of shape [1, 4, 4, 4] again.
var steps = []func(n net, name string, x, other int32) int32{
	func(n net, name string, x, _ int32) int32 { return n.conv(name, x, 1, 4, 4, 0) },
	func(n net, name string, x, _ int32) int32 { return n.conv(name, x, 3, 4, 4, 1) },
	func(n net, name string, x, _ int32) int32 { return n.conv(name, x, 3, 4, 4, 3) }, // RELU6
	func(n net, name string, x, _ int32) int32 { return n.depthwise(name, x, 4, 1) },
	func(n net, name string, x, _ int32) int32 {
		return n.conv(name, n.depthwise(name+"/d", x, 4, 2), 1, 8, 4, 0)
	},
	func(n net, name string, x, other int32) int32 {
		return twoInputs(n, model.OpAdd, "AddOptions", x, other)[0]
	},
	func(n net, name string, x, _ int32) int32 {
		return twoInputs(n, model.OpAdd, "AddOptions", x, n.constant("c", wave(4), 4))[0]
	},
	func(n net, name string, x, other int32) int32 {
		return twoInputs(n, model.OpMul, "MulOptions", x, other)[0]
	},
	func(n net, name string, x, _ int32) int32 {
		return oneResult(n, model.OpRelu, model.Options{}, []int32{x}, 1, 4, 4, 4)[0]
	},
	func(n net, name string, x, _ int32) int32 {
		return oneResult(n, model.OpLogistic, model.Options{}, []int32{x}, 1, 4, 4, 4)[0]
	},
	func(n net, name string, x, _ int32) int32 { // to other channels and back
		pads := n.AddConstant(model.Tensor{Type: model.TypeInt32, Shape: []int32{4, 2}}, graph.Int32Bytes([]int32{0, 0, 0, 0, 0, 0, 1, 3}))
		return n.conv(name, oneResult(n, model.OpPad, model.NewOptions("PadOptions", nil), []int32{x, pads}, 1, 4, 4, 8)[0], 1, 8, 4, 0)
	},
	func(n net, name string, x, _ int32) int32 { // pooled with RELU6, then wide again
		pooled := oneResult(n, model.OpMaxPool2D, pool2x2.With("fused_activation_function", 3), []int32{x}, 1, 2, 2, 4)[0]
		return oneResult(n, model.OpResizeBilinear, model.NewOptions("ResizeBilinearOptions", nil), []int32{pooled, n.ints(4, 4)}, 1, 4, 4, 4)[0]
	},
	func(n net, name string, x, _ int32) int32 { // the channels become pixels
		return oneResult(n, model.OpReshape, model.NewOptions("ReshapeOptions", nil), []int32{oneResult(n, model.OpTranspose,
			model.NewOptions("TransposeOptions", nil), []int32{x, n.ints(0, 3, 1, 2)}, 1, 4, 4, 4)[0], n.ints(1, 4, 4, 4)}, 1, 4, 4, 4)[0]
	},
	func(n net, name string, x, other int32) int32 { // mean over pixels, or channels
		axes := n.ints(1, 2)
		if other%2 == 0 {
			axes = n.ints(3)
		}
		shape := []int32{1, 1, 1, 4}
		if other%2 == 0 {
			shape = []int32{1, 4, 4, 1}
		}
		mean := oneResult(n, model.OpMean, model.NewOptions("ReducerOptions", map[string]int64{"keep_dims": 1}), []int32{x, axes}, shape...)[0]
		return twoInputs(n, model.OpAdd, "AddOptions", x, mean)[0]
	},
	func(n net, name string, x, _ int32) int32 { // weights and bias shared with the first layer
		y := n.conv(name, x, 1, 4, 4, 0)
		op := &n.Graph.Operators[len(n.Graph.Operators)-1]
		op.Inputs = append([]int32{x}, n.Graph.Operators[0].Inputs[1:]...)
		return y
	},
	func(n net, name string, x, _ int32) int32 { // the first bias is read by an operator that is no layer
		return twoInputs(n, model.OpAdd, "AddOptions", x, n.Graph.Operators[0].Inputs[2])[0]
	},
}

// shrinkWeights keeps values of long chains in bounds.
func (n net) shrinkWeights() {
	for t := range n.Graph.Tensors {
		x := &n.Graph.Tensors[t]
		if len(x.Shape) != 4 || x.Type != model.TypeFloat32 || !graph.IsConstant(n.Model, x) {
			continue
		}
		w, _ := graph.Floats(n.Model, x)
		for i := range w {
			w[i] /= 4
		}
		n.SetConstant(int32(t), graph.Float32Bytes(w))
	}
}
