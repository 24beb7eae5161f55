package graph

import (
	"fmt"
	"slices"

	"atoll/model"
)

// FoldConstants computes what DEQUANTIZE and DENSIFY make of constants, in all
// subgraphs: the results become constants and the operators go. What DEQUANTIZE
// makes is float32; DENSIFY keeps the type, so that quantized weights stay so.
//
// It returns how many operators went. Constants of types that it doesn't know stay
// behind their operators, and so does what a subgraph gives out. A damaged constant
// is an error and leaves the model half folded. Constants that nothing reads any
// longer stay until Clean.
func FoldConstants(m *model.Model) (n int, err error) {
	f := folder{sparse: maxDense}
	for i := range m.Subgraphs {
		if err := foldSubgraph(Edit(m, i), f.operator); err != nil {
			return f.folded, fmt.Errorf("subgraph %d: %w", i, err)
		}
	}
	return f.folded, nil
}

// foldSubgraph calls fold for each operator that can be folded, which must make a
// constant of its result, and drops it.
func foldSubgraph(e Editor, fold func(Editor, *model.Operator) error) error {
	u := usage{writers: make([]int, len(e.Graph.Tensors)), read: make([]bool, len(e.Graph.Tensors))}
	for i := range e.Graph.Operators {
		for _, t := range e.Graph.Operators[i].Outputs {
			u.writers[t]++
		}
	}
	var kept []model.Operator
	for i := range e.Graph.Operators {
		op := &e.Graph.Operators[i]
		if !foldable(e, op, u) {
			kept = append(kept, *op)
			u.reads(op)
			continue
		}
		if err := fold(e, op); err != nil {
			return fmt.Errorf("operator %d, %v: %w", i, e.Builtin(op), err)
		}
		u.writers[op.Outputs[0]] = 0
	}
	if len(kept) < len(e.Graph.Operators) {
		e.Graph.Operators = kept
	}
	return nil
}

// usage is what a subgraph does with its tensors.
type usage struct {
	writers []int  // how many operators write the tensor
	read    []bool // by an operator before the one in question
}

func (u usage) reads(op *model.Operator) {
	for _, list := range [][]int32{op.Inputs, op.Intermediates} {
		for _, t := range list {
			if t >= 0 {
				u.read[t] = true
			}
		}
	}
}

// foldable reports whether an operator makes one constant of another, for readers
// within the subgraph only.
func foldable(e Editor, op *model.Operator, u usage) bool {
	g := e.Graph
	if len(op.Inputs) != 1 || len(op.Outputs) != 1 || op.Inputs[0] < 0 {
		return false
	}
	from, to := op.Inputs[0], op.Outputs[0]
	in, out := &g.Tensors[from], &g.Tensors[to]
	switch {
	case !IsConstant(e.Model, in) || u.writers[from] > 0 || slices.Contains(g.Inputs, from):
		return false
	case out.IsVariable || IsConstant(e.Model, out) || u.writers[to] > 1 || u.read[to]:
		return false
	case slices.Contains(g.Inputs, to) || slices.Contains(g.Outputs, to):
		return false
	}
	switch e.Builtin(op) {
	case model.OpDensify:
		// The result keeps its own scales, which are for its own shape.
		return in.Sparsity != nil && out.Type == in.Type && elementSizes[in.Type] > 0 && slices.Equal(out.Shape, in.Shape)
	case model.OpDequantize:
		switch in.Type {
		case model.TypeFloat16, model.TypeInt8, model.TypeUint8, model.TypeInt16:
			return out.Type == model.TypeFloat32
		}
	}
	return false
}

// folder folds the constants of a model.
type folder struct {
	folded int
	sparse int64 // how many more elements sparse constants may become
}

// operator turns the operator's result into a constant.
func (f *folder) operator(e Editor, op *model.Operator) error {
	in, out := &e.Graph.Tensors[op.Inputs[0]], &e.Graph.Tensors[op.Outputs[0]]
	if in.Sparsity != nil {
		elements, err := model.Elements(in.Shape)
		if err != nil {
			return err
		}
		if f.sparse -= elements; f.sparse < 0 {
			return fmt.Errorf("the sparse constants have more than %d elements", maxDense)
		}
	}
	var data []byte
	if e.Builtin(op) == model.OpDensify {
		dense, err := denseBytes(e.Model, in)
		if err != nil {
			return fmt.Errorf("constant %.64q: %w", in.Name, err)
		}
		data = dense
	} else {
		values, err := Floats(e.Model, in)
		if err != nil {
			return err
		}
		data, out.Quantization = Float32Bytes(values), nil
	}
	out.Shape, out.ShapeSignature, out.Sparsity = slices.Clone(in.Shape), nil, nil
	e.SetConstant(op.Outputs[0], data)
	f.folded++
	return nil
}
