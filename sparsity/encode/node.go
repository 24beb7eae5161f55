package encode

import (
	"fmt"
	"slices"

	"atoll/model"
)

// What an operator can be in a part that runs sparse.
const (
	starts = 1 << iota // turns pixels into channels
	inside
	ends // turns channels into pixels
)

// node is what XNNPACK sees in an operator.
type node struct {
	role      int
	reason    string  // why it has no role
	inputs    []int32 // those that change from run to run
	weights   int32   // of a 1x1 convolution, else -1
	absorbed  bool    // a PAD that the convolution after it takes in
	continues bool    // another operator of the part reads its result
}

// Values of the schema's Padding.
const (
	paddingSame  = 0
	paddingValid = 1
)

// The operators that nothing else in this project names.
const (
	opFloor     model.BuiltinOperator = 8
	opNeg       model.BuiltinOperator = 59
	opSquare    model.BuiltinOperator = 92
	opLeakyRelu model.BuiltinOperator = 98
	opAbs       model.BuiltinOperator = 101
	opCeil      model.BuiltinOperator = 104
	opElu       model.BuiltinOperator = 111
	opRound     model.BuiltinOperator = 116
	opHardSwish model.BuiltinOperator = 117
)

// opDepthToSpace ends a part that runs sparse.
const opDepthToSpace model.BuiltinOperator = 5

// unary are the operators that XNNPACK computes element by element.
var unary = []model.BuiltinOperator{
	model.OpRelu, model.OpReluN1To1, model.OpRelu6, model.OpLogistic, model.OpTanh, model.OpSqrt,
	opAbs, opCeil, opElu, opFloor, opHardSwish, opLeakyRelu, opNeg, opRound, opSquare,
}

// classify finds an operator's role.
func (f *finder) classify(op *model.Operator) node {
	n := node{weights: -1}
	for _, t := range op.Inputs {
		if t >= 0 && !f.constant[t] {
			n.inputs = append(n.inputs, t)
		}
	}
	if f.unpacks(op) {
		n.reason = "makes weights"
		return n
	}
	for _, list := range [][]int32{n.inputs, op.Outputs} {
		for _, t := range list {
			if x := &f.Graph.Tensors[t]; x.Type != model.TypeFloat32 || len(x.Shape) != 4 {
				n.reason = fmt.Sprintf("%v of shape %v; only float32 images can run sparse", x.Type, x.Shape)
				return n
			}
		}
	}
	if len(op.Inputs) == 0 || len(op.Outputs) != 1 || len(n.inputs) == 0 {
		n.reason = "not an operator on images"
		return n
	}
	f.assign(op, &n)
	return n
}

// assign decides by the kind of the operator.
func (f *finder) assign(op *model.Operator, n *node) {
	switch code := f.Builtin(op); code {
	case model.OpConv2D:
		f.convolution(op, n)
	case model.OpDepthwiseConv2D:
		f.depthwise(op, n)
	case model.OpAdd, model.OpMul:
		if len(n.inputs) == 2 {
			n.role = inside
		} else {
			n.reason = "adds or multiplies a constant"
		}
	case model.OpResizeBilinear:
		if s := f.Graph.Tensors[n.inputs[0]].Shape; s[1] > 1 && s[2] > 1 {
			n.role = inside
		} else {
			n.reason = "resizes a picture of one row or column"
		}
	case model.OpMean:
		if axes := f.Int32s(op, 1); len(axes) == 2 && slices.Min(axes) == 1 && slices.Max(axes) == 2 {
			n.role = inside | ends
		} else {
			n.reason = "no mean over rows and columns"
		}
	case opDepthToSpace:
		n.role = ends
	case model.OpPad:
		if n.absorbed = f.absorbable(op); !n.absorbed {
			n.reason = "not zeros around a picture for one convolution with VALID padding"
		}
	default:
		if slices.Contains(unary, code) {
			n.role = inside
		} else {
			n.reason = "XNNPACK has no such operator that runs channel by channel"
		}
	}
}

// absorbable reports whether XNNPACK takes a PAD into the convolution that reads it.
func (f *finder) absorbable(op *model.Operator) bool {
	out := op.Outputs[0]
	p := f.Int32s(op, 1)
	if len(p) != 8 || op.Inputs[0] < 0 || p[0]|p[1]|p[6]|p[7] != 0 || len(f.links.Consumers[out]) != 1 || slices.Contains(f.Graph.Outputs, out) {
		return false
	}
	next := &f.Graph.Operators[f.links.Consumers[out][0]]
	code := f.Builtin(next)
	return (code == model.OpConv2D || code == model.OpDepthwiseConv2D) && next.Inputs[0] == out &&
		next.Options.Int("padding") == paddingValid
}

