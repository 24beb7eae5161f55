package graph

import (
	"slices"

	"atoll/model"
)

// Inspect reports on a model that was read from a file of that many bytes, like
// model.Inspect, and says what of it FoldConstants, Clean and ShareBuffers would
// remove. Each is told for the model as it is, not for what another would leave.
func Inspect(m *model.Model, size int64) model.Report {
	r := model.Inspect(m, size)
	r.Reducible = reducible(m)
	return r
}

// reducible tries each change on a copy.
func reducible(m *model.Model) model.Reduction {
	r := model.Reduction{Foldable: countFoldable(shallow(m))}
	cleaned := shallow(m)
	Clean(cleaned)
	for i := range m.Subgraphs {
		r.DeadOperators += len(m.Subgraphs[i].Operators) - len(cleaned.Subgraphs[i].Operators)
		r.DeadTensors += len(m.Subgraphs[i].Tensors) - len(cleaned.Subgraphs[i].Tensors)
	}
	r.DeadBuffers = len(m.Buffers) - len(cleaned.Buffers)
	r.DeadBytes = stored(m) - stored(cleaned)
	shared := shallow(m)
	r.EqualBytes = ShareBuffers(shared)
	for i := range m.Buffers {
		if len(m.Buffers[i]) > len(shared.Buffers[i]) {
			r.EqualBuffers++
		}
	}
	return r
}

// countFoldable folds without computing: what counts is that there is a constant.
func countFoldable(m *model.Model) []model.OpCount {
	counts := make(map[string]int)
	for i := range m.Subgraphs {
		pretend := func(e Editor, op *model.Operator) error {
			in, out := &e.Graph.Tensors[op.Inputs[0]], &e.Graph.Tensors[op.Outputs[0]]
			out.Buffer = in.Buffer
			counts[e.Builtin(op).String()]++
			return nil
		}
		_ = foldSubgraph(Edit(m, i), pretend) // has only the errors of pretend
	}
	return model.CountOps(counts)
}

// stored returns the bytes of all constants.
func stored(m *model.Model) (n int64) {
	for _, b := range m.Buffers {
		n += int64(len(b))
	}
	return n
}

// shallow copies what the functions of this package write to: the rest they replace.
func shallow(m *model.Model) *model.Model {
	c := *m
	c.OperatorCodes, c.Buffers = slices.Clone(m.OperatorCodes), slices.Clone(m.Buffers)
	c.Metadata, c.SignatureDefs, c.Subgraphs = slices.Clone(m.Metadata), slices.Clone(m.SignatureDefs), slices.Clone(m.Subgraphs)
	for i := range c.Subgraphs {
		g := &c.Subgraphs[i]
		g.Tensors, g.Operators = slices.Clone(g.Tensors), slices.Clone(g.Operators)
	}
	return &c
}
