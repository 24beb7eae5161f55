package quantize

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"atoll/engine/enginetest"
	"atoll/engine/probe"
	"atoll/model"
)

// followers build operators without weights behind a tensor of shape [1, 4, 4, 4].
var followers = []struct {
	name  string
	build func(n net, x int32) []int32 // results
	want  string                       // operators between QUANTIZE CONV_2D and DEQUANTIZE
	same  bool                         // input and results must have one scale and zero point
	fixed Range
}{
	{"ADD to itself", func(n net, x int32) []int32 {
		return twoInputs(n, model.OpAdd, "AddOptions", x, x)
	}, "ADD v2 int8", false, Range{}},
	{"ADD of a constant, broadcast", func(n net, x int32) []int32 {
		return twoInputs(n, model.OpAdd, "AddOptions", x, n.constant("c", wave(4), 4))
	}, "ADD v2 int8", false, Range{}},
	{"SUB", func(n net, x int32) []int32 {
		return twoInputs(n, model.OpSub, "SubOptions", x, n.constant("c", wave(1)))
	}, "SUB v2 int8", false, Range{}},
	{"MUL", func(n net, x int32) []int32 { return twoInputs(n, model.OpMul, "MulOptions", x, x) }, "MUL v2 int8", false, Range{}},
	{"MEAN over pixels", func(n net, x int32) []int32 {
		return oneResult(n, model.OpMean, model.NewOptions("ReducerOptions", map[string]int64{"keep_dims": 1}), []int32{x, n.ints(1, 2)}, 1, 1, 1, 4)
	}, "MEAN v2 int8", false, Range{}},
	{"MEAN over channels", func(n net, x int32) []int32 {
		return oneResult(n, model.OpMean, model.NewOptions("ReducerOptions", nil), []int32{x, n.ints(3)}, 1, 4, 4)
	}, "MEAN v2 int8", false, Range{}},
	{"PAD", func(n net, x int32) []int32 {
		pads := n.AddConstant(model.Tensor{Type: model.TypeInt32, Shape: []int32{4, 2}}, n.Model.Buffers[n.Graph.Tensors[n.ints(0, 0, 1, 1, 1, 1, 0, 2)].Buffer])
		return oneResult(n, model.OpPad, model.NewOptions("PadOptions", nil), []int32{x, pads}, 1, 6, 6, 6)
	}, "PAD v2 int8", true, Range{}},
	{"RESHAPE", func(n net, x int32) []int32 {
		return oneResult(n, model.OpReshape, model.NewOptions("ReshapeOptions", nil), []int32{x, n.ints(1, 16, 4)}, 1, 16, 4)
	}, "RESHAPE v1 int8", true, Range{}},
	{"SQUEEZE", func(n net, x int32) []int32 {
		return oneResult(n, model.OpSqueeze, model.NewOptions("SqueezeOptions", nil), []int32{x}, 4, 4, 4)
	}, "SQUEEZE v1 int8", true, Range{}},
	{"EXPAND_DIMS", func(n net, x int32) []int32 {
		return oneResult(n, model.OpExpandDims, model.NewOptions("ExpandDimsOptions", nil), []int32{x, n.ints(0)}, 1, 1, 4, 4, 4)
	}, "EXPAND_DIMS v1 int8", true, Range{}},
	{"CONCATENATION", func(n net, x int32) []int32 {
		return oneResult(n, model.OpConcatenation, model.NewOptions("ConcatenationOptions", map[string]int64{"axis": 3}), []int32{x, x}, 1, 4, 4, 8)
	}, "CONCATENATION v2 int8", true, Range{}},
	{"SPLIT", func(n net, x int32) []int32 {
		a, b := n.tensor("a", 1, 4, 4, 2), n.tensor("b", 1, 4, 4, 2)
		axis := n.ints(3)
		n.Graph.Tensors[axis].Shape = []int32{}
		n.op(model.OpSplit, model.NewOptions("SplitOptions", map[string]int64{"num_splits": 2}), []int32{axis, x}, a, b)
		return []int32{a, b}
	}, "SPLIT v2 int8", true, Range{}},
	{"TRANSPOSE", func(n net, x int32) []int32 {
		return oneResult(n, model.OpTranspose, model.NewOptions("TransposeOptions", nil), []int32{x, n.ints(0, 3, 1, 2)}, 1, 4, 4, 4)
	}, "TRANSPOSE v2 int8", true, Range{}},
	{"MAX_POOL_2D", func(n net, x int32) []int32 {
		return oneResult(n, model.OpMaxPool2D, pool2x2, []int32{x}, 1, 2, 2, 4)
	}, "MAX_POOL_2D v2 int8", true, Range{}},
	{"AVERAGE_POOL_2D", func(n net, x int32) []int32 {
		return oneResult(n, model.OpAveragePool2D, pool2x2, []int32{x}, 1, 2, 2, 4)
	}, "AVERAGE_POOL_2D v2 int8", true, Range{}},
	{"RESIZE_BILINEAR", func(n net, x int32) []int32 {
		return oneResult(n, model.OpResizeBilinear, model.NewOptions("ResizeBilinearOptions", nil), []int32{x, n.ints(8, 8)}, 1, 8, 8, 4)
	}, "RESIZE_BILINEAR v2 int8", true, Range{}},
	{"STRIDED_SLICE", func(n net, x int32) []int32 {
		return oneResult(n, model.OpStridedSlice, model.NewOptions("StridedSliceOptions", nil), []int32{x, n.ints(0, 0, 0, 0), n.ints(1, 2, 4, 4), n.ints(1, 1, 1, 2)}, 1, 2, 4, 2)
	}, "STRIDED_SLICE v2 int8", true, Range{}},
	{"LOGISTIC", func(n net, x int32) []int32 {
		return oneResult(n, model.OpLogistic, model.Options{}, []int32{x}, 1, 4, 4, 4)
	}, "LOGISTIC v2 int8", false, Range{0, 255. / 256}},
	{"SOFTMAX", func(n net, x int32) []int32 {
		return oneResult(n, model.OpSoftmax, model.NewOptions("SoftmaxOptions", map[string]int64{"beta": int64(math.Float32bits(1))}), []int32{x}, 1, 4, 4, 4)
	}, "SOFTMAX v2 int8", false, Range{0, 255. / 256}},
	{"TANH", func(n net, x int32) []int32 {
		return oneResult(n, model.OpTanh, model.Options{}, []int32{x}, 1, 4, 4, 4)
	}, "TANH v2 int8", false, Range{-1, 127. / 128}},
}

