// Package observe finds the layers of a model whose weights can be pruned, and sums what
// goes into them.
package observe

import (
	"fmt"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/model"
	"atoll/model/graph"
	"atoll/sparsity"
)

// Layer is a convolution or a fully connected layer of a model's first subgraph, seen as
// a matrix: CONV_2D with kernels of k×k has k·k·channels columns.
type Layer struct {
	Operator       int   // index
	Weights, Input int32 // tensors
	Name           string
	Rows, Cols     int
	Taps           int // of the kernel, height times width
	Positions      int // products with the matrix in one inference

	window
}

// window is how a kernel goes over a picture.
type window struct {
	in, out, kernel, stride, dilation, pad [2]int // height, width
	channels                               int
}

// Layers lists the layers of a model whose constants are folded, see graph.FoldConstants.
// Those with weights that aren't constant, in groups, or wider than sparsity.MaxCols are
// left out.
func Layers(m *model.Model) ([]Layer, error) {
	g := &m.Subgraphs[0]
	edit := graph.Edit(m, 0)
	var list []Layer
	for i := range g.Operators {
		op := &g.Operators[i]
		kind := edit.Builtin(op)
		if kind != model.OpConv2D && kind != model.OpFullyConnected || len(op.Inputs) < 2 || op.Inputs[0] < 0 || op.Inputs[1] < 0 {
			continue
		}
		w := &g.Tensors[op.Inputs[1]]
		if !graph.IsConstant(m, w) {
			continue
		}
		l := Layer{Operator: i, Weights: op.Inputs[1], Input: op.Inputs[0], Name: w.Name, Taps: 1}
		var ok bool
		if kind == model.OpConv2D {
			ok = l.convolution(g, op, w.Shape)
		} else {
			ok = l.connected(g, w.Shape)
		}
		if ok && l.Rows > 0 && l.Cols > 0 && l.Cols <= sparsity.MaxCols {
			list = append(list, l)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("model has no layer that can be pruned: no CONV_2D or FULLY_CONNECTED with constant weights")
	}
	return list, nil
}

func (l *Layer) connected(g *model.Subgraph, shape []int32) bool {
	n, err := model.Elements(g.Tensors[l.Input].Shape)
	if len(shape) != 2 || shape[1] == 0 || err != nil || n%int64(shape[1]) != 0 {
		return false
	}
	l.Rows, l.Cols = int(shape[0]), int(shape[1])
	l.Positions = int(n) / l.Cols
	return true
}

func (l *Layer) convolution(g *model.Subgraph, op *model.Operator, shape []int32) bool {
	in, out := g.Tensors[op.Inputs[0]].Shape, g.Tensors[op.Outputs[0]].Shape
	if len(shape) != 4 || len(in) != 4 || len(out) != 4 || in[0] != 1 || shape[3] != in[3] {
		return false
	}
	l.channels = int(in[3])
	stride := [2]string{"stride_h", "stride_w"}
	dilation := [2]string{"dilation_h_factor", "dilation_w_factor"}
	const same = 0 // padding
	for d := range 2 {
		l.in[d], l.out[d], l.kernel[d] = int(in[1+d]), int(out[1+d]), int(shape[1+d])
		l.stride[d], l.dilation[d] = int(op.Options.Int(stride[d])), int(op.Options.Int(dilation[d]))
		if op.Options.Int("padding") == same {
			reach := (l.out[d]-1)*l.stride[d] + (l.kernel[d]-1)*l.dilation[d] + 1
			l.pad[d] = max(reach-l.in[d], 0) / 2
		}
	}
	l.Taps = l.kernel[0] * l.kernel[1]
	l.Rows, l.Cols = int(shape[0]), l.Taps*l.channels
	l.Positions = l.out[0] * l.out[1]
	return true
}

// Add sums the layer's inputs, the values of its input tensor, into a.
func (l *Layer) Add(a *sparsity.Accumulator, values []float32) error {
	if l.direct() {
		return a.Add(values)
	}
	columns, err := l.Columns(nil, values)
	if err != nil {
		return err
	}
	return a.Add(columns)
}

// Columns appends the layer's inputs at all positions, one after the other, to a list.
func (l *Layer) Columns(list, values []float32) ([]float32, error) {
	if l.direct() {
		return append(list, values...), nil
	}
	if want := l.in[0] * l.in[1] * l.channels; len(values) != want {
		return nil, fmt.Errorf("input of %s has %d values, must have %d", l.Name, len(values), want)
	}
	column := make([]float32, l.Cols)
	for y := range l.out[0] {
		for x := range l.out[1] {
			l.patch(column, values, y, x)
			list = append(list, column...)
		}
	}
	return list, nil
}

// direct says that the input tensor is the matrix's, position by position.
func (l *Layer) direct() bool {
	return l.channels == 0 || l.Taps == 1 && l.stride == [2]int{1, 1}
}

// patch collects what the kernel sees at a position; outside of the picture are zeros.
func (l *Layer) patch(into, values []float32, y, x int) {
	clear(into)
	for ky := range l.kernel[0] {
		for kx := range l.kernel[1] {
			row := y*l.stride[0] + ky*l.dilation[0] - l.pad[0]
			col := x*l.stride[1] + kx*l.dilation[1] - l.pad[1]
			if row < 0 || row >= l.in[0] || col < 0 || col >= l.in[1] {
				continue
			}
			from := (row*l.in[1] + col) * l.channels
			copy(into[(ky*l.kernel[1]+kx)*l.channels:], values[from:from+l.channels])
		}
	}
}

// Matrix is the layer for sparsity.Prune, with the inputs that a summed.
func (l *Layer) Matrix(m *model.Model, a *sparsity.Accumulator) (*sparsity.Layer, error) {
	w, err := graph.Floats(m, &m.Subgraphs[0].Tensors[l.Weights])
	if err != nil {
		return nil, fmt.Errorf("weights of %s: %w", l.Name, err)
	}
	return &sparsity.Layer{Rows: l.Rows, Cols: l.Cols, Taps: l.Taps, W: w, H: a.H()}, nil
}

// Inputs runs the model on samples and sums the inputs of every layer, as change makes
// them of the values of a tensor, which it must leave alone; nil for as they are.
func Inputs(w *engine.Worker, m *model.Model, layers []Layer, samples []probe.Sample, change func(tensor int32, values []float32) []float32) ([]*sparsity.Accumulator, error) {
	sums := make([]*sparsity.Accumulator, len(layers))
	users := map[int32][]int{}
	var tensors []int32
	for i, l := range layers {
		var err error
		if sums[i], err = sparsity.NewAccumulator(l.Cols); err != nil {
			return nil, fmt.Errorf("%s: %w", l.Name, err)
		}
		if users[l.Input] == nil {
			tensors = append(tensors, l.Input)
		}
		users[l.Input] = append(users[l.Input], i)
	}
	err := probe.Observe(w, m, tensors, samples, func(_ int, tensor int32, values []float32) error {
		if change != nil {
			values = change(tensor, values)
		}
		for _, i := range users[tensor] {
			if err := layers[i].Add(sums[i], values); err != nil {
				return err
			}
		}
		return nil
	})
	return sums, err
}
