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

// ErrNoLayers is returned where a model has nothing to be quantized. It is an ErrUnsafe.
var ErrNoLayers = fmt.Errorf("%w: it has no layer with constant float weights", ErrUnsafe)

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
	if err := notQuantized(m); err != nil {
		return err
	}
	if err := widenSparse(m); err != nil {
		return err
	}
	fuseActivations(m)
	graph.Clean(m)
	nameLayers(m)
	return finite(m)
}

// notQuantized refuses a model that computes in integers.
func notQuantized(m *model.Model) error {
	for _, op := range m.Subgraphs[0].Operators {
		if b := m.OperatorCodes[op.Opcode].Builtin; b == model.OpQuantize || b == model.OpDequantize {
			return fmt.Errorf("%w: it is quantized already (operator %v): start from the float model", ErrUnsafe, b)
		}
		for _, t := range op.Outputs {
			x := &m.Subgraphs[0].Tensors[t]
			if x.Type != model.TypeFloat32 && x.Quantization != nil && len(x.Quantization.Scale) > 0 {
				return fmt.Errorf("%w: it is quantized already (tensor %q is %v): start from the float model", ErrUnsafe, x.Name, x.Type)
			}
		}
	}
	return nil
}

// widenSparse makes the sparse weights that operators read themselves dense.
func widenSparse(m *model.Model) error {
	edit := graph.Edit(m, 0)
	for _, l := range Layers(m) {
		x := &edit.Graph.Tensors[l.Weights]
		if x.Sparsity == nil {
			continue
		}
		w, err := floatsOf(m, l.Weights)
		if err != nil {
			return err
		}
		x.Sparsity = nil
		edit.SetConstant(l.Weights, graph.Float32Bytes(w))
	}
	return nil
}

// finite refuses weights that are not: no step is right for them.
func finite(m *model.Model) error {
	for _, l := range Layers(m) {
		for _, t := range []int32{l.Weights, l.Bias} {
			if t < 0 {
				continue
			}
			values, err := floatsOf(m, t)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(values, func(v float32) bool { return v-v != 0 }) {
				return fmt.Errorf("%w: the weights of layer %q are not all finite", ErrUnsafe, l.Name)
			}
		}
	}
	return nil
}

// nameLayers gives the results of layers that have no name, or one that another has too,
// a name of their own: by it they are found again after conversion.
func nameLayers(m *model.Model) {
	g := &m.Subgraphs[0]
	users := make(map[string]int)
	for t := range g.Tensors {
		users[g.Tensors[t].Name]++
	}
	for n, l := range Layers(m) {
		x := &g.Tensors[l.Output]
		if x.Name != "" && users[x.Name] == 1 {
			continue
		}
		users[x.Name]--
		name := fmt.Sprintf("%v %d", l.Builtin, n)
		for users[name] > 0 {
			name += "'"
		}
		x.Name = name
		users[name]++
	}
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
	return ordered(m)
}

// ordered refuses graphs in which a tensor is not written once, before it is read.
// Converters make none, and the steps that follow rely on it.
func ordered(m *model.Model) error {
	g := &m.Subgraphs[0]
	producer := graph.Link(g).Producer
	written := func(t int32) error {
		return fmt.Errorf("%w: tensor %d, %q, is written more than once, or read before", ErrUnsafe, t, g.Tensors[t].Name)
	}
	for _, t := range g.Inputs {
		if producer[t] >= 0 || graph.IsConstant(m, &g.Tensors[t]) {
			return written(t)
		}
	}
	for i, op := range g.Operators {
		for _, t := range op.Inputs {
			if t >= 0 && producer[t] >= int32(i) {
				return written(t)
			}
		}
		for n, t := range op.Outputs {
			if producer[t] != int32(i) || graph.IsConstant(m, &g.Tensors[t]) || slices.Contains(op.Outputs[:n], t) {
				return written(t)
			}
		}
	}
	return nil
}

// fusedActivations are the members of the schema's ActivationFunctionType by operator.
var fusedActivations = map[model.BuiltinOperator]int64{model.OpRelu: 1, model.OpReluN1To1: 2, model.OpRelu6: 3}

// fusable are the operators that can apply an activation function to their result, with
// the options that say so.
var fusable = map[model.BuiltinOperator]string{
	model.OpConv2D: "Conv2DOptions", model.OpDepthwiseConv2D: "DepthwiseConv2DOptions", model.OpFullyConnected: "FullyConnectedOptions",
	model.OpAdd: "AddOptions", model.OpMul: "MulOptions", model.OpSub: "SubOptions",
}

// fuseActivations moves RELU and its kind into the operator before, where nothing else
// reads that one's result. A quantized result then spends none of its range on values
// that are cut off.
func fuseActivations(m *model.Model) {
	g := &m.Subgraphs[0]
	links := graph.Link(g)
	edit := graph.Edit(m, 0)
	var kept []model.Operator
	place := make([]int, len(g.Operators)) // of operators in kept
	for i, op := range g.Operators {
		place[i] = len(kept)
		if activation, ok := fusedActivations[edit.Builtin(&op)]; ok && len(op.Inputs) == 1 && len(op.Outputs) == 1 && inner(m, links, op.Inputs[0]) {
			before := &kept[place[links.Producer[op.Inputs[0]]]]
			if plain(edit, before) {
				before.Options = before.Options.With("fused_activation_function", activation)
				before.Outputs = op.Outputs
				links.Producer[op.Outputs[0]] = links.Producer[op.Inputs[0]]
				continue
			}
		}
		kept = append(kept, op)
	}
	g.Operators = kept
}

// inner reports whether a tensor is computed, and of no use to anybody but one operator.
func inner(m *model.Model, links graph.Links, t int32) bool {
	if t < 0 || links.Producer[t] < 0 || len(links.Consumers[t]) != 1 || slices.Contains(m.Subgraphs[0].Outputs, t) {
		return false
	}
	for _, s := range m.SignatureDefs {
		if slices.ContainsFunc(s.Outputs, func(o model.TensorMap) bool { return o.Tensor == uint32(t) }) {
			return false
		}
	}
	return true
}

// plain reports whether an operator can take an activation function and has none.
func plain(edit graph.Editor, op *model.Operator) bool {
	options, ok := fusable[edit.Builtin(op)]
	return ok && len(op.Outputs) == 1 && op.Options.Kind.String() == options && op.Options.Int("fused_activation_function") == 0
}
