// Package channels removes whole channels from a model: the rows of the convolution
// that writes one, the columns of those that read it, and all that carries it between.
// The model gets smaller and faster on any kernel.
//
// Models are taken with one subgraph and with constants as graph.FoldConstants leaves
// them: weights behind DEQUANTIZE can't be cut.
package channels

import (
	"errors"
	"fmt"
	"slices"

	"atoll/model"
	"atoll/model/graph"
)

// Channel is one channel of a tensor.
type Channel struct {
	Tensor int32
	Index  int32 // along the last dimension
}

// Unit is a set of channels that must go together: ADD wants the same of both sides, a
// depthwise convolution gives out what it takes in.
type Unit struct {
	Channels []Channel // by tensor, then by index
	Weights  int64     // elements of constants that go with it
}

// Group is a set of units that run through the same tensors, such as the channels of
// a convolution's output or those that PAD adds to a residual stream.
type Group struct {
	Tensors []int32
	Units   []Unit
	// Fixed says why the units must stay and names the operator; empty if they may go.
	Fixed string
}

// ErrSubgraphs reports a model with several subgraphs.
var ErrSubgraphs = errors.New("the model has several subgraphs")

// maxChannels bounds the channels of all images together: a file can ask for any
// number with a few bytes.
const maxChannels = 1 << 22

// Groups finds the groups of the model, in the order of their first tensor.
func Groups(m *model.Model) ([]Group, error) {
	if len(m.Subgraphs) != 1 {
		return nil, ErrSubgraphs
	}
	f, err := newFinder(graph.Edit(m, 0))
	if err != nil {
		return nil, err
	}
	f.unite()
	return f.groups(), nil
}

// finder joins channels. Each channel of each image has a number.
type finder struct {
	graph.Editor
	first  []int32 // number of a tensor's first channel, -1 if it is no image
	leader []int32 // by channel
	fixed  []string
}

func newFinder(e graph.Editor) (*finder, error) {
	f := &finder{Editor: e, first: make([]int32, len(e.Graph.Tensors))}
	for t := range e.Graph.Tensors {
		f.first[t] = -1
		if !f.image(int32(t)) {
			continue
		}
		f.first[t] = int32(len(f.leader))
		if int64(len(f.leader))+int64(f.channels(int32(t))) > maxChannels {
			return nil, fmt.Errorf("the model has more than %d channels", maxChannels)
		}
		for range f.channels(int32(t)) {
			f.leader = append(f.leader, int32(len(f.leader)))
		}
	}
	f.fixed = make([]string, len(f.leader))
	return f, nil
}

// image reports whether a tensor is an intermediate result, an input or an output with
// channels in its last of four dimensions.
func (f *finder) image(t int32) bool {
	x := &f.Graph.Tensors[t]
	return len(x.Shape) == 4 && !graph.IsConstant(f.Model, x)
}

// channels returns the size of the last dimension.
func (f *finder) channels(t int32) int32 {
	shape := f.Graph.Tensors[t].Shape
	return shape[len(shape)-1]
}

func (f *finder) find(c int32) int32 {
	for f.leader[c] != c {
		f.leader[c] = f.leader[f.leader[c]]
		c = f.leader[c]
	}
	return c
}

// join makes one unit of two.
func (f *finder) join(a, b int32) {
	a, b = f.find(a), f.find(b)
	if a == b {
		return
	}
	f.leader[max(a, b)] = min(a, b)
	if f.fixed[min(a, b)] == "" {
		f.fixed[min(a, b)] = f.fixed[max(a, b)]
	}
}

// fix keeps all channels of a tensor.
func (f *finder) fix(t int32, reason string) {
	if t < 0 || f.first[t] < 0 {
		return
	}
	for c := range f.channels(t) {
		if l := f.find(f.first[t] + c); f.fixed[l] == "" {
			f.fixed[l] = reason
		}
	}
}