var pool2x2 = model.NewOptions("Pool2DOptions", map[string]int64{"stride_w": 2, "stride_h": 2, "filter_width": 2, "filter_height": 2})

// oneResult adds an operator with one result.
func oneResult(n net, code model.BuiltinOperator, options model.Options, inputs []int32, shape ...int32) []int32 {
	y := n.tensor("result", shape...)
	n.op(code, options, inputs, y)
	return []int32{y}
}

func twoInputs(n net, code model.BuiltinOperator, options string, a, b int32) []int32 {
	return oneResult(n, code, model.NewOptions(options, nil), []int32{a, b}, n.Graph.Tensors[a].Shape...)
}

// TestFollowers: every operator behind an integer convolution computes in integers as the
// specification has it, and so does TensorFlow Lite, close to the floats.
func TestFollowers(t *testing.T) {
	w := enginetest.Start(t)
	for _, test := range followers {
		n := newNet()
		m := n.output(test.build(n, n.conv("conv", n.input("x", 1, 4, 4, 4), 1, 4, 4, 0))...)
		list := samples(m, 3)
		_, ranges := observed(t, w, m, list)
		c := converted(t, m, Static8, ranges)
		got := operators(c)
		want := append([]string{"QUANTIZE v1 int8", "CONV_2D v3 int8", test.want}, slices.Repeat([]string{"DEQUANTIZE v2"}, len(m.Subgraphs[0].Outputs))...)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", test.name, got, want)
			continue
		}
		g := &c.Subgraphs[0]
		in, out := g.Tensors[g.Operators[1].Outputs[0]].Quantization, g.Tensors[g.Operators[2].Outputs[0]].Quantization
		if same := in.Scale[0] == out.Scale[0] && in.ZeroPoint[0] == out.ZeroPoint[0]; test.same && !same {
			t.Errorf("%s: scales %v and %v, want the same", test.name, in, out)
		}
		if q := test.fixed.quantization(); test.fixed != (Range{}) && (q.Scale[0] != out.Scale[0] || q.ZeroPoint[0] != out.ZeroPoint[0]) {
			t.Errorf("%s: result has %v, want %v", test.name, out, q)
		}
		for _, s := range list {
			if db := snr(outputs(t, w, c, s), outputs(t, w, m, s)); db < 24 {
				t.Errorf("%s: SNR %.1f dB", test.name, db)
			}
		}
	}
}

