package encode

import (
	"fmt"
	"slices"

	"atoll/model"
	"atoll/model/graph"
)

// Path tells what XNNPACK's sparse inference can take of a model.
type Path struct {
	OK bool // a part of the model can run sparse, given zeros enough
	// Reasons say what keeps other parts from it, or all; each names an operator by its
	// place in the model's list.
	Reasons []string
	// Weights and Zeros count the elements of the 1x1 convolutions that can run sparse.
	Weights, Zeros int64
}

// Enough reports whether there are zeros enough for XNNPACK to choose its sparse
// inference: more than two thirds.
func (p Path) Enough() bool { return p.OK && 3*p.Zeros > 2*p.Weights }

// SparsePath restates the rules by which XNNPACK decides whether to run parts of a
// graph channel by channel with sparse kernels (src/subgraph.c of the pinned version,
// xnn_check_nchw_compatibility and xnn_subgraph_rewrite_for_nchw), without running
// anything. A part starts with a 3x3 convolution with stride 2 over three channels,
// ends with DEPTH_TO_SPACE or a mean, and between them are only operators that
// compute channel by channel; nothing else may read what it holds.
//
// XNNPACK looks at all that only if a weight comes from DENSIFY and the processor has
// no AVX.
//
// It is stricter than XNNPACK in one point. A part that ends with another operator is
// run there all the same, and the last operator takes channels for pixels: the results
// are wrong.
func SparsePath(m *model.Model) Path {
	var p Path
	for i := range m.Subgraphs {
		prefix := ""
		if len(m.Subgraphs) > 1 {
			prefix = fmt.Sprintf("subgraph %d: ", i)
		}
		f := newFinder(graph.Edit(m, i))
		f.unite()
		f.judge(&p, prefix)
	}
	if !p.OK && len(p.Reasons) == 0 {
		p.Reasons = []string{"no 1x1 convolution (CONV_2D) of floats: nothing could run sparse"}
	}
	return p
}

// finder finds the parts of a subgraph.
type finder struct {
	graph.Editor
	links    graph.Links
	constant []bool // tensors that are known before the first run
	nodes    []node // by operator
	leader   []int  // of the part that an operator belongs to
	faults   [][]fault
}

// fault is what keeps a part from the sparse path, and the operator to blame.
type fault struct {
	operator int
	reason   string
}

func newFinder(e graph.Editor) *finder {
	f := &finder{
		Editor: e, links: graph.Link(e.Graph), constant: make([]bool, len(e.Graph.Tensors)),
		nodes: make([]node, len(e.Graph.Operators)), leader: make([]int, len(e.Graph.Operators)),
		faults: make([][]fault, len(e.Graph.Operators)),
	}
	for t := range e.Graph.Tensors {
		f.constant[t] = graph.IsConstant(e.Model, &e.Graph.Tensors[t])
	}
	for i := range e.Graph.Operators {
		f.leader[i] = i
		if op := &e.Graph.Operators[i]; f.unpacks(op) {
			f.constant[op.Outputs[0]] = true
		}
	}
	for i := range e.Graph.Operators {
		f.nodes[i] = f.classify(&e.Graph.Operators[i])
	}
	return f
}

// unpacks reports whether an operator makes one constant of another.
func (f *finder) unpacks(op *model.Operator) bool {
	code := f.Builtin(op)
	return (code == model.OpDequantize || code == model.OpDensify) &&
		len(op.Inputs) == 1 && len(op.Outputs) == 1 && op.Inputs[0] >= 0 && f.constant[op.Inputs[0]]
}

// reason says why an operator can't stand within a part.
func (f *finder) reason(i int) string {
	switch {
	case f.nodes[i].role&starts != 0:
		return "starts a part and can't be within one"
	case f.nodes[i].role&ends != 0:
		return "ends a part and can't be within one"
	}
	return f.nodes[i].reason
}

// find returns the leader of an operator's part.
func (f *finder) find(i int) int {
	for f.leader[i] != i {
		i = f.leader[i]
	}
	return i
}