// kernel returns the shape of constant weights and the zeros around the picture (top,
// bottom, left, right), following a PAD that is taken in; n then reads what PAD reads.
func (f *finder) kernel(op *model.Operator, n *node) (shape, zeros []int32) {
	if len(op.Inputs) < 2 || op.Inputs[1] < 0 || !f.constant[op.Inputs[1]] || len(n.inputs) != 1 || n.inputs[0] != op.Inputs[0] {
		n.reason = "weights or bias are no constants"
		return nil, nil
	}
	if shape = f.Graph.Tensors[op.Inputs[1]].Shape; len(shape) != 4 {
		n.reason = fmt.Sprintf("weights of shape %v", shape)
		return nil, nil
	}
	o := op.Options
	if o.Int("dilation_w_factor") != 1 || o.Int("dilation_h_factor") != 1 {
		n.reason = "dilated"
		return nil, nil
	}
	if o.Int("padding") == paddingSame {
		if o.Int("stride_w") != 1 || o.Int("stride_h") != 1 {
			return shape, nil // XNNPACK leaves it to the kernel, which the rules don't allow but for 1x1
		}
		return shape, []int32{(shape[1] - 1) / 2, shape[1] / 2, (shape[2] - 1) / 2, shape[2] / 2}
	}
	zeros = []int32{0, 0, 0, 0}
	if p := f.links.Producer[op.Inputs[0]]; p >= 0 {
		if pad := &f.Graph.Operators[p]; f.Builtin(pad) == model.OpPad && f.absorbable(pad) {
			zeros = f.Int32s(pad, 1)[2:6]
			n.inputs = []int32{pad.Inputs[0]}
		}
	}
	return shape, zeros
}

// convolution allows 1x1 within a part and 3x3 with stride 2 as its start.
func (f *finder) convolution(op *model.Operator, n *node) {
	shape, zeros := f.kernel(op, n)
	if shape == nil {
		return
	}
	w, h := op.Options.Int("stride_w"), op.Options.Int("stride_h")
	switch {
	case shape[3] != f.Graph.Tensors[op.Inputs[0]].Shape[3]:
		n.reason = "grouped"
	case shape[1] == 1 && shape[2] == 1 && w == 1 && h == 1 && slices.Equal(zeros, []int32{0, 0, 0, 0}):
		n.role, n.weights = inside, op.Inputs[1]
	case shape[1] == 3 && shape[2] == 3 && shape[3] == 3 && w == 2 && h == 2 && slices.Equal(zeros, []int32{1, 1, 1, 1}):
		n.role = starts
	default:
		n.reason = fmt.Sprintf("a %dx%d kernel over %d channels with stride %dx%d and %s; only 1x1 can be within a sparse part, "+
			"and only 3x3 over 3 channels with stride 2 behind PAD by 1 can start one", shape[1], shape[2], shape[3], h, w, padding(zeros))
	}
}

// depthwise allows 3x3 and 5x5 with stride 1 or 2 and the same zeros on all sides.
func (f *finder) depthwise(op *model.Operator, n *node) {
	shape, zeros := f.kernel(op, n)
	if shape == nil {
		return
	}
	w, h := op.Options.Int("stride_w"), op.Options.Int("stride_h")
	half := shape[1] / 2
	switch {
	case shape[3] != f.Graph.Tensors[op.Inputs[0]].Shape[3]:
		n.reason = "has a channel multiplier"
	case (shape[1] == 3 || shape[1] == 5) && shape[1] == shape[2] && (w == 1 || w == 2) && w == h &&
		slices.Equal(zeros, []int32{half, half, half, half}):
		n.role = inside
	default:
		n.reason = fmt.Sprintf("a %dx%d kernel with stride %dx%d and %s; only 3x3 and 5x5 with stride 1 or 2 and the same zeros on all sides can run sparse",
			shape[1], shape[2], h, w, padding(zeros))
	}
}

// padding describes the zeros around a picture.
func padding(zeros []int32) string {
	if zeros == nil {
		return "SAME padding"
	}
	return fmt.Sprintf("padding %v", zeros)
}