// TestLayerKinds: each kind of layer in each format, with and without bias.
func TestLayerKinds(t *testing.T) {
	w := enginetest.Start(t)
	for _, test := range []struct {
		name    string
		build   func() *model.Model
		static  string
		weights int // dimension with a scale for each index
	}{
		{"CONV_2D", func() *model.Model { n := newNet(); return n.output(n.conv("y", n.input("x", 1, 4, 4, 3), 3, 3, 5, 1)) }, "CONV_2D v3 int8", 0},
		{"DEPTHWISE_CONV_2D", func() *model.Model { n := newNet(); return n.output(n.depthwise("y", n.input("x", 1, 4, 4, 3), 3, 1)) }, "DEPTHWISE_CONV_2D v3 int8", 3},
		{"multiplier of 2", func() *model.Model { n := newNet(); return n.output(n.depthwise("y", n.input("x", 1, 4, 4, 3), 3, 2)) }, "DEPTHWISE_CONV_2D v3 int8", 3},
		{"FULLY_CONNECTED", func() *model.Model { n := newNet(); return n.output(n.connected("y", n.input("x", 1, 8), 8, 3, true)) }, "FULLY_CONNECTED v4 int8", 0},
		{"one channel", func() *model.Model { n := newNet(); return n.output(n.connected("y", n.input("x", 1, 8), 8, 1, true)) }, "FULLY_CONNECTED v4 int8", 0},
		{"FULLY_CONNECTED without bias", func() *model.Model { n := newNet(); return n.output(n.connected("y", n.input("x", 1, 8), 8, 3, false)) }, "FULLY_CONNECTED v4 int8", 0},
	} {
		m := test.build()
		list := samples(m, 2)
		_, ranges := observed(t, w, m, list)
		for format, want := range map[Format][]string{
			Float32:  {strings.Fields(test.static)[0] + " v1"},
			Float16:  {"DEQUANTIZE v3", strings.Fields(test.static)[0] + " v1"},
			Weights8: {"DEQUANTIZE v5", strings.Fields(test.static)[0] + " v1"},
			Static8:  {"QUANTIZE v1 int8", test.static, "DEQUANTIZE v2"},
		} {
			c := converted(t, m, format, ranges)
			if got := operators(c); !slices.Equal(got, want) {
				t.Errorf("%s, %v: %v, want %v", test.name, format, got, want)
				continue
			}
			least := map[Format]float64{Float32: maxSNR, Float16: 60, Weights8: 34, Static8: 28}[format]
			for _, s := range list {
				if db := snr(outputs(t, w, c, s), outputs(t, w, m, s)); db < least {
					t.Errorf("%s, %v: SNR %.1f dB", test.name, format, db)
				}
			}
			if format == Static8 {
				checkLayer(t, test.name, c, &c.Subgraphs[0].Operators[1], test.weights)
			}
		}
	}
}

// checkLayer holds an integer layer against the specification: weights symmetric, without
// -128, a scale for each channel, and an int32 bias in units of input times weights.
func checkLayer(t *testing.T, name string, m *model.Model, op *model.Operator, dimension int) {
	t.Helper()
	tensors := m.Subgraphs[0].Tensors
	if len(op.Inputs) != 3 {
		t.Fatalf("%s: inputs %v, want a bias in any case", name, op.Inputs)
	}
	in, w, b := &tensors[op.Inputs[0]], &tensors[op.Inputs[1]], &tensors[op.Inputs[2]]
	channels := int(w.Shape[dimension])
	if len(w.Quantization.Scale) != channels || int(w.Quantization.Dimension) != dimension && channels > 1 {
		t.Errorf("%s: weights %v of shape %v, want scales along %d", name, w.Quantization, w.Shape, dimension)
	}
	if slices.ContainsFunc(w.Quantization.ZeroPoint, func(z int64) bool { return z != 0 }) {
		t.Errorf("%s: zero points of weights %v", name, w.Quantization.ZeroPoint)
	}
	if slices.Contains(m.Buffers[w.Buffer], 0x80) {
		t.Errorf("%s: a weight is -128", name)
	}
	if b.Type != model.TypeInt32 || len(b.Quantization.Scale) != channels {
		t.Fatalf("%s: bias is %v with %v", name, b.Type, b.Quantization)
	}
	for c := range channels {
		if got, want := b.Quantization.Scale[c], in.Quantization.Scale[0]*w.Quantization.Scale[c]; got != want || b.Quantization.ZeroPoint[c] != 0 {
			t.Errorf("%s: bias %d has scale %v, want %v", name, c, got, want)
		}
	}
}

