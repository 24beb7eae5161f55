package graph

import (
	"slices"

	"atoll/model"
)

// Clean removes what no result needs, and renumbers the rest: operators whose
// results nobody reads, then tensors, buffers and operator codes without a user.
//
// Operators that do more than compute their results are never dead: custom ones,
// those that run other subgraphs, those with state, and all that this package
// doesn't know. Subgraphs, their inputs and outputs, variables and buffers with
// metadata stay. Buffer 0 stands for no constant and keeps its place.
func Clean(m *model.Model) {
	for i := range m.Subgraphs {
		e := Edit(m, i)
		e.removeOperators(namedTensors(m, i))
		e.removeTensors(i)
	}
	removeBuffers(m)
	removeCodes(m)
}

// namedTensors returns what signatures name of a subgraph.
func namedTensors(m *model.Model, subgraph int) (list []int32) {
	for _, s := range m.SignatureDefs {
		if int(s.Subgraph) != subgraph {
			continue
		}
		for _, maps := range [][]model.TensorMap{s.Inputs, s.Outputs} {
			for _, named := range maps {
				list = append(list, int32(named.Tensor))
			}
		}
	}
	return list
}

// marker sets what a list names, but for inputs that are left out.
func marker(set []bool) func(list []int32) {
	return func(list []int32) {
		for _, t := range list {
			if t >= 0 {
				set[t] = true
			}
		}
	}
}

// removeOperators goes backwards from the results.
func (e Editor) removeOperators(named []int32) {
	g := e.Graph
	needed := make([]bool, len(g.Tensors))
	mark := marker(needed)
	mark(g.Outputs)
	mark(named)
	var kept []model.Operator
	for i := len(g.Operators) - 1; i >= 0; i-- {
		op := &g.Operators[i]
		isNeeded := func(t int32) bool { return needed[t] }
		if !e.hasEffects(op) && !slices.ContainsFunc(op.Outputs, isNeeded) {
			continue
		}
		mark(op.Inputs)
		mark(op.Intermediates)
		kept = append(kept, *op)
	}
	if len(kept) < len(g.Operators) {
		slices.Reverse(kept)
		g.Operators = kept
	}
}

// hasEffects reports whether an operator may do more than compute its results.
func (e Editor) hasEffects(op *model.Operator) bool {
	if len(op.Outputs) == 0 || slices.Contains(op.MutatingInputs, true) || !isPure(e.Builtin(op)) {
		return true
	}
	for _, list := range [][]int32{op.Inputs, op.Outputs, op.Intermediates} {
		for _, t := range list {
			if t >= 0 && e.Graph.Tensors[t].IsVariable {
				return true
			}
		}
	}
	return false
}

// lastPure is the highest code below which the operators that aren't pure are known.
// Behind it come those of StableHLO, several of which run subgraphs.
const lastPure = model.OpRightShift

// impure are the operators up to lastPure that run subgraphs, keep state, draw random
// numbers, or may do anything.
var impure = []model.BuiltinOperator{
	model.OpCall, model.OpCustom, model.OpDelegate, model.OpIf, model.OpWhile, model.OpPlaceholder, model.OpCallOnce,
	model.OpHashtable, model.OpHashtableFind, model.OpHashtableImport, model.OpHashtableSize,
	model.OpVarHandle, model.OpReadVariable, model.OpAssignVariable,
	model.OpRandomStandardNormal, model.OpRandomUniform, model.OpMultinomial,
}

func isPure(b model.BuiltinOperator) bool {
	return b >= 0 && b <= lastPure && !slices.Contains(impure, b)
}

