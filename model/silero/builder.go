package silero

import (
	"atoll/model"
	"atoll/model/graph"
)

// builder collects the parts of a model with one subgraph.
type builder struct {
	precision Precision
	model     model.Model
	graph     model.Subgraph
	padding   int32 // the constant that framePadding shares, 0 for none yet
}

func newBuilder(p Precision) *builder {
	return &builder{
		precision: p,
		model:     model.Model{Version: 3, Buffers: [][]byte{nil}},
		graph:     model.Subgraph{Name: "main"},
	}
}

func (b *builder) finish(description string, inputs, outputs []int32) *model.Model {
	b.graph.Inputs, b.graph.Outputs = inputs, outputs
	b.model.Description = description
	b.model.Subgraphs = []model.Subgraph{b.graph}
	return &b.model
}

func (b *builder) edit() graph.Editor { return graph.Editor{Model: &b.model, Graph: &b.graph} }

// tensor adds a float32 tensor and returns its index.
func (b *builder) tensor(name string, shape ...int32) int32 {
	return b.edit().AddTensor(model.Tensor{Name: name, Shape: shape})
}

// constant adds a tensor with data.
func (b *builder) constant(name string, t model.TensorType, shape []int32, data []byte) int32 {
	return b.edit().AddConstant(model.Tensor{Name: name, Type: t, Shape: shape}, data)
}

// ints adds an int32 constant. A nil shape is a scalar.
func (b *builder) ints(name string, shape []int32, values ...int32) int32 {
	if shape == nil {
		shape = []int32{}
	}
	return b.constant(name, model.TypeInt32, shape, graph.Int32Bytes(values))
}

// weight adds a float constant in the precision asked for. XNNPACK wants float16
// behind DEQUANTIZE and widens it once, when it packs the weights.
func (b *builder) weight(name string, shape []int32, values []float32) int32 {
	if b.precision == F32 {
		return b.constant(name, model.TypeFloat32, shape, graph.Float32Bytes(values))
	}
	half := b.constant(name+"_f16", model.TypeFloat16, shape, graph.Float16Bytes(values))
	wide := b.tensor(name, shape...)
	b.op(model.OpDequantize, model.NewOptions("DequantizeOptions", nil), []int32{half}, wide)
	return wide
}

// op adds an operator.
func (b *builder) op(code model.BuiltinOperator, options model.Options, inputs []int32, outputs ...int32) {
	e := b.edit()
	e.InsertOperator(len(b.graph.Operators), model.Operator{Opcode: e.Code(code, opVersion(code)), Inputs: inputs, Outputs: outputs, Options: options})
}

// opVersion is the first version of an operator that does what this package asks:
// DEQUANTIZE takes float16 since its third.
func opVersion(code model.BuiltinOperator) int32 {
	if code == model.OpDequantize {
		return 3
	}
	return 1
}

// unary adds an operator whose result has its operand's shape.
func (b *builder) unary(code model.BuiltinOperator, name string, x int32) int32 {
	out := b.tensor(name, b.graph.Tensors[x].Shape...)
	b.op(code, model.Options{}, []int32{x}, out)
	return out
}

func (b *builder) mul(name string, x, y int32) int32 {
	out := b.tensor(name, b.graph.Tensors[x].Shape...)
	b.op(model.OpMul, model.NewOptions("MulOptions", nil), []int32{x, y}, out)
	return out
}

func (b *builder) add(name string, x, y int32) int32 {
	out := b.tensor(name, b.graph.Tensors[x].Shape...)
	b.op(model.OpAdd, model.NewOptions("AddOptions", nil), []int32{x, y}, out)
	return out
}

func (b *builder) reshape(name string, x int32, shape ...int32) int32 {
	out := b.tensor(name, shape...)
	b.op(model.OpReshape, model.NewOptions("ReshapeOptions", nil),
		[]int32{x, b.ints(name+"_shape", []int32{int32(len(shape))}, shape...)}, out)
	return out
}

// convStep is how a convolution moves over its frames; out is how many it leaves.
type convStep struct {
	padding, stride, activation int
	out                         int32
}

// conv adds a convolution over frames with a kernel of shape [out, 1, width, in].
func (b *builder) conv(name string, x int32, weight, bias []float32, shape []int32, s convStep) int32 {
	inputs := []int32{x, b.weight(name+"_weight", shape, weight), b.weight(name+"_bias", shape[:1], bias)}
	out := b.tensor(name, 1, 1, s.out, shape[0])
	b.op(model.OpConv2D, model.NewOptions("Conv2DOptions", map[string]int64{
		"padding": int64(s.padding), "stride_w": int64(s.stride), "stride_h": 1,
		"fused_activation_function": int64(s.activation), "dilation_w_factor": 1, "dilation_h_factor": 1,
	}), inputs, out)
	return out
}

// fullyConnected adds a layer with a weight matrix of shape [out, in].
func (b *builder) fullyConnected(name string, x int32, weight, bias []float32, out, in int32) int32 {
	inputs := []int32{x, b.weight(name+"_weight", []int32{out, in}, weight), b.weight(name+"_bias", []int32{out}, bias)}
	y := b.tensor(name, 1, out)
	b.op(model.OpFullyConnected, model.NewOptions("FullyConnectedOptions", nil), inputs, y)
	return y
}

// framePadding is the constant that adds one frame on each side.
func (b *builder) framePadding() int32 {
	if b.padding == 0 {
		b.padding = b.ints("frame_padding", []int32{4, 2}, 0, 0, 0, 0, 1, 1, 0, 0)
	}
	return b.padding
}
