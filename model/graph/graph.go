// Package graph changes models: it links tensors with the operators around them,
// folds constants, removes what no result needs, shares equal constants, infers
// shapes, and adds tensors and operators.
//
// Functions take models that Check accepts, as model.Read returns them, and leave
// them so. They never write into a constant's bytes: those may belong to the file
// and to several tensors.
package graph

import (
	"slices"

	"atoll/model"
)

// Links are the edges of a subgraph, by tensor.
type Links struct {
	Producer  []int32   // the operator that writes the tensor last, -1 for none
	Consumers [][]int32 // the operators that read it, in order, each once
}

// Link finds the edges. Intermediates count as read: their operator needs them.
func Link(g *model.Subgraph) Links {
	l := Links{Producer: make([]int32, len(g.Tensors)), Consumers: make([][]int32, len(g.Tensors))}
	for t := range l.Producer {
		l.Producer[t] = -1
	}
	for i := range g.Operators {
		op, index := &g.Operators[i], int32(i)
		for _, t := range op.Outputs {
			l.Producer[t] = index
		}
		for _, list := range [][]int32{op.Inputs, op.Intermediates} {
			for _, t := range list {
				if t >= 0 && !slices.Contains(l.Consumers[t], index) {
					l.Consumers[t] = append(l.Consumers[t], index)
				}
			}
		}
	}
	return l
}

// Editor adds to one subgraph of a model.
type Editor struct {
	Model *model.Model
	Graph *model.Subgraph
}

// Edit returns an editor for a subgraph of the model.
func Edit(m *model.Model, subgraph int) Editor {
	return Editor{Model: m, Graph: &m.Subgraphs[subgraph]}
}

// AddTensor adds a tensor and returns its index.
func (e Editor) AddTensor(t model.Tensor) int32 {
	e.Graph.Tensors = append(e.Graph.Tensors, t)
	return int32(len(e.Graph.Tensors) - 1)
}

// AddConstant adds a tensor with a buffer of its own and returns its index.
func (e Editor) AddConstant(t model.Tensor, data []byte) int32 {
	index := e.AddTensor(t)
	e.SetConstant(index, data)
	return index
}

// SetConstant gives a tensor a new buffer. The old one stays for those that share
// it, until Clean.
func (e Editor) SetConstant(tensor int32, data []byte) {
	if len(e.Model.Buffers) == 0 {
		e.Model.Buffers = [][]byte{nil} // buffer 0 stands for none
	}
	e.Model.Buffers = append(e.Model.Buffers, data)
	e.Graph.Tensors[tensor].Buffer = uint32(len(e.Model.Buffers) - 1)
}

// Code returns the index of a builtin operator's code at exactly that version, and
// adds it if the model has none.
func (e Editor) Code(builtin model.BuiltinOperator, version int32) uint32 {
	i := slices.IndexFunc(e.Model.OperatorCodes, func(c model.OperatorCode) bool {
		return c.Builtin == builtin && c.Version == version && c.Custom == ""
	})
	if i < 0 {
		i = len(e.Model.OperatorCodes)
		e.Model.OperatorCodes = append(e.Model.OperatorCodes, model.OperatorCode{Builtin: builtin, Version: version})
	}
	return uint32(i)
}

// InsertOperator puts an operator before the one at that position, or at the end if
// there are as many.
func (e Editor) InsertOperator(at int, op model.Operator) {
	e.Graph.Operators = slices.Insert(e.Graph.Operators, at, op)
}

// Builtin returns the operator's code, model.OpCustom for a custom one.
func (e Editor) Builtin(op *model.Operator) model.BuiltinOperator {
	return e.Model.OperatorCodes[op.Opcode].Builtin
}

// Redirect lets every operator that reads one tensor read another instead, and the
// subgraph give out the other.
func (e Editor) Redirect(from, to int32) {
	for i := range e.Graph.Operators {
		e.Graph.Operators[i].Inputs = replaced(e.Graph.Operators[i].Inputs, from, to)
	}
	e.Graph.Outputs = replaced(e.Graph.Outputs, from, to)
}

// replaced returns a copy if it changes anything: lists may be shared.
func replaced(list []int32, from, to int32) []int32 {
	if !slices.Contains(list, from) {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		if list[i] == from {
			list[i] = to
		}
	}
	return list
}
