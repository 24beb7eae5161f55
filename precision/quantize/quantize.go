// Package quantize converts float TensorFlow Lite models to smaller and faster ones on
// the device itself: float16 weights, int8 weights, and int8 throughout.
//
// What it writes is what stock TensorFlow Lite runs, by its specification for 8-bit
// quantization (ai.google.dev/edge/litert/models/quantization_spec): weights symmetric
// with one scale for each output channel, activations with one scale and a zero point,
// biases int32, inputs and outputs left float behind QUANTIZE and DEQUANTIZE.
//
// A model passes through here in steps, each a function of its own: [Prepare] makes it
// plain float32, [Observe] measures its activations, and [Convert] writes it in the
// [Format] that each layer is given.
package quantize

import (
	"fmt"

	"atoll/model"
	"atoll/model/graph"
)

// Format is how a layer, an operator with weights, is stored and computed.
type Format uint8

// The formats, from the dearest to the cheapest.
const (
	Float32 Format = iota
	// Float16 stores weights in half precision behind DEQUANTIZE. XNNPACK widens them
	// once, when it loads the model.
	Float16
	// Weights8 stores weights as int8 behind DEQUANTIZE and computes in float. TensorFlow
	// Lite's hybrid kernels, which quantize activations on the fly instead, are not
	// XNNPACK's and many times slower.
	Weights8
	// Static8 stores weights and activations as int8 and computes in integers. It needs
	// Statistics.
	Static8
)

var formatNames = [...]string{"float32", "float16", "int8 weights", "int8"}

// String returns a name for tables.
func (f Format) String() string {
	if int(f) >= len(formatNames) {
		return fmt.Sprintf("format(%d)", uint8(f))
	}
	return formatNames[f]
}

// Layer is an operator with weights.
type Layer struct {
	Name     string // of its output tensor
	Operator int    // index in the prepared model's first subgraph
	Builtin  model.BuiltinOperator
	Weights  int32 // tensor
	Bias     int32 // tensor, -1 for none
	Input    int32 // tensor
	Output   int32 // tensor
	Channels int   // output channels, each with a scale of its own
	axis     int   // dimension of the weights that counts them
}

// Layers lists the layers of a prepared model in the order of execution: convolutions,
// depthwise convolutions, fully connected layers and lookups in tables, if their weights
// are constant. The layers of other subgraphs than the first are left as they are.
func Layers(m *model.Model) []Layer {
	g := &m.Subgraphs[0]
	var list []Layer
	for i := range g.Operators {
		if l, ok := layer(m, g, i); ok {
			list = append(list, l)
		}
	}
	return list
}

func layer(m *model.Model, g *model.Subgraph, i int) (Layer, bool) {
	op := &g.Operators[i]
	l := Layer{Operator: i, Builtin: m.OperatorCodes[op.Opcode].Builtin, Bias: -1}
	rank, inputs := 4, op.Inputs
	switch l.Builtin {
	case model.OpConv2D:
	case model.OpDepthwiseConv2D:
		l.axis = 3
	case model.OpFullyConnected:
		rank = 2
	case model.OpGather:
		if len(inputs) != 2 || op.Options.Int("axis") != 0 || op.Options.Int("batch_dims") != 0 {
			return l, false
		}
		rank, inputs = 2, []int32{inputs[1], inputs[0]}
	default:
		return l, false
	}
	if len(inputs) < 2 || len(inputs) > 3 || len(op.Outputs) != 1 || inputs[0] < 0 || inputs[1] < 0 {
		return l, false
	}
	l.Input, l.Weights, l.Output = inputs[0], inputs[1], op.Outputs[0]
	if len(inputs) == 3 {
		l.Bias = inputs[2]
	}
	w := &g.Tensors[l.Weights]
	if w.Type != model.TypeFloat32 || len(w.Shape) != rank || !graph.IsConstant(m, w) || !readable(m, w) {
		return l, false
	}
	if l.Bias >= 0 {
		b := &g.Tensors[l.Bias]
		if b.Type != model.TypeFloat32 || len(b.Shape) != 1 || b.Shape[0] != w.Shape[l.axis] || !graph.IsConstant(m, b) || !readable(m, b) {
			return l, false
		}
	}
	l.Name, l.Channels = g.Tensors[l.Output].Name, int(w.Shape[l.axis])
	return l, l.Channels > 0
}

// readable reports whether a constant's values can be had; those of sparse ones may be
// damaged.
func readable(m *model.Model, t *model.Tensor) bool {
	if t.Sparsity == nil {
		return true // Check has seen to the size
	}
	_, err := graph.Floats(m, t)
	return err == nil
}

// table reports whether the layer looks rows up.
func (l Layer) table() bool { return l.Builtin == model.OpGather }

// at is the place of the weights among the operator's inputs.
func (l Layer) at() int {
	if l.table() {
		return 0
	}
	return 1
}
