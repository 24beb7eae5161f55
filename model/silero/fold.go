package silero

import (
	"errors"
	"fmt"
	"slices"

	"atoll/model/onnx"
)

// maxFolded bounds the elements that constant folding makes from one file, and with
// them its work. The LSTM's weights need less than a million.
const maxFolded = 1 << 21

// maxChain bounds how many operators lie between a constant and its use.
const maxChain = 64

// folder finds constants by the name of a value, through the operators by which an
// exporter rearranges them.
type folder struct {
	constants map[string]*onnx.Tensor
	producers map[string]*onnx.Node
	folded    int
}

// array is a float tensor.
type array struct {
	dims []int64
	data []float32
}

// newFolder knows the constants and operators of the outer graphs and of the
// branch. Where a name occurs twice the branch wins: a value there hides the
// outer one.
func newFolder(root, branch *onnx.Graph) *folder {
	f := &folder{constants: make(map[string]*onnx.Tensor), producers: make(map[string]*onnx.Node)}
	for _, top := range []*onnx.Graph{root, branch} {
		for _, g := range graphs(top) {
			f.add(g)
		}
	}
	return f
}

func (f *folder) add(g *onnx.Graph) {
	for i := range g.Initializers {
		f.constants[g.Initializers[i].Name] = &g.Initializers[i]
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		for _, name := range n.Outputs {
			f.producers[name] = n
		}
		if a := n.Attribute("value"); n.OpType == "Constant" && a != nil && a.Tensor != nil && len(n.Outputs) == 1 {
			f.constants[n.Outputs[0]] = a.Tensor
		}
	}
}

// constant returns the constant of that name, or nil.
func (f *folder) constant(name string) *onnx.Tensor { return f.constants[name] }

// floats returns the value of that name if it is constant and has that shape.
func (f *folder) floats(name string, shape ...int) ([]float32, error) {
	v, err := f.fold(name, 0)
	if err != nil {
		return nil, err
	}
	want := make([]int64, len(shape))
	for i, d := range shape {
		want[i] = int64(d)
	}
	if !slices.Equal(v.dims, want) {
		return nil, fmt.Errorf("value %.80q has shape %v, want %v", name, v.dims, want)
	}
	return v.data, nil
}

// fold computes a value that depends on constants only. Each call costs at least one
// element, so that graphs which use a value over and over come to an end.
func (f *folder) fold(name string, depth int) (array, error) {
	if err := f.spend(1); err != nil {
		return array{}, err
	}
	if t := f.constant(name); t != nil {
		data, err := t.Float32s()
		if err != nil {
			return array{}, err
		}
		return array{t.Dims, data}, f.spend(len(data))
	}
	n := f.producers[name]
	switch {
	case n == nil:
		return array{}, fmt.Errorf("value %.80q is not a constant of the file", name)
	case depth == maxChain:
		return array{}, fmt.Errorf("value %.80q is more than %d operators away from a constant", name, maxChain)
	case len(n.Inputs) == 0:
		return array{}, fmt.Errorf("operator %s of %.80q has no input", n.OpType, name)
	}
	v, err := f.apply(n, depth+1)
	if err != nil {
		return array{}, fmt.Errorf("%s %.80q: %w", n.OpType, name, err)
	}
	return v, nil
}

// spend counts elements that have been made.
func (f *folder) spend(n int) error {
	if f.folded += n; f.folded > maxFolded {
		return fmt.Errorf("constants add up to more than %d elements", maxFolded)
	}
	return nil
}

// apply computes one of the operators that rearrange constants.
func (f *folder) apply(n *onnx.Node, depth int) (array, error) {
	if n.OpType == "Concat" {
		return f.concat(n, depth)
	}
	v, err := f.fold(n.Inputs[0], depth)
	if err != nil {
		return array{}, err
	}
	switch n.OpType {
	case "Identity":
		return v, nil
	case "Unsqueeze":
		return f.unsqueeze(n, v)
	case "Slice":
		return f.slice(n, v)
	}
	return array{}, errors.New("unknown way to make a constant")
}

// ints returns the constant of a node's input, or where it is absent, as in old
// operator sets, the attribute of that name.
func (f *folder) ints(n *onnx.Node, input int, attribute string) ([]int64, error) {
	if input < len(n.Inputs) && n.Inputs[input] != "" {
		t := f.constant(n.Inputs[input])
		if t == nil {
			return nil, fmt.Errorf("%s is not a constant", attribute)
		}
		return t.Int64s()
	}
	return n.Ints(attribute), nil
}

// unsqueeze adds a dimension in front.
func (f *folder) unsqueeze(n *onnx.Node, v array) (array, error) {
	axes, err := f.ints(n, 1, "axes")
	if err != nil {
		return array{}, err
	}
	if !slices.Equal(axes, []int64{0}) {
		return array{}, fmt.Errorf("axes %v, want [0]", axes)
	}
	return array{slices.Concat(axes[:0:0], []int64{1}, v.dims), v.data}, nil
}

// slice takes consecutive rows.
func (f *folder) slice(n *onnx.Node, v array) (array, error) {
	starts, err := f.ints(n, 1, "starts")
	if err != nil {
		return array{}, err
	}
	ends, err := f.ints(n, 2, "ends")
	if err != nil {
		return array{}, err
	}
	axes, err := f.ints(n, 3, "axes")
	if err != nil {
		return array{}, err
	}
	steps, err := f.ints(n, 4, "steps")
	if err != nil {
		return array{}, err
	}
	if len(v.dims) == 0 || len(starts) != 1 || len(ends) != 1 || (axes != nil && !slices.Equal(axes, []int64{0})) ||
		(steps != nil && !slices.Equal(steps, []int64{1})) {
		return array{}, fmt.Errorf("starts %v, ends %v, axes %v, steps %v: want one run of rows", starts, ends, axes, steps)
	}
	rows := v.dims[0]
	from, to := clampRow(starts[0], rows), clampRow(ends[0], rows)
	if from >= to {
		return array{}, fmt.Errorf("rows %d to %d of %d", starts[0], ends[0], rows)
	}
	row := int64(len(v.data)) / rows
	dims := slices.Clone(v.dims)
	dims[0] = to - from
	return array{dims, v.data[from*row : to*row]}, nil
}

// clampRow applies ONNX's rule for positions: negative ones count from the end, and
// those outside are moved to the nearest end.
func clampRow(at, rows int64) int64 {
	if at < 0 {
		at += rows
	}
	return min(max(at, 0), rows)
}

// concat joins arrays along the rows.
func (f *folder) concat(n *onnx.Node, depth int) (array, error) {
	if axis := n.Int("axis", 0); axis != 0 {
		return array{}, fmt.Errorf("axis %d, want 0", axis)
	}
	var out array
	for i, name := range n.Inputs {
		v, err := f.fold(name, depth)
		if err != nil {
			return array{}, err
		}
		if len(v.dims) == 0 || (i > 0 && !slices.Equal(v.dims[1:], out.dims[1:])) {
			return array{}, fmt.Errorf("shapes %v and %v don't join", out.dims, v.dims)
		}
		if i == 0 {
			out.dims = append([]int64{0}, v.dims[1:]...)
		}
		if err := f.spend(len(v.data)); err != nil {
			return array{}, err
		}
		out.dims[0] += v.dims[0]
		out.data = append(out.data, v.data...)
	}
	return out, nil
}
