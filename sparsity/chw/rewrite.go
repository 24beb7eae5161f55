// Package chw rewrites a model so that XNNPACK can run it in its sparse inference.
//
// That path computes channel by channel (CHW) and knows few operators: it starts with
// a 3x3 convolution with stride 2 over three colours, ends with DEPTH_TO_SPACE, and
// allows 1x1 and depthwise convolutions, sums and activations between. The rewrite
// says the rest in these words:
//
//	first convolution 5x5       3x3 convolution, depthwise convolution, 1x1 sum of terms
//	first convolution 3x3       the picture moved by a pixel
//	depthwise SAME, stride 2    explicit zeros around it and a 5x5 kernel
//	channels added by PAD       1x1 convolution with ones on the diagonal
//	2x2 maximum                 max(a, b) = b + relu(a-b), with depthwise convolutions
//	last 1x1 convolutions       DEPTH_TO_SPACE and a 2x2 convolution with stride 2
//
// All but the first two are exact but for rounding. The first is exact if asked for; the
// second sees another border of the picture above and on the left.
package chw

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"atoll/model"
	"atoll/model/graph"
)

// The operators that only this package writes or looks for.
const (
	opDepthToSpace model.BuiltinOperator = 5
	opNeg          model.BuiltinOperator = 59
	opSlice        model.BuiltinOperator = 65
)

// Values of the schema's enums.
const (
	paddingSame, paddingValid = 0, 1
	activationRelu            = 1
)

// Changes counts what Rewrite changed.
type Changes struct {
	First     int     // first convolutions
	Terms     int     // channels that a 5x5 one became
	Loss      float64 // the largest share of variance that one of its outputs loses
	Depthwise int
	Pads      int
	Pools     int
	Ends      int // 1x1 convolutions behind DEPTH_TO_SPACE
}

// ErrSubgraphs reports a model with several subgraphs: control flow has no sparse path.
var ErrSubgraphs = errors.New("the model has several subgraphs")

// Options say what may be lost.
type Options struct {
	// Loss is the share of its variance on natural pictures that an output of a 5x5
	// first convolution may lose; it is said in as few terms as that allows. 0 is exact
	// and takes four.
	Loss float64
	// Border is what a 3x3 first convolution is to see in place of the first row and
	// column, where it looks beyond the moved picture: -1 is black for the face models,
	// whose pictures mostly lie in a black frame. For such pictures the result is exact
	// but for two corners.
	Border float32
}

// Rewrite changes a model in place; constants become float32. What it can't rewrite
// stays as it is: encode.SparsePath tells whether that hinders. After an error the
// model is of no use.
func Rewrite(m *model.Model, o Options) (Changes, error) {
	if !(o.Loss >= 0 && o.Loss < 1) {
		return Changes{}, fmt.Errorf("loss %v of the first convolution: want 0 or more, below 1", o.Loss)
	}
	if f := float64(o.Border); math.IsNaN(f) || math.IsInf(f, 0) {
		return Changes{}, fmt.Errorf("border %v is no value of a pixel", o.Border)
	}
	if len(m.Subgraphs) != 1 {
		return Changes{}, ErrSubgraphs
	}
	if _, err := graph.FoldConstants(m); err != nil {
		return Changes{}, err
	}
	w := &rewriter{Editor: graph.Edit(m, 0), options: o, spaces: make(map[int32]int32)}
	w.links = graph.Link(w.Graph)
	old := w.Graph.Operators
	for i := range old {
		if err := w.operator(&old[i]); err != nil {
			return Changes{}, fmt.Errorf("operator %d, %v: %w", i, w.Builtin(&old[i]), err)
		}
	}
	w.Graph.Operators = w.operators
	graph.Clean(m)
	return w.changes, nil
}

// rewriter builds the new list of operators.
type rewriter struct {
	graph.Editor
	options   Options
	links     graph.Links
	operators []model.Operator
	spaces    map[int32]int32 // the DEPTH_TO_SPACE of a tensor
	changes   Changes
}

// operator adds what stands for one of the old operators.
func (w *rewriter) operator(op *model.Operator) error {
	rewrite := func(*model.Operator) (bool, error) { return false, nil }
	switch w.Builtin(op) {
	case model.OpConv2D:
		rewrite = w.convolution
	case model.OpDepthwiseConv2D:
		rewrite = w.depthwise
	case model.OpPad:
		rewrite = w.channelPad
	case model.OpMaxPool2D:
		rewrite = w.maxPool
	}
	done, err := false, error(nil)
	if len(op.Inputs) > 0 && op.Inputs[0] >= 0 && len(op.Outputs) == 1 {
		done, err = rewrite(op)
	}
	if err == nil && !done {
		w.operators = append(w.operators, *op)
	}
	return err
}

