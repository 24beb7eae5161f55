// Package gradient carries derivatives from a model's results back to what is computed
// inside: how much each value matters for the results. It knows the operators that
// convolutional models are made of.
package gradient

import (
	"errors"
	"fmt"
	"slices"

	"atoll/model"
	"atoll/model/graph"
)

// ErrOperator says that an operator's derivative isn't known.
var ErrOperator = errors.New("the derivative of an operator is not known")

// Tape is a model in which derivatives can be carried back.
type Tape struct {
	edit      graph.Editor
	constants map[int32][]float32
}

// New reads the constants of a model in plain floats, see quantize.Prepare.
func New(m *model.Model) (*Tape, error) {
	t := &Tape{edit: graph.Edit(m, 0), constants: make(map[int32][]float32)}
	g := t.edit.Graph
	for i := range g.Operators {
		op := &g.Operators[i]
		if rules[t.edit.Builtin(op)] == nil {
			return nil, fmt.Errorf("%w: operator %d, %v", ErrOperator, i, t.edit.Builtin(op))
		}
		for _, in := range op.Inputs {
			if in < 0 || !graph.IsConstant(m, &g.Tensors[in]) || g.Tensors[in].Type != model.TypeFloat32 {
				continue
			}
			values, err := graph.Floats(m, &g.Tensors[in])
			if err != nil {
				return nil, err
			}
			t.constants[in] = values
		}
	}
	return t, nil
}

// Computed lists the tensors whose values Back needs.
func (t *Tape) Computed() (list []int32) {
	for i := range t.edit.Graph.Operators {
		list = append(list, t.edit.Graph.Operators[i].Outputs...)
	}
	return list
}

// Back carries derivatives back. Values has the computed tensors, derivatives those with
// respect to the model's results; it gets those with respect to all others. Behind a
// fused activation they are those before it.
func (t *Tape) Back(values, derivatives map[int32][]float32) error {
	g := t.edit.Graph
	for i := len(g.Operators) - 1; i >= 0; i-- {
		op := &g.Operators[i]
		d := derivatives[op.Outputs[0]]
		if d == nil {
			continue // leads nowhere
		}
		s := step{Tape: t, op: op, values: values, derivatives: derivatives, d: d}
		if err := s.activation(); err != nil {
			return fmt.Errorf("operator %d: %w", i, err)
		}
		if err := rules[t.edit.Builtin(op)](&s); err != nil {
			return fmt.Errorf("operator %d, %v: %w", i, t.edit.Builtin(op), err)
		}
	}
	return nil
}

// step is an operator's turn.
type step struct {
	*Tape
	op                  *model.Operator
	values, derivatives map[int32][]float32
	d                   []float32 // of its result
}

var rules = map[model.BuiltinOperator]func(*step) error{
	model.OpConv2D:          (*step).convolution,
	model.OpDepthwiseConv2D: (*step).depthwise,
	model.OpAdd:             (*step).add,
	model.OpMaxPool2D:       (*step).maxPool,
	model.OpPad:             (*step).pad,
	model.OpReshape:         (*step).reshape,
	model.OpConcatenation:   (*step).concatenation,
	model.OpResizeBilinear:  (*step).resize,
	model.OpRelu:            (*step).relu,
}

// activation takes a fused one back: where it held the value, nothing passes.
func (s *step) activation() error {
	top := float32(0)
	switch s.op.Options.Int("fused_activation_function") {
	case 0:
		return nil
	case 1:
	case 3:
		top = 6
	default:
		return ErrOperator
	}
	for i, y := range s.values[s.op.Outputs[0]] {
		if y <= 0 || top > 0 && y >= top {
			s.d[i] = 0
		}
	}
	return nil
}

func (s *step) shape(t int32) []int32 { return s.edit.Graph.Tensors[t].Shape }

// into is where the derivatives of an input are summed, nil if it is a constant or the
// model's.
func (s *step) into(slot int) []float32 {
	t := s.op.Inputs[slot]
	if slices.Contains(s.edit.Graph.Inputs, t) || graph.IsConstant(s.edit.Model, &s.edit.Graph.Tensors[t]) {
		return nil
	}
	if s.derivatives[t] == nil {
		n, _ := model.Elements(s.shape(t)) // Check has seen it
		s.derivatives[t] = make([]float32, n)
	}
	return s.derivatives[t]
}

func (s *step) add() error {
	for slot := range s.op.Inputs {
		to := s.into(slot)
		if to == nil {
			continue
		}
		if len(to) != len(s.d) {
			return fmt.Errorf("%w: sums of different sizes", ErrOperator)
		}
		for i, d := range s.d {
			to[i] += d
		}
	}
	return nil
}

func (s *step) relu() error {
	to := s.into(0)
	if to == nil {
		return nil
	}
	for i, y := range s.values[s.op.Outputs[0]] {
		if y > 0 {
			to[i] += s.d[i]
		}
	}
	return nil
}

func (s *step) reshape() error {
	for i, d := range s.d[:len(s.into(0))] {
		s.into(0)[i] += d
	}
	return nil
}

func (s *step) concatenation() error {
	out := s.shape(s.op.Outputs[0])
	axis := int(s.op.Options.Int("axis"))
	if axis < 0 {
		axis += len(out)
	}
	outer, inner := 1, 1
	for _, n := range out[:axis] {
		outer *= int(n)
	}
	for _, n := range out[axis+1:] {
		inner *= int(n)
	}
	width, from := int(out[axis])*inner, 0
	for slot := range s.op.Inputs {
		n := int(s.shape(s.op.Inputs[slot])[axis]) * inner
		if to := s.into(slot); to != nil {
			for o := range outer {
				for i, d := range s.d[o*width+from:][:n] {
					to[o*n+i] += d
				}
			}
		}
		from += n
	}
	return nil
}
