package channels

import (
	"slices"

	"atoll/model"
)

// The operators that nothing else in this project names.
const (
	opDepthToSpace model.BuiltinOperator = 5
	opPrelu        model.BuiltinOperator = 54
	opNeg          model.BuiltinOperator = 59
	opLeakyRelu    model.BuiltinOperator = 98
	opAbs          model.BuiltinOperator = 101
	opHardSwish    model.BuiltinOperator = 117
)

// operator joins what an operator's channels have to do with each other. It returns a
// reason if all of them must stay.
func (f *finder) operator(op *model.Operator) string {
	in, out := f.images(op.Inputs), f.images(op.Outputs)
	if len(in) == 0 && len(out) == 0 {
		return ""
	}
	if len(in) == 0 || len(out) != 1 || len(op.Outputs) != 1 {
		return "channels can't be followed through it"
	}
	switch f.Builtin(op) {
	case model.OpConv2D:
		return f.convolution(op, in[0])
	case model.OpDepthwiseConv2D:
		return f.depthwise(op, in[0], out[0])
	case model.OpAdd, model.OpMul, model.OpSub:
		if len(in)+f.constantCount(op) != len(op.Inputs) {
			return "one side is no image"
		}
		return f.binary(op, append(in, out...))
	case opPrelu:
		if len(in) != 1 || len(op.Inputs) != 2 || f.constantCount(op) != 1 {
			return "slopes are no constants"
		}
		return f.binary(op, append(in, out...))
	case model.OpRelu, model.OpReluN1To1, model.OpRelu6, model.OpLogistic, model.OpTanh, model.OpSqrt, opNeg, opLeakyRelu, opAbs, opHardSwish,
		model.OpMaxPool2D, model.OpAveragePool2D, model.OpResizeBilinear:
		return f.same(append(in, out...))
	case model.OpMean:
		if axes := f.Int32s(op, 1); axes == nil || slices.ContainsFunc(axes, func(a int32) bool { return a == 3 || a == -1 }) {
			return "mean over channels"
		}
		return f.same(append(in, out...))
	case model.OpPad:
		return f.pad(op, in[0], out[0])
	case model.OpConcatenation:
		return f.concatenation(op, in, out[0])
	case opDepthToSpace:
		n := f.channels(out[0])
		if n == 0 || f.channels(in[0])%n != 0 {
			return "channels don't fit"
		}
		for from := int32(0); from < f.channels(in[0]); from += n {
			f.joinAll(in[0], from, out[0], 0, n)
		}
		return ""
	}
	return "channels can't be followed through it"
}

// constantCount counts the inputs that are constants which can be cut.
func (f *finder) constantCount(op *model.Operator) (n int) {
	for _, t := range op.Inputs {
		if t >= 0 && f.divisible(t) {
			n++
		}
	}
	return n
}

// convolution joins nothing: what goes in and what comes out are free of each other.
func (f *finder) convolution(op *model.Operator, in int32) string {
	if len(op.Inputs) < 2 || op.Inputs[0] != in || op.Inputs[1] < 0 || !f.constants(op, 1) {
		return "weights are no constants"
	}
	if shape := f.Graph.Tensors[op.Inputs[1]].Shape; len(shape) != 4 || shape[3] != f.channels(in) || shape[0] != f.channels(op.Outputs[0]) {
		return "grouped"
	}
	return f.bias(op)
}

// bias wants a value for each channel of the result.
func (f *finder) bias(op *model.Operator) string {
	if len(op.Inputs) < 3 || op.Inputs[2] < 0 {
		return ""
	}
	if shape := f.Graph.Tensors[op.Inputs[2]].Shape; len(shape) != 1 || shape[0] != f.channels(op.Outputs[0]) {
		return "bias doesn't fit the channels"
	}
	return ""
}

func (f *finder) depthwise(op *model.Operator, in, out int32) string {
	if len(op.Inputs) < 2 || op.Inputs[0] != in || op.Inputs[1] < 0 || !f.constants(op, 1) {
		return "weights are no constants"
	}
	shape := f.Graph.Tensors[op.Inputs[1]].Shape
	if len(shape) != 4 || shape[3] != f.channels(out) || shape[3] != f.channels(in) {
		return "has a channel multiplier"
	}
	if reason := f.bias(op); reason != "" {
		return reason
	}
	return f.same([]int32{in, out})
}

// binary allows constants with one value a channel, or one for all.
func (f *finder) binary(op *model.Operator, images []int32) string {
	n := f.channels(images[len(images)-1])
	for _, t := range op.Inputs {
		x := &f.Graph.Tensors[t]
		if f.first[t] >= 0 || len(x.Shape) == 0 {
			continue
		}
		if last := x.Shape[len(x.Shape)-1]; last != n && last != 1 {
			return "a constant doesn't fit the channels"
		}
	}
	return f.same(images)
}

// pad moves channels up by the zeros before them. The zeros are units of their own
// until something is added to them.
func (f *finder) pad(op *model.Operator, in, out int32) string {
	p := f.Int32s(op, 1)
	if len(p) != 8 || op.Inputs[0] != in || p[6] < 0 || p[7] < 0 || int64(f.channels(in))+int64(p[6])+int64(p[7]) != int64(f.channels(out)) {
		return "paddings are no constants"
	}
	f.joinAll(in, 0, out, p[6], f.channels(in))
	return ""
}

func (f *finder) concatenation(op *model.Operator, in []int32, out int32) string {
	if len(in) != len(op.Inputs) {
		return "joins a constant"
	}
	if axis := op.Options.Int("axis"); axis != 3 && axis != -1 {
		return f.same(append(in, out))
	}
	from := int32(0)
	for _, t := range in {
		if from+f.channels(t) > f.channels(out) {
			return "has fewer channels than its parts"
		}
		f.joinAll(t, 0, out, from, f.channels(t))
		from += f.channels(t)
	}
	return ""
}

// cut is a constant that loses what an image loses.
type cut struct {
	slot      int
	constant  int32
	dimension int
	like      int32
}

// cuts lists the constants of an operator that have a value for each channel.
func (f *finder) cuts(op *model.Operator) (list []cut) {
	add := func(slot, dimension int, like int32) {
		if slot < len(op.Inputs) && op.Inputs[slot] >= 0 {
			list = append(list, cut{slot, op.Inputs[slot], dimension, like})
		}
	}
	if len(op.Inputs) == 0 || op.Inputs[0] < 0 || len(op.Outputs) != 1 {
		return nil
	}
	switch f.Builtin(op) {
	case model.OpConv2D:
		add(1, 0, op.Outputs[0])
		add(1, 3, op.Inputs[0])
		add(2, 0, op.Outputs[0])
	case model.OpDepthwiseConv2D:
		add(1, 3, op.Outputs[0])
		add(2, 0, op.Outputs[0])
	case model.OpAdd, model.OpMul, model.OpSub, opPrelu:
		for slot, t := range op.Inputs {
			if t < 0 {
				continue
			}
			shape := f.Graph.Tensors[t].Shape
			if last := len(shape) - 1; f.first[t] < 0 && last >= 0 && f.first[op.Outputs[0]] >= 0 &&
				shape[last] == f.channels(op.Outputs[0]) {
				add(slot, last, op.Outputs[0])
			}
		}
	}
	return slices.DeleteFunc(list, func(c cut) bool {
		return f.first[c.like] < 0 || len(f.Graph.Tensors[c.constant].Shape) <= c.dimension
	})
}
