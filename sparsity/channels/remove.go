package channels

import (
	"fmt"
	"slices"

	"atoll/model"
	"atoll/model/graph"
)

// Remove takes units out of the model. It then computes what it computed before if no
// convolution had given these channels any weight. Units are those of Groups on the
// same model; afterwards they no longer hold. A unit that must stay, or that doesn't
// belong to the model, is an error, and so is a tensor that would lose all: the model
// is then unchanged.
func Remove(m *model.Model, units []Unit) error {
	groups, err := Groups(m)
	if err != nil {
		return err
	}
	known := make(map[Channel]*Group)
	sizes := make(map[Channel]int)
	for i := range groups {
		for _, u := range groups[i].Units {
			known[u.Channels[0]], sizes[u.Channels[0]] = &groups[i], len(u.Channels)
		}
	}
	f, err := newFinder(graph.Edit(m, 0))
	if err != nil {
		return err
	}
	gone := make([]bool, len(f.leader))
	for i, u := range units {
		if len(u.Channels) == 0 || known[u.Channels[0]] == nil || sizes[u.Channels[0]] != len(u.Channels) {
			return fmt.Errorf("unit %d isn't one of this model's", i)
		}
		if reason := known[u.Channels[0]].Fixed; reason != "" {
			return fmt.Errorf("unit %d, from channel %d of tensor %d on, must stay: %s", i, u.Channels[0].Index, u.Channels[0].Tensor, reason)
		}
		for _, c := range u.Channels {
			gone[f.first[c.Tensor]+c.Index] = true
		}
	}
	r := remover{finder: f, keep: make([][]int32, len(m.Subgraphs[0].Tensors))}
	if err := r.list(gone); err != nil {
		return err
	}
	for i := range r.Graph.Operators {
		r.operator(&r.Graph.Operators[i])
	}
	r.shapes()
	graph.Clean(m)
	return nil
}

// remover cuts a graph.
type remover struct {
	*finder
	keep [][]int32 // the channels that stay, nil where all do
}

// list finds what stays of each image.
func (r *remover) list(gone []bool) error {
	for t := range r.keep {
		first := r.first[t]
		if first < 0 || !slices.Contains(gone[first:first+r.channels(int32(t))], true) {
			continue
		}
		for c := range r.channels(int32(t)) {
			if !gone[first+c] {
				r.keep[t] = append(r.keep[t], c)
			}
		}
		if r.keep[t] == nil {
			return fmt.Errorf("tensor %d, %.64q, would lose all its channels", t, r.Graph.Tensors[t].Name)
		}
	}
	return nil
}

// operator cuts the constants of one operator. They become its own: others may share
// them and lose other channels.
func (r *remover) operator(op *model.Operator) {
	if r.Builtin(op) == model.OpPad && len(op.Outputs) == 1 {
		r.pad(op)
	}
	for _, c := range r.cuts(op) {
		if keep := r.keep[c.like]; keep != nil {
			op.Inputs = slices.Clone(op.Inputs)
			op.Inputs[c.slot] = r.cut(op.Inputs[c.slot], c.dimension, keep)
		}
	}
}

// pad counts which of the zeros stay.
func (r *remover) pad(op *model.Operator) {
	out := op.Outputs[0]
	if r.first[out] < 0 || r.keep[out] == nil {
		return
	}
	p := r.Int32s(op, 1)
	before, end := p[6], p[6]+r.channels(op.Inputs[0])
	p[6], p[7] = 0, 0
	for _, c := range r.keep[out] {
		switch {
		case c < before:
			p[6]++
		case c >= end:
			p[7]++
		}
	}
	op.Inputs = slices.Clone(op.Inputs)
	paddings := r.Graph.Tensors[op.Inputs[1]]
	op.Inputs[1] = r.AddConstant(paddings, graph.Int32Bytes(p))
}

// cut copies a constant with some of the indices of one dimension.
func (r *remover) cut(constant int32, dimension int, keep []int32) int32 {
	t := r.Graph.Tensors[constant]
	data := r.Model.Buffers[t.Buffer]
	outer, inner := 1, int(t.Bytes())
	for _, n := range t.Shape[:dimension] {
		outer *= int(n)
	}
	inner /= outer * int(t.Shape[dimension])
	var kept []byte
	for o := range outer {
		for _, k := range keep {
			from := (o*int(t.Shape[dimension]) + int(k)) * inner
			kept = append(kept, data[from:from+inner]...)
		}
	}
	t.Shape = slices.Clone(t.Shape)
	t.Shape[dimension], t.ShapeSignature = int32(len(keep)), nil
	if q := t.Quantization; q != nil && len(q.Scale) > 1 && int(q.Dimension) == dimension {
		t.Quantization = cutScales(q, keep)
	}
	return r.AddConstant(t, kept)
}

// cutScales keeps some of the scales of a quantization by channel.
func cutScales(q *model.Quantization, keep []int32) *model.Quantization {
	c := *q
	pick := func(list []float32) (kept []float32) {
		if len(list) != len(q.Scale) {
			return list
		}
		for _, k := range keep {
			kept = append(kept, list[k])
		}
		return kept
	}
	c.Scale, c.Min, c.Max = pick(q.Scale), pick(q.Min), pick(q.Max)
	if len(q.ZeroPoint) == len(q.Scale) {
		c.ZeroPoint = nil
		for _, k := range keep {
			c.ZeroPoint = append(c.ZeroPoint, q.ZeroPoint[k])
		}
	}
	return &c
}

// shapes gives the images their new number of channels.
func (r *remover) shapes() {
	for t, keep := range r.keep {
		if keep == nil {
			continue
		}
		x := &r.Graph.Tensors[t]
		for _, list := range []*[]int32{&x.Shape, &x.ShapeSignature} {
			if len(*list) == 4 {
				*list = slices.Clone(*list)
				(*list)[3] = int32(len(keep))
			}
		}
	}
}