// depthwise adds a 3×3 depthwise convolution.
func (n net) depthwise(name string, x int32, channels, multiplier int) int32 {
	shape, out := n.Graph.Tensors[x].Shape, int32(channels*multiplier)
	y := n.tensor(name, 1, shape[1], shape[2], out)
	options := model.NewOptions("DepthwiseConv2DOptions", map[string]int64{"stride_w": 1, "stride_h": 1, "depth_multiplier": int64(multiplier)})
	n.op(model.OpDepthwiseConv2D, options, []int32{x, n.constant(name+"/w", wave(9*int(out)), 1, 3, 3, out), n.constant(name+"/b", wave(int(out)), out)}, y)
	return y
}

// connected adds a fully connected layer.
func (n net) connected(name string, x int32, in, out int, bias bool) int32 {
	y := n.tensor(name, 1, int32(out))
	inputs := []int32{x, n.constant(name+"/w", wave(in*out), int32(out), int32(in))}
	if bias {
		inputs = append(inputs, n.constant(name+"/b", wave(out), int32(out)))
	}
	n.op(model.OpFullyConnected, model.NewOptions("FullyConnectedOptions", nil), inputs, y)
	return y
}

// TestPrescribed: where results must be alike, two prescribed ranges can't both be.
func TestPrescribed(t *testing.T) {
	n := newNet()
	x := n.conv("conv", n.input("x", 1, 2, 2, 4), 1, 4, 4, 0)
	s, h := n.tensor("s", 1, 2, 2, 4), n.tensor("h", 1, 2, 2, 4)
	n.op(model.OpLogistic, model.Options{}, []int32{x}, s)
	n.op(model.OpTanh, model.Options{}, []int32{x}, h)
	m := n.output(oneResult(n, model.OpConcatenation, model.NewOptions("ConcatenationOptions", map[string]int64{"axis": 3}), []int32{s, h}, 1, 2, 2, 8)...)
	ranges := map[int32]Range{0: {-1, 1}, x: {-1, 1}, s: {0, 0.7}, h: {0, 0.7}, m.Subgraphs[0].Outputs[0]: {0, 0.7}}
	c := converted(t, m, Static8, ranges)
	if got, want := names(c), "QUANTIZE CONV_2D DEQUANTIZE LOGISTIC TANH CONCATENATION"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	outputs(t, enginetest.Start(t), c, samples(m, 1)[0])
}

// TestUnevenConcatenation: a narrow input that would be left without steps keeps its own.
func TestUnevenConcatenation(t *testing.T) {
	for width, want := range map[float64]string{
		1:  "QUANTIZE CONV_2D CONV_2D CONCATENATION DEQUANTIZE",
		50: "QUANTIZE CONV_2D CONV_2D DEQUANTIZE DEQUANTIZE CONCATENATION",
	} {
		n := newNet()
		x := n.input("x", 1, 2, 2, 4)
		a, b := n.conv("a", x, 1, 4, 4, 0), n.conv("b", x, 1, 4, 4, 0)
		y := oneResult(n, model.OpConcatenation, model.NewOptions("ConcatenationOptions", map[string]int64{"axis": 3}), []int32{a, b}, 1, 2, 2, 8)
		m := n.output(y...)
		c := converted(t, m, Static8, map[int32]Range{x: {-1, 1}, a: {-1, 1}, b: {-width, width}, y[0]: {-width, width}})
		if got := names(c); got != want {
			t.Errorf("width %v: %s, want %s", width, got, want)
		}
	}
}