// unite joins each operator with those that it reads from, and notes what must not be.
func (f *finder) unite() {
	for i := range f.nodes {
		n := &f.nodes[i]
		if n.role&(inside|ends) == 0 {
			continue
		}
		for _, t := range n.inputs {
			switch p := f.producer(t); {
			case p < 0:
				f.blame(i, i, "reads the model's input, where a 3x3 CONV_2D with stride 2 over 3 channels must be the first")
			case f.nodes[p].role&(starts|inside) == 0:
				f.blame(i, p, f.reason(p))
			default:
				f.nodes[p].continues = true
				f.join(i, p)
			}
		}
	}
}

// join makes one part of two.
func (f *finder) join(a, b int) {
	a, b = f.find(a), f.find(b)
	if a != b {
		f.leader[a] = b
		f.faults[b] = append(f.faults[b], f.faults[a]...)
	}
}

// blame notes a fault of an operator against the part of another.
func (f *finder) blame(part, operator int, reason string) {
	l := f.find(part)
	f.faults[l] = append(f.faults[l], fault{operator, reason})
}

// producer returns the operator that writes a tensor, -1 if none does.
func (f *finder) producer(t int32) int {
	return int(f.links.Producer[t])
}

// judge adds up the parts.
func (f *finder) judge(p *Path, prefix string) {
	var all []fault
	ended := make([]bool, len(f.nodes))
	weights, zeros := make([]int64, len(f.nodes)), make([]int64, len(f.nodes))
	for i := range f.nodes {
		n, l := &f.nodes[i], f.find(i)
		if n.role&(starts|inside|ends) == 0 {
			continue
		}
		if n.role&ends != 0 && !n.continues {
			ended[l] = true
		} else {
			f.checkReaders(i)
		}
		if n.weights >= 0 {
			all, none := f.count(n.weights)
			weights[l], zeros[l] = weights[l]+all, zeros[l]+none
		}
	}
	for l := range f.nodes {
		if f.find(l) != l || weights[l] == 0 {
			continue
		}
		if !ended[l] && len(f.faults[l]) == 0 {
			f.blame(l, l, "its part doesn't end with DEPTH_TO_SPACE or MEAN")
		}
		if len(f.faults[l]) == 0 {
			p.OK, p.Weights, p.Zeros = true, p.Weights+weights[l], p.Zeros+zeros[l]
		}
		for _, fault := range f.faults[l] {
			if !slices.Contains(all, fault) {
				all = append(all, fault)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b fault) int { return a.operator - b.operator })
	for _, fault := range all {
		p.Reasons = append(p.Reasons, fmt.Sprintf("%soperator %d, %v: %s",
			prefix, fault.operator, f.Builtin(&f.Graph.Operators[fault.operator]), fault.reason))
	}
}

// checkReaders wants an operator's result to be read within its part only. The first
// operator of a part may also stand alone.
func (f *finder) checkReaders(i int) {
	n := &f.nodes[i]
	if n.role == starts && !n.continues {
		return
	}
	for _, t := range f.Graph.Operators[i].Outputs {
		if slices.Contains(f.Graph.Outputs, t) {
			f.blame(i, i, "gives out a result of the model, where DEPTH_TO_SPACE or MEAN must stand between")
		}
		for _, c := range f.links.Consumers[t] {
			if f.nodes[c].absorbed { // PAD: what it pads for reads this
				c = f.links.Consumers[f.Graph.Operators[c].Outputs[0]][0]
			}
			if f.nodes[c].role&(inside|ends) == 0 {
				f.blame(i, int(c), f.reason(int(c)))
			}
		}
	}
}

// count returns the elements of a 1x1 convolution's weights and the zeros among them.
func (f *finder) count(t int32) (all, zeros int64) {
	for !graph.IsConstant(f.Model, &f.Graph.Tensors[t]) { // DEQUANTIZE, DENSIFY
		t = f.Graph.Operators[f.links.Producer[t]].Inputs[0]
	}
	values, err := graph.Floats(f.Model, &f.Graph.Tensors[t])
	if err != nil {
		return 0, 0
	}
	for _, v := range values {
		if v == 0 {
			zeros++
		}
	}
	return int64(len(values)), zeros
}