// unite goes through all operators.
func (f *finder) unite() {
	for _, t := range f.Graph.Inputs {
		f.fix(t, "an input of the model")
	}
	for _, t := range f.Graph.Outputs {
		f.fix(t, "an output of the model")
	}
	for t := range f.Graph.Tensors {
		if f.Graph.Tensors[t].IsVariable {
			f.fix(int32(t), "a variable")
		}
	}
	for i := range f.Graph.Operators {
		op := &f.Graph.Operators[i]
		if reason := f.operator(op); reason != "" {
			reason = fmt.Sprintf("operator %d, %v: %s", i, f.Builtin(op), reason)
			for _, list := range [][]int32{op.Inputs, op.Outputs, op.Intermediates} {
				for _, t := range list {
					f.fix(t, reason)
				}
			}
		}
	}
}

// groups sorts the units by the tensors that they run through.
func (f *finder) groups() []Group {
	units := make(map[int32]*Unit)
	var order []int32
	for t := range f.Graph.Tensors {
		if f.first[t] < 0 {
			continue
		}
		for c := range f.channels(int32(t)) {
			l := f.find(f.first[t] + c)
			if units[l] == nil {
				units[l] = &Unit{}
				order = append(order, l)
			}
			units[l].Channels = append(units[l].Channels, Channel{int32(t), c})
		}
	}
	var groups []Group
	at := make(map[string]int)
	for _, l := range order {
		u := units[l]
		u.Weights = f.weights(u)
		tensors := u.tensors()
		key := fmt.Sprint(tensors, f.fixed[l])
		if _, ok := at[key]; !ok {
			at[key] = len(groups)
			groups = append(groups, Group{Tensors: tensors, Fixed: f.fixed[l]})
		}
		g := &groups[at[key]]
		g.Units = append(g.Units, *u)
	}
	return groups
}

// tensors lists the tensors of a unit, each once.
func (u *Unit) tensors() (list []int32) {
	for _, c := range u.Channels {
		if len(list) == 0 || list[len(list)-1] != c.Tensor {
			list = append(list, c.Tensor)
		}
	}
	return list
}

// weights counts the elements of constants that go with a unit alone.
func (f *finder) weights(u *Unit) (n int64) {
	for i := range f.Graph.Operators {
		for _, c := range f.cuts(&f.Graph.Operators[i]) {
			gone := int64(0)
			for _, channel := range u.Channels {
				if channel.Tensor == c.like {
					gone++
				}
			}
			if shape := f.Graph.Tensors[c.constant].Shape; shape[c.dimension] > 0 {
				elements, _ := model.Elements(shape) // Check has seen it
				n += elements / int64(shape[c.dimension]) * gone
			}
		}
	}
	return n
}

// images returns the tensors of a list that are images.
func (f *finder) images(list []int32) (images []int32) {
	for _, t := range list {
		if t >= 0 && f.first[t] >= 0 {
			images = append(images, t)
		}
	}
	return images
}

// same joins the channels of images one by one and returns a reason if their numbers
// differ.
func (f *finder) same(images []int32) string {
	for _, t := range images[1:] {
		if f.channels(t) != f.channels(images[0]) {
			return "spreads a channel over others"
		}
		f.joinAll(images[0], 0, t, 0, f.channels(t))
	}
	return ""
}

// joinAll joins n channels of two images, from the given ones on.
func (f *finder) joinAll(a, fromA, b, fromB, n int32) {
	for c := range n {
		f.join(f.first[a]+fromA+c, f.first[b]+fromB+c)
	}
}

// constants reports whether the inputs of an operator are constants from a slot on.
func (f *finder) constants(op *model.Operator, slot int) bool {
	return !slices.ContainsFunc(op.Inputs[min(slot, len(op.Inputs)):], func(t int32) bool { return t >= 0 && !f.divisible(t) })
}

// divisible reports whether a tensor is a dense constant of whole bytes.
func (f *finder) divisible(t int32) bool {
	x := &f.Graph.Tensors[t]
	return graph.IsConstant(f.Model, x) && x.Sparsity == nil && x.Type != model.TypeInt4 &&
		x.Bytes() == int64(len(f.Model.Buffers[x.Buffer]))
}