// maxChannels of an image that is rewritten: kernels for more would take memory that
// no real model is worth.
const maxChannels = 1 << 12

// shape returns the shape of a tensor, nil if it isn't one float32 image.
func (w *rewriter) shape(t int32) []int32 {
	x := &w.Graph.Tensors[t]
	if x.Type != model.TypeFloat32 || len(x.Shape) != 4 || x.Shape[0] != 1 || x.Shape[3] > maxChannels {
		return nil
	}
	return x.Shape
}

// weights returns the values of an operator's constant input, nil if it has none.
func (w *rewriter) weights(op *model.Operator, slot int) ([]float32, error) {
	if slot >= len(op.Inputs) || op.Inputs[slot] < 0 {
		return nil, nil
	}
	t := &w.Graph.Tensors[op.Inputs[slot]]
	if t.Type != model.TypeFloat32 || !graph.IsConstant(w.Model, t) {
		return nil, nil
	}
	return graph.Floats(w.Model, t)
}

// image adds a tensor for an intermediate result.
func (w *rewriter) image(name string, height, width, channels int32) int32 {
	return w.AddTensor(model.Tensor{Name: name, Shape: []int32{1, height, width, channels}})
}

// constant adds float32 weights.
func (w *rewriter) constant(name string, values []float32, shape ...int32) int32 {
	return w.AddConstant(model.Tensor{Name: name, Shape: shape}, graph.Float32Bytes(values))
}

// add appends an operator of version 1.
func (w *rewriter) add(code model.BuiltinOperator, options model.Options, output int32, inputs ...int32) {
	w.operators = append(w.operators, model.Operator{
		Opcode: w.Code(code, 1), Inputs: inputs, Outputs: []int32{output}, Options: options,
	})
}

// pad puts zeros around an image, as XNNPACK's operators want to see them: it takes
// them into the convolution that follows.
func (w *rewriter) pad(x, zeros int32) int32 {
	s := w.Graph.Tensors[x].Shape
	name := w.Graph.Tensors[x].Name
	paddings := w.AddConstant(model.Tensor{Name: name + "_paddings", Type: model.TypeInt32, Shape: []int32{4, 2}},
		graph.Int32Bytes([]int32{0, 0, zeros, zeros, zeros, zeros, 0, 0}))
	out := w.image(name+"_padded", s[1]+2*zeros, s[2]+2*zeros, s[3])
	w.add(model.OpPad, model.NewOptions("PadOptions", nil), out, x, paddings)
	return out
}

// convolve adds a 1x1 or larger convolution without padding.
func (w *rewriter) convolve(x, kernel, bias, output int32, stride, activation int64) {
	inputs := []int32{x, kernel}
	if bias >= 0 {
		inputs = append(inputs, bias)
	}
	w.add(model.OpConv2D, model.NewOptions("Conv2DOptions", map[string]int64{
		"padding": paddingValid, "stride_w": stride, "stride_h": stride, "fused_activation_function": activation,
	}), output, inputs...)
}

// depthwiseOptions are those of a depthwise convolution without multiplier.
func depthwiseOptions(padding, stride, activation int64) model.Options {
	return model.NewOptions("DepthwiseConv2DOptions", map[string]int64{
		"padding": padding, "stride_w": stride, "stride_h": stride, "depth_multiplier": 1, "fused_activation_function": activation,
	})
}

// zeros adds a bias of zeros: kernels of TensorFlow Lite take none for a depthwise
// convolution only in newer versions.
func (w *rewriter) zeros(name string, n int32) int32 {
	return w.constant(name, make([]float32, n), n)
}

// inside reports whether an operator is one that computes channel by channel.
func (w *rewriter) inside(op *model.Operator) bool {
	switch w.Builtin(op) {
	case model.OpConv2D, model.OpDepthwiseConv2D, model.OpAdd, model.OpMul, model.OpRelu, model.OpPad, model.OpMaxPool2D, model.OpResizeBilinear:
		return true
	}
	return false
}

// leaves reports whether what a tensor holds leaves the sparse part: it is a result,
// or an operator reads it that has no place there.
func (w *rewriter) leaves(t int32) bool {
	return slices.Contains(w.Graph.Outputs, t) || slices.ContainsFunc(w.links.Consumers[t], func(i int32) bool {
		return !w.inside(&w.Graph.Operators[i])
	})
}
