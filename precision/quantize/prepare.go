package quantize

import (
	"errors"
	"fmt"
	"slices"

	"atoll/model"
	"atoll/model/graph"
)

// ErrUnsafe is wrapped by errors that say why a model can't be converted safely.
var ErrUnsafe = errors.New("cannot be converted safely")

// controlFlow are the operators that run other subgraphs or keep state between
// inferences: what flows through them is not seen by calibration.
var controlFlow = []string{"IF", "WHILE", "CALL", "CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE",
	"STABLEHLO_WHILE", "STABLEHLO_CASE", "STABLEHLO_COMPOSITE"}

// Prepare makes a plain float32 model of one: constants are folded, activation
// functions become part of the operator before them, what no result needs goes. The
// model is changed. The error wraps ErrUnsafe for models with control flow or custom
// operators, and for those that are quantized already.
func Prepare(m *model.Model) error {
	if err := safe(m); err != nil {
		return err
	}
	if _, err := graph.FoldConstants(m); err != nil {
		return fmt.Errorf("fold constants: %w", err)
	}
	for _, op := range m.Subgraphs[0].Operators {
		if b := m.OperatorCodes[op.Opcode].Builtin; b == model.OpQuantize || b == model.OpDequantize {
			return fmt.Errorf("%w: it is quantized already (operator %v): start from the float model", ErrUnsafe, b)
		}
		for _, t := range op.Outputs {
			if q := m.Subgraphs[0].Tensors[t].Type; q == model.TypeInt8 || q == model.TypeUint8 {
				return fmt.Errorf("%w: it is quantized already (tensor %q is %v): start from the float model", ErrUnsafe, m.Subgraphs[0].Tensors[t].Name, q)
			}
		}
	}
	fuseActivations(m)
	graph.Clean(m)
	return nil
}

// safe refuses what later steps couldn't follow.
func safe(m *model.Model) error {
	if len(m.Subgraphs) != 1 {
		return fmt.Errorf("%w: it has %d subgraphs: only those without control flow can be", ErrUnsafe, len(m.Subgraphs))
	}
	for i, op := range m.Subgraphs[0].Operators {
		code := m.OperatorCodes[op.Opcode]
		switch {
		case code.Builtin == model.OpCustom:
			return fmt.Errorf("%w: operator %d is the custom %q, and what it does is not known", ErrUnsafe, i, code.Custom)
		case slices.Contains(controlFlow, code.Name()):
			return fmt.Errorf("%w: operator %d is %s, control flow or state", ErrUnsafe, i, code.Name())
		}
	}
	for i, t := range m.Subgraphs[0].Tensors {
		if t.IsVariable {
			return fmt.Errorf("%w: tensor %d, %q, keeps state between inferences", ErrUnsafe, i, t.Name)
		}
	}
	return nil
}

// fusedActivations are the members of the schema's ActivationFunctionType by operator.
var fusedActivations = map[model.BuiltinOperator]int64{model.OpRelu: 1, model.OpReluN1To1: 2, model.OpRelu6: 3}

// fusable are the operators that can apply an activation function to their result.
var fusable = []model.BuiltinOperator{
	model.OpConv2D, model.OpDepthwiseConv2D, model.OpFullyConnected, model.OpAdd, model.OpMul, model.OpSub,
}

// fuseActivations moves RELU and its kind into the operator before, where nothing else
// reads that one's result. A quantized result then spends none of its range on values
// that are cut off.
func fuseActivations(m *model.Model) {
	g := &m.Subgraphs[0]
	links := graph.Link(g)
	edit := graph.Edit(m, 0)
	for i := range g.Operators {
		op := &g.Operators[i]
		activation, ok := fusedActivations[edit.Builtin(op)]
		if !ok || len(op.Inputs) != 1 || len(op.Outputs) != 1 {
			continue
		}
		in, out := op.Inputs[0], op.Outputs[0]
		p := links.Producer[in]
		if p < 0 || len(links.Consumers[in]) != 1 || slices.Contains(g.Outputs, in) {
			continue
		}
		before := &g.Operators[p]
		if !slices.Contains(fusable, edit.Builtin(before)) || before.Options.Int("fused_activation_function") != 0 {
			continue
		}
		before.Options = before.Options.With("fused_activation_function", activation)
		before.Outputs = []int32{out}
		links.Producer[out] = p
		op.Outputs = []int32{in} // read by nobody: Clean takes it
	}
}
