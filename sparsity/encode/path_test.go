package encode_test

import (
	"slices"
	"strings"
	"testing"

	"atoll/model"
	"atoll/model/graph"
	"atoll/models/modelstest"
	"atoll/sparsity/encode"
)

func TestSparsePathOfRealModels(t *testing.T) {
	cases := []struct {
		name           string
		ok, enough     bool
		weights, zeros int64
		reasons        []string // some of them
	}{
		{"face_full_range_sparse.tflite", true, true, 465856, 323816, nil},
		{"face_full_range.tflite", false, false, 0, 0, []string{
			"operator 2, CONV_2D: a 3x3 kernel over 3 channels with stride 2x2 and SAME padding",
			"operator 36, DEPTHWISE_CONV_2D: a 3x3 kernel with stride 2x2 and SAME padding",
			"operator 44, MAX_POOL_2D: XNNPACK has no such operator",
			"operator 352, RESHAPE: float32 of shape [1 2304 1]",
		}},
		{"face_short_range.tflite", false, false, 0, 0, []string{
			"operator 2, CONV_2D: a 5x5 kernel over 3 channels",
			"operator 18, PAD: not zeros around a picture",
			"operator 24, MAX_POOL_2D: ",
			"operator 158, RESHAPE: ",
		}},
		{"silero_vad_f32.tflite", false, false, 0, 0, []string{"no 1x1 convolution (CONV_2D)"}},
		{"text_classification.tflite", false, false, 0, 0, []string{"no 1x1 convolution (CONV_2D)"}},
	}
	for _, c := range cases {
		got := encode.SparsePath(modelstest.ReadFile(t, c.name))
		if got.OK != c.ok || got.Enough() != c.enough || got.Weights != c.weights || got.Zeros != c.zeros {
			t.Errorf("%s: %+v", c.name, got)
		}
		if c.ok != (len(got.Reasons) == 0) {
			t.Errorf("%s: reasons %q", c.name, got.Reasons)
		}
		for _, want := range c.reasons {
			if !slices.ContainsFunc(got.Reasons, func(r string) bool { return strings.HasPrefix(r, want) }) {
				t.Errorf("%s: no reason %q in %q", c.name, want, got.Reasons)
			}
		}
	}
}

// detector builds a small model that can run sparse.
type detector struct {
	graph.Editor
	last int32
}

// image adds an operator whose result has that height, width and channels.
func (d *detector) op(code model.BuiltinOperator, options model.Options, size, channels int32, more ...int32) int32 {
	out := d.AddTensor(model.Tensor{Name: code.String(), Shape: []int32{1, size, size, channels}})
	d.InsertOperator(len(d.Graph.Operators), model.Operator{
		Opcode: d.Code(code, 1), Inputs: append([]int32{d.last}, more...), Outputs: []int32{out}, Options: options,
	})
	d.last = out
	return out
}

// weights adds a constant of which a share of one in four is not zero.
func (d *detector) weights(shape ...int32) int32 {
	n, _ := model.Elements(shape)
	values := make([]float32, n)
	for i := 0; i < len(values); i += 4 {
		values[i] = 1
	}
	return d.AddConstant(model.Tensor{Name: "weights", Shape: shape}, graph.Float32Bytes(values))
}

func (d *detector) pad(size, channels int32, amounts ...int32) {
	p := append(append([]int32{0, 0}, amounts...), 0, 0)
	d.op(model.OpPad, model.Options{}, size, channels,
		d.AddConstant(model.Tensor{Type: model.TypeInt32, Shape: []int32{4, 2}}, graph.Int32Bytes(p)))
}

const toSpace model.BuiltinOperator = 5

func window(stride, padding int64) model.Options {
	return model.NewOptions("Conv2DOptions", map[string]int64{"stride_w": stride, "stride_h": stride, "padding": padding})
}

func newDetector() *detector {
	m := &model.Model{Version: 3, Buffers: [][]byte{nil}, Subgraphs: make([]model.Subgraph, 1)}
	d := &detector{Editor: graph.Edit(m, 0)}
	d.last = d.AddTensor(model.Tensor{Name: "in", Shape: []int32{1, 16, 16, 3}})
	d.Graph.Inputs = []int32{d.last}
	return d
}

// start adds PAD and the convolution that turns pixels into channels.
func (d *detector) start() *detector {
	d.pad(18, 3, 1, 1, 1, 1)
	d.op(model.OpConv2D, window(2, 1), 8, 8, d.weights(8, 3, 3, 3))
	return d
}

func (d *detector) point() *detector {
	d.op(model.OpConv2D, window(1, 1), 8, 8, d.weights(8, 1, 1, 8))
	return d
}

func (d *detector) depthwise(kernel int32, stride, padding int64) *detector {
	d.op(model.OpDepthwiseConv2D, model.NewOptions("DepthwiseConv2DOptions",
		map[string]int64{"stride_w": stride, "stride_h": stride, "padding": padding, "depth_multiplier": 1}),
		8/int32(stride), 8, d.weights(1, kernel, kernel, 8))
	return d
}

