package silero

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"atoll/model"
	"atoll/model/half"
)

// interpreter runs the operators that this package writes, in float64 and by the
// plain definition of each, so that graphs are tested without TensorFlow Lite.
type interpreter struct {
	t      *testing.T
	m      *model.Model
	g      *model.Subgraph
	values [][]float64
}

// interpret runs a model on its inputs and returns its outputs.
func interpret(t *testing.T, m *model.Model, inputs ...[]float64) [][]float64 {
	t.Helper()
	g := &m.Subgraphs[0]
	p := &interpreter{t: t, m: m, g: g, values: make([][]float64, len(g.Tensors))}
	for i := range g.Tensors {
		if b := m.Buffers[g.Tensors[i].Buffer]; len(b) > 0 {
			p.values[i] = decodeConstant(g.Tensors[i].Type, b)
		}
	}
	for i, v := range inputs {
		p.values[g.Inputs[i]] = v
	}
	for i := range g.Operators {
		p.step(&g.Operators[i])
	}
	var out [][]float64
	for _, i := range g.Outputs {
		out = append(out, p.values[i])
	}
	return out
}

func decodeConstant(t model.TensorType, b []byte) (v []float64) {
	for len(b) > 0 {
		switch t {
		case model.TypeFloat16:
			v, b = append(v, float64(half.ToFloat32(binary.LittleEndian.Uint16(b)))), b[2:]
		case model.TypeFloat32:
			v, b = append(v, float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))), b[4:]
		case model.TypeInt32:
			v, b = append(v, float64(int32(binary.LittleEndian.Uint32(b)))), b[4:]
		default:
			panic(fmt.Sprintf("constant of type %v", t))
		}
	}
	return v
}

func (p *interpreter) in(op *model.Operator, i int) []float64 {
	v := p.values[op.Inputs[i]]
	if v == nil {
		p.t.Fatalf("tensor %q is used before it is computed", p.g.Tensors[op.Inputs[i]].Name)
	}
	return v
}

func (p *interpreter) shape(index int32) []int32 { return p.g.Tensors[index].Shape }

// set stores a result after checking it against the tensor's shape.
func (p *interpreter) set(index int32, v []float64) {
	if n, _ := model.Elements(p.shape(index)); int64(len(v)) != n {
		p.t.Fatalf("tensor %q of shape %v got %d elements", p.g.Tensors[index].Name, p.shape(index), len(v))
	}
	p.values[index] = v
}

var elementwise = map[model.BuiltinOperator]func(x, y float64) float64{
	model.OpAdd:        func(x, y float64) float64 { return x + y },
	model.OpMul:        func(x, y float64) float64 { return x * y },
	model.OpSqrt:       func(x, _ float64) float64 { return math.Sqrt(x) },
	model.OpTanh:       func(x, _ float64) float64 { return math.Tanh(x) },
	model.OpRelu:       func(x, _ float64) float64 { return max(x, 0) },
	model.OpLogistic:   func(x, _ float64) float64 { return 1 / (1 + math.Exp(-x)) },
	model.OpDequantize: func(x, _ float64) float64 { return x },
	model.OpReshape:    func(x, _ float64) float64 { return x },
}

func (p *interpreter) step(op *model.Operator) {
	code := p.m.OperatorCodes[op.Opcode].Builtin
	if fn, ok := elementwise[code]; ok {
		x := p.in(op, 0)
		y := x
		if code == model.OpAdd || code == model.OpMul {
			y = p.in(op, 1)
		}
		out := make([]float64, len(x))
		for i := range x {
			out[i] = fn(x[i], y[i])
		}
		p.set(op.Outputs[0], out)
		return
	}
	switch code {
	case model.OpMirrorPad:
		p.mirrorPad(op)
	case model.OpPad:
		p.pad(op)
	case model.OpSplit:
		p.split(op)
	case model.OpConcatenation:
		p.set(op.Outputs[0], slices.Concat(p.in(op, 0), p.in(op, 1))) // one row
	case model.OpConv2D:
		p.conv(op)
	case model.OpFullyConnected:
		p.fullyConnected(op)
	default:
		p.t.Fatalf("operator %v", code)
	}
}

func (p *interpreter) mirrorPad(op *model.Operator) {
	x, pads := p.in(op, 0), p.in(op, 1)
	if !slices.Equal(pads[:3], []float64{0, 0, 0}) || op.Options.Int("mode") != 0 {
		p.t.Fatalf("mirror padding %v, mode %d", pads, op.Options.Int("mode"))
	}
	out := slices.Clone(x)
	for i := range int(pads[3]) {
		out = append(out, x[len(x)-2-i])
	}
	p.set(op.Outputs[0], out)
}

// pad adds frames to a tensor [1,1,frames,channels].
func (p *interpreter) pad(op *model.Operator) {
	x, pads, channels := p.in(op, 0), p.in(op, 1), int(p.shape(op.Inputs[0])[3])
	if !slices.Equal(pads, []float64{0, 0, 0, 0, 1, 1, 0, 0}) {
		p.t.Fatalf("padding %v", pads)
	}
	p.set(op.Outputs[0], slices.Concat(make([]float64, channels), x, make([]float64, channels)))
}

// split cuts the last dimension.
func (p *interpreter) split(op *model.Operator) {
	x, shape := p.in(op, 1), p.shape(op.Inputs[1])
	if axis := p.in(op, 0)[0]; int(axis) != len(shape)-1 || int(op.Options.Int("num_splits")) != len(op.Outputs) {
		p.t.Fatalf("split axis %v in %d", axis, op.Options.Int("num_splits"))
	}
	row := int(shape[len(shape)-1])
	part := row / len(op.Outputs)
	for i, out := range op.Outputs {
		var v []float64
		for at := 0; at < len(x); at += row {
			v = append(v, x[at+i*part:at+(i+1)*part]...)
		}
		p.set(out, v)
	}
}

// conv is CONV_2D on tensors of height 1.
func (p *interpreter) conv(op *model.Operator) {
	x, k, bias := p.in(op, 0), p.in(op, 1), p.in(op, 2)
	ks, frames := p.shape(op.Inputs[1]), int(p.shape(op.Inputs[0])[2])
	outs, width, ins := int(ks[0]), int(ks[2]), int(ks[3])
	stride, left := int(op.Options.Int("stride_w")), 0
	count := (frames-width)/stride + 1
	if op.Options.Int("padding") == paddingSame {
		count = (frames + stride - 1) / stride
		left = max((count-1)*stride+width-frames, 0) / 2
	}
	out := make([]float64, 0, count*outs)
	for f := range count {
		for o := range outs {
			sum := bias[o]
			for w := range width {
				at := f*stride + w - left
				if at < 0 || at >= frames {
					continue
				}
				for i := range ins {
					sum += x[at*ins+i] * k[(o*width+w)*ins+i]
				}
			}
			if op.Options.Int("fused_activation_function") == activationRelu {
				sum = max(sum, 0)
			}
			out = append(out, sum)
		}
	}
	p.set(op.Outputs[0], out)
}

func (p *interpreter) fullyConnected(op *model.Operator) {
	x, k, bias := p.in(op, 0), p.in(op, 1), p.in(op, 2)
	out := slices.Clone(bias)
	for o := range out {
		for i := range x {
			out[o] += x[i] * k[o*len(x)+i]
		}
	}
	p.set(op.Outputs[0], out)
}