// removeTensors drops the tensors that nothing in the subgraph or its signatures
// refers to.
func (e Editor) removeTensors(subgraph int) {
	g := e.Graph
	used := make([]bool, len(g.Tensors))
	mark := marker(used)
	mark(g.Inputs)
	mark(g.Outputs)
	mark(namedTensors(e.Model, subgraph))
	for i := range g.Operators {
		mark(g.Operators[i].Inputs)
		mark(g.Operators[i].Outputs)
		mark(g.Operators[i].Intermediates)
	}
	for t := range g.Tensors {
		used[t] = used[t] || g.Tensors[t].IsVariable
	}
	number, n := renumber(used)
	if n == len(used) {
		return
	}
	g.Tensors = selected(g.Tensors, used)
	g.Inputs, g.Outputs = moved(g.Inputs, number), moved(g.Outputs, number)
	for i := range g.Operators {
		op := &g.Operators[i]
		op.Inputs, op.Outputs = moved(op.Inputs, number), moved(op.Outputs, number)
		op.Intermediates = moved(op.Intermediates, number)
	}
	for i := range e.Model.SignatureDefs {
		s := &e.Model.SignatureDefs[i]
		if int(s.Subgraph) == subgraph {
			s.Inputs, s.Outputs = movedMaps(s.Inputs, number), movedMaps(s.Outputs, number)
		}
	}
}

// removeBuffers drops unused buffers. One without data is the same as none, which is
// buffer 0; one with data of no bytes is a constant without elements.
func removeBuffers(m *model.Model) {
	if len(m.Buffers) == 0 {
		return
	}
	used := make([]bool, len(m.Buffers))
	used[0] = true
	for i := range m.Subgraphs {
		tensors := m.Subgraphs[i].Tensors
		for t := range tensors {
			if len(m.Buffers[0]) == 0 && m.Buffers[tensors[t].Buffer] == nil {
				tensors[t].Buffer = 0
			}
			used[tensors[t].Buffer] = true
		}
	}
	for _, meta := range m.Metadata {
		used[meta.Buffer] = true
	}
	inRange := func(b int32) bool { return b >= 0 && int(b) < len(used) }
	for _, b := range m.MetadataBuffers {
		if inRange(b) {
			used[b] = true
		}
	}
	number, n := renumber(used)
	if n == len(used) {
		return
	}
	m.Buffers = selected(m.Buffers, used)
	for i := range m.Subgraphs {
		for t := range m.Subgraphs[i].Tensors {
			tensor := &m.Subgraphs[i].Tensors[t]
			tensor.Buffer = uint32(number[tensor.Buffer])
		}
	}
	for i := range m.Metadata {
		m.Metadata[i].Buffer = uint32(number[m.Metadata[i].Buffer])
	}
	// A number that names no buffer must not come to name one.
	m.MetadataBuffers = slices.DeleteFunc(slices.Clone(m.MetadataBuffers), func(b int32) bool { return !inRange(b) })
	m.MetadataBuffers = moved(m.MetadataBuffers, number)
}

// removeCodes drops operator codes without an operator.
func removeCodes(m *model.Model) {
	used := make([]bool, len(m.OperatorCodes))
	for i := range m.Subgraphs {
		for _, op := range m.Subgraphs[i].Operators {
			used[op.Opcode] = true
		}
	}
	number, n := renumber(used)
	if n == len(used) {
		return
	}
	m.OperatorCodes = selected(m.OperatorCodes, used)
	for i := range m.Subgraphs {
		for o := range m.Subgraphs[i].Operators {
			op := &m.Subgraphs[i].Operators[o]
			op.Opcode = uint32(number[op.Opcode])
		}
	}
}

// renumber gives those that are used consecutive numbers, and returns how many there
// are.
func renumber(used []bool) (number []int32, n int) {
	number = make([]int32, len(used))
	for i, keep := range used {
		number[i] = int32(n)
		if keep {
			n++
		}
	}
	return number, n
}

// selected copies what is used.
func selected[T any](list []T, used []bool) []T {
	kept := make([]T, 0, len(list))
	for i := range list {
		if used[i] {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// moved returns a copy with new numbers; -1 stays, and so does a list that is left
// out.
func moved(list []int32, number []int32) []int32 {
	list = slices.Clone(list)
	for i, t := range list {
		if t >= 0 {
			list[i] = number[t]
		}
	}
	return list
}

func movedMaps(list []model.TensorMap, number []int32) []model.TensorMap {
	list = slices.Clone(list)
	for i := range list {
		list[i].Tensor = uint32(number[list[i].Tensor])
	}
	return list
}