// TestBounds: steps that XNNPACK or the kernels would refuse, or abort on.
func TestBounds(t *testing.T) {
	w := enginetest.Start(t)
	n := newNet()
	x := n.input("x", 1, 2, 2, 4)
	dead := n.conv("dead", x, 1, 4, 4, 0)
	z := twoInputs(n, model.OpSub, "SubOptions", dead, dead)[0]
	y := n.conv("y", z, 1, 4, 4, 0)
	m := n.output(y)
	// What calibration saw as zeros alone; inputs of a difference that is always zero.
	c := converted(t, m, Static8, map[int32]Range{x: {-1e3, 1e3}, dead: {}, z: {}, y: {-1, 1}})
	outputs(t, w, c, samples(m, 1)[0])
	c = converted(t, m, Static8, map[int32]Range{x: {-1e3, 1e3}, dead: {-1e3, 1e3}, z: {}, y: {-1, 1}})
	if got, want := names(c), "QUANTIZE CONV_2D DEQUANTIZE SUB QUANTIZE CONV_2D DEQUANTIZE"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	outputs(t, w, c, samples(m, 1)[0])
	// Products of steps far from that of the result.
	for _, r := range []Range{{-1e-4, 1e-4}, {-1e12, 1e12}} {
		n := newNet()
		x := n.conv("conv", n.input("x", 1, 2, 2, 4), 1, 4, 4, 0)
		y := twoInputs(n, model.OpMul, "MulOptions", x, x)[0]
		m := n.output(y)
		c := converted(t, m, Static8, map[int32]Range{0: {-1, 1}, x: {-100, 100}, y: r})
		if got, want := names(c), "QUANTIZE CONV_2D DEQUANTIZE MUL"; got != want {
			t.Errorf("result %v: %s, want %s", r, got, want)
		}
	}
}

// TestBigBias: a bias that would not fit into 32 bits in units of its small weights.
func TestBigBias(t *testing.T) {
	w := enginetest.Start(t)
	n := newNet()
	x, y := n.input("x", 1, 2), n.tensor("y", 1, 2)
	n.op(model.OpFullyConnected, model.NewOptions("FullyConnectedOptions", nil), []int32{
		x, n.constant("w", []float32{1e-9, -1e-9, 1, 1}, 2, 2), n.constant("b", []float32{-1000, 0}, 2),
	}, y)
	m := n.output(y)
	c := converted(t, m, Static8, map[int32]Range{x: {-1, 1}, y: {-1000, 2}})
	checkLayer(t, "big bias", c, &c.Subgraphs[0].Operators[1], 0)
	got := outputs(t, w, c, probe.Sample{{1, 1}})[0]
	if math.Abs(float64(got[0])+1000) > 4 || math.Abs(float64(got[1])-2) > 4 {
		t.Errorf("%v, want about -1000 and 2", got)
	}
}

func TestAlike(t *testing.T) {
	n := newNet()
	x := n.conv("conv", n.input("x", 1, 4, 4, 4), 1, 4, 4, 0)
	p := oneResult(n, model.OpMaxPool2D, pool2x2, []int32{x}, 1, 2, 2, 4)[0]
	r := oneResult(n, model.OpReshape, model.NewOptions("ReshapeOptions", nil), []int32{p, n.ints(1, 16)}, 1, 16)[0]
	m := n.output(r)
	a := findAlike(m, map[int32]Range{0: {-9, 9}, x: {-1, 2}, p: {0, 2}, r: {0, 3}})
	if got := a.ranges[a.root(p)]; got != (Range{-1, 3}) || a.root(x) != a.root(r) || a.root(x) == a.root(0) {
		t.Errorf("joined to %v", got)
	}
	plan := Plan{Ranges: map[int32]Range{0: {-9, 9}, x: {-1, 2}, p: {0, 2}, r: {0, 3}}}
	if got := groups(m, plan); len(got) != 2 || !slices.Equal(got[1], []int32{x, p, r}) || plan.Ranges[p] != (Range{-1, 3}) {
		t.Errorf("groups %v, ranges %v", got, plan.Ranges)
	}
	if _, err := Observe(context.Background(), enginetest.Start(t), m, samples(m, 1)); err != nil {
		t.Error(err)
	}
}
