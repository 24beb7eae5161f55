package silero

import (
	"errors"
	"fmt"
	"slices"

	"atoll/model/onnx"
)

// The dimensions of the 16 kHz branch.
const (
	frameLen = 576 // 64 samples of context and 512 new ones
	padLen   = 64  // reflected samples on the right
	hop      = 128 // of the short-time Fourier transform
	window   = 2 * hop
	bins     = window/2 + 1
	hidden   = 128
	gates    = 4 * hidden
)

// encoderShape describes the four convolutions of width 3 and padding 1.
var encoderShape = [4]struct{ in, out, stride int }{
	{bins, 128, 1}, {128, 64, 2}, {64, 64, 2}, {64, 128, 1},
}

// layer is an affine map: weights in the order of the ONNX file, and a bias.
type layer struct {
	weight, bias []float32
}

// weights are the constants of the 16 kHz branch.
type weights struct {
	basis     []float32 // [2*bins, window]: the real rows, then the imaginary ones
	encoder   [4]layer  // [out, in, 3]
	input     []float32 // [gates, 128], rows in the order i, f, g, o
	recurrent []float32 // [gates, hidden], same order
	gateBias  []float32 // [gates], the sum of both biases
	output    layer     // [1, hidden]
}

// findWeights follows the operators of the 16 kHz branch in their order: the
// transform, the encoder's convolutions, the LSTM and the output convolution.
func findWeights(g *onnx.Graph) (*weights, error) {
	branch := findBranch(g)
	if branch == nil {
		return nil, fmt.Errorf("no graph with a convolution of a [%d,1,%d] Fourier basis (the 16 kHz branch)", 2*bins, window)
	}
	f := newFolder(g, branch)
	var convs []*onnx.Node
	for i := range branch.Nodes {
		if branch.Nodes[i].OpType == "Conv" {
			convs = append(convs, &branch.Nodes[i])
		}
	}
	if want := 2 + len(encoderShape); len(convs) != want {
		return nil, fmt.Errorf("%d convolutions in the 16 kHz branch, want %d", len(convs), want)
	}
	w := &weights{}
	basis, err := f.conv(convs[0], convShape{in: 1, out: 2 * bins, width: window, stride: hop})
	if err != nil {
		return nil, fmt.Errorf("short-time Fourier transform: %w", err)
	}
	w.basis = basis.weight
	for i, shape := range encoderShape {
		w.encoder[i], err = f.conv(convs[1+i], convShape{shape.in, shape.out, 3, shape.stride, 1})
		if err != nil {
			return nil, fmt.Errorf("encoder layer %d: %w", i, err)
		}
	}
	if err := w.findLSTM(f, branch); err != nil {
		return nil, fmt.Errorf("LSTM: %w", err)
	}
	if w.output, err = f.conv(convs[5], convShape{in: hidden, out: 1, width: 1, stride: 1}); err != nil {
		return nil, fmt.Errorf("output layer: %w", err)
	}
	return w, nil
}

// findBranch returns the graph, g or one inside it, whose first convolution has the
// Fourier basis for 16 kHz: 2×129 rows of 256 samples. At 8 kHz both are half.
func findBranch(g *onnx.Graph) *onnx.Graph {
	f := newFolder(g, g)
	for _, graph := range graphs(g) {
		for i := range graph.Nodes {
			n := &graph.Nodes[i]
			if n.OpType != "Conv" || len(n.Inputs) < 2 {
				continue
			}
			if t := f.constant(n.Inputs[1]); t != nil && slices.Equal(t.Dims, []int64{2 * bins, 1, window}) {
				return graph
			}
			break
		}
	}
	return nil
}

// graphs lists g and all graphs inside it.
func graphs(g *onnx.Graph) []*onnx.Graph {
	list := []*onnx.Graph{g}
	for i := range g.Nodes {
		for _, a := range g.Nodes[i].Attributes {
			if a.Graph != nil {
				list = append(list, graphs(a.Graph)...)
			}
		}
	}
	return list
}

// convShape is what a one-dimensional convolution must be.
type convShape struct{ in, out, width, stride, pad int }

// conv returns the constants of a convolution after checking its shape and
// attributes. Without a bias it is zero.
func (f *folder) conv(n *onnx.Node, s convShape) (layer, error) {
	if len(n.Inputs) < 2 {
		return layer{}, errors.New("convolution without weights")
	}
	for _, a := range []struct {
		name string
		want []int64
	}{
		{"strides", []int64{int64(s.stride)}},
		{"pads", []int64{int64(s.pad), int64(s.pad)}},
		{"dilations", []int64{1}},
	} {
		if got := n.Ints(a.name); got != nil && !slices.Equal(got, a.want) {
			return layer{}, fmt.Errorf("convolution %.80q has %s %v, want %v", n.Name, a.name, got, a.want)
		}
	}
	if group := n.Int("group", 1); group != 1 {
		return layer{}, fmt.Errorf("convolution %.80q has %d groups, want 1", n.Name, group)
	}
	weight, err := f.floats(n.Inputs[1], s.out, s.in, s.width)
	if err != nil {
		return layer{}, err
	}
	l := layer{weight: weight, bias: make([]float32, s.out)}
	if len(n.Inputs) > 2 && n.Inputs[2] != "" {
		l.bias, err = f.floats(n.Inputs[2], s.out)
	}
	return l, err
}

// findLSTM takes the weights from the first LSTM of the branch. Exports hold the
// same cell twice, for states with and without a batch dimension.
func (w *weights) findLSTM(f *folder, branch *onnx.Graph) error {
	for _, g := range graphs(branch) {
		for i := range g.Nodes {
			if n := &g.Nodes[i]; n.OpType == "LSTM" {
				return w.readLSTM(f, n)
			}
		}
	}
	return errors.New("no such node in the 16 kHz branch")
}

// readLSTM reads the operator's W [1,4H,I], R [1,4H,H] and B [1,8H], whose rows are
// ordered i, o, f, g (ONNX operator specification, LSTM), and reorders them.
func (w *weights) readLSTM(f *folder, n *onnx.Node) error {
	if len(n.Inputs) < 4 {
		return fmt.Errorf("%d inputs, want weights, recurrent weights and bias", len(n.Inputs))
	}
	if h := n.Int("hidden_size", hidden); h != hidden {
		return fmt.Errorf("hidden size %d, want %d", h, hidden)
	}
	input, err := f.floats(n.Inputs[1], 1, gates, hidden)
	if err != nil {
		return fmt.Errorf("input weights: %w", err)
	}
	recurrent, err := f.floats(n.Inputs[2], 1, gates, hidden)
	if err != nil {
		return fmt.Errorf("recurrent weights: %w", err)
	}
	bias, err := f.floats(n.Inputs[3], 1, 2*gates)
	if err != nil {
		return fmt.Errorf("bias: %w", err)
	}
	sum := make([]float32, gates)
	for i := range sum {
		sum[i] = bias[i] + bias[gates+i]
	}
	w.input, w.recurrent, w.gateBias = reorder(input), reorder(recurrent), reorder(sum)
	return nil
}

// reorder brings the gates from ONNX's order i, o, f, g to i, f, g, o.
func reorder(v []float32) []float32 {
	n := len(v) / 4
	return slices.Concat(v[:n], v[2*n:], v[n:2*n])
}