func (d *detector) unary(code model.BuiltinOperator) *detector {
	shape := d.Graph.Tensors[d.last].Shape
	d.op(code, model.Options{}, shape[1], shape[3])
	return d
}

// done ends in DEPTH_TO_SPACE.
func (d *detector) done() *model.Model {
	shape := d.Graph.Tensors[d.last].Shape
	return d.give(d.op(toSpace, model.NewOptions("DepthToSpaceOptions", map[string]int64{"block_size": 2}), 2*shape[1], shape[3]/4))
}

func (d *detector) give(t int32) *model.Model {
	d.Graph.Outputs = append(d.Graph.Outputs, t)
	return d.Model
}

func TestSparsePathRules(t *testing.T) {
	begin := func() *detector { return newDetector().start() }
	cases := []struct {
		name   string
		model  func() *model.Model
		reason string // "" if all can run sparse
	}{
		{"shortest", func() *model.Model { return begin().point().done() }, ""},
		{"depthwise 3x3", func() *model.Model { return begin().point().depthwise(3, 1, 0).done() }, ""},
		{"depthwise 5x5", func() *model.Model { return begin().point().depthwise(5, 1, 0).done() }, ""},
		{"activations", func() *model.Model { return begin().unary(model.OpRelu).point().unary(model.OpLogistic).done() }, ""},
		{"residual", func() *model.Model {
			d := begin()
			first := d.last
			d.point().op(model.OpAdd, model.Options{}, 8, 8, first)
			return d.done()
		}, ""},
		{"behind DENSIFY", func() *model.Model {
			m := begin().point().done()
			if _, err := encode.Weights(m); err != nil {
				t.Fatal(err)
			}
			return m
		}, ""},
		{"no start", func() *model.Model {
			d := newDetector().unary(model.OpRelu)
			d.op(model.OpConv2D, window(1, 1), 16, 8, d.weights(8, 1, 1, 3))
			return d.done()
		}, "operator 0, RELU: reads the model's input"},
		{"start without PAD", func() *model.Model {
			d := newDetector()
			d.op(model.OpConv2D, window(2, 0), 8, 8, d.weights(8, 3, 3, 3))
			return d.point().done()
		}, "operator 0, CONV_2D: a 3x3 kernel over 3 channels with stride 2x2 and SAME padding"},
		{"PAD by more", func() *model.Model {
			d := newDetector()
			d.pad(19, 3, 1, 2, 1, 2)
			d.op(model.OpConv2D, window(2, 1), 8, 8, d.weights(8, 3, 3, 3))
			return d.point().done()
		}, "operator 1, CONV_2D: a 3x3 kernel over 3 channels with stride 2x2 and padding [1 2 1 2]"},
		{"depthwise 7x7", func() *model.Model { return begin().point().depthwise(7, 1, 0).done() }, "operator 3, DEPTHWISE_CONV_2D: a 7x7 kernel"},
		{"depthwise SAME stride 2", func() *model.Model { return begin().point().depthwise(3, 2, 0).done() }, "operator 3, DEPTHWISE_CONV_2D: a 3x3 kernel with stride 2x2 and SAME padding"},
		{"strange operator", func() *model.Model { return begin().point().unary(model.OpSoftmax).done() }, "operator 3, SOFTMAX: XNNPACK has no such operator"},
		{"read from outside", func() *model.Model {
			d := begin().point()
			inner := d.last
			d.done()
			d.last = inner
			d.unary(model.OpSoftmax)
			return d.give(d.last)
		}, "operator 4, SOFTMAX: XNNPACK has no such operator"},
		{"given out", func() *model.Model {
			d := begin().point()
			inner := d.last
			d.done()
			return d.give(inner)
		}, "operator 2, CONV_2D: gives out a result"},
		{"no end", func() *model.Model { d := begin().point(); return d.give(d.last) }, "operator 2, CONV_2D: gives out a result"},
		{"after the end", func() *model.Model {
			d := begin().point()
			d.done()
			d.op(model.OpConv2D, window(1, 1), 16, 8, d.weights(8, 1, 1, 2))
			return d.done()
		}, "operator 3, DEPTH_TO_SPACE: ends a part"},
		{"constant added", func() *model.Model {
			d := begin().point()
			d.op(model.OpAdd, model.Options{}, 8, 8, d.weights(1, 1, 1, 8))
			return d.done()
		}, "operator 3, ADD: adds or multiplies a constant"},
	}
	for _, c := range cases {
		m := c.model()
		if err := m.Check(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := encode.SparsePath(m)
		if c.reason == "" {
			if !got.Enough() || len(got.Reasons) > 0 {
				t.Errorf("%s: %+v", c.name, got)
			}
			continue
		}
		if !slices.ContainsFunc(got.Reasons, func(r string) bool { return strings.HasPrefix(r, c.reason) }) {
			t.Errorf("%s: %+v, want a reason %q", c.name, got, c.reason)
		}
	}
}
