package quantize

import (
	"math"
	"slices"

	"atoll/model"
	"atoll/model/graph"
)

// Equalize scales the channels of a prepared model so that those of one tensor have
// similar ranges, and changes the weights around so that the model computes the same:
// cross-layer equalization (Nagel et al., Data-Free Quantization Through Weight
// Equalization and Bias Correction, ICCV 2019), here over all tensors that share their
// channels, as a residual stream does.
//
// A channel's factor is peak^share / weight^(1-share), the largest activation against
// the largest weight that multiplies it (Xiao et al., SmoothQuant, ICML 2023): with a
// share of 1 all activations have the same range, with 0 all columns of weights. The
// model is changed; statistics must be taken anew. What Equalize returns are the factors
// by which the channels of each tensor were divided.
func Equalize(m *model.Model, stats map[int32]*Statistics, share float64) (Factors, error) {
	e := newEqualizer(m)
	for i := range m.Subgraphs[0].Operators {
		e.operator(i)
	}
	for _, list := range [][]int32{m.Subgraphs[0].Inputs, m.Subgraphs[0].Outputs} {
		for _, t := range list {
			e.fix(t)
		}
	}
	if err := e.measure(stats); err != nil {
		return nil, err
	}
	return e.scale(share)
}

// Factors are those of the channels of tensors, by tensor.
type Factors map[int32][]float64

// equalizer joins channels that must have the same factor. A channel is a tensor and an
// index into its last dimension.
type equalizer struct {
	graph.Editor
	list   []Layer       // in order, so that the same model comes out every time
	layers map[int]Layer // by operator
	first  []int         // of each tensor's channels
	parent []int         // by channel
	fixed  []bool        // by root: the factor must be 1
	peak   []float64     // by root: largest activation
	column []float64     // by root: largest weight of a convolution or full layer that reads it
}

func newEqualizer(m *model.Model) *equalizer {
	e := &equalizer{Editor: graph.Edit(m, 0), list: Layers(m), layers: make(map[int]Layer)}
	for _, l := range e.list {
		e.layers[l.Operator] = l
	}
	for t := range e.Graph.Tensors {
		e.first = append(e.first, len(e.parent))
		for range e.channels(int32(t)) {
			e.parent = append(e.parent, len(e.parent))
		}
	}
	e.fixed = make([]bool, len(e.parent))
	e.peak, e.column = make([]float64, len(e.parent)), make([]float64, len(e.parent))
	return e
}

// channels is the size of a tensor's last dimension; constants have none that could be
// scaled.
func (e *equalizer) channels(t int32) int {
	x := &e.Graph.Tensors[t]
	if len(x.Shape) == 0 || x.Type != model.TypeFloat32 || graph.IsConstant(e.Model, x) {
		return 0
	}
	return int(x.Shape[len(x.Shape)-1])
}

func (e *equalizer) root(t int32, channel int) int {
	at := e.first[t] + channel
	for e.parent[at] != at {
		e.parent[at] = e.parent[e.parent[at]]
		at = e.parent[at]
	}
	return at
}

// join ties n channels of two tensors, from the given ones on.
func (e *equalizer) join(a int32, fromA int, b int32, fromB, n int) {
	for c := range n {
		x, y := e.root(a, fromA+c), e.root(b, fromB+c)
		e.parent[x] = y
		e.fixed[y] = e.fixed[y] || e.fixed[x]
	}
}

// fix forbids to scale a tensor.
func (e *equalizer) fix(t int32) {
	for c := range e.channels(t) {
		e.fixed[e.root(t, c)] = true
	}
}

// operator joins the channels that pass through an operator, or fixes those that can't
// be scaled.
func (e *equalizer) operator(i int) {
	op := &e.Graph.Operators[i]
	if l, ok := e.layers[i]; ok {
		e.layer(op, l)
		return
	}
	if e.passes(op) {
		return
	}
	for _, list := range [][]int32{op.Inputs, op.Outputs} {
		for _, t := range list {
			if t >= 0 {
				e.fix(t)
			}
		}
	}
}

// layer fixes what a layer with weights can't undo: only RELU, and no activation, let
// factors through, and a depthwise convolution must have one output for each input.
func (e *equalizer) layer(op *model.Operator, l Layer) {
	weights := e.Graph.Tensors[l.Weights].Shape
	inputs, outputs := int(weights[len(weights)-1]), l.Channels
	if l.table() {
		inputs, outputs = e.channels(l.Input), int(weights[1])
	}
	if e.channels(l.Input) != inputs { // in groups, or flattened
		e.fix(l.Input)
	}
	if e.channels(l.Output) != outputs || !positive(op) {
		e.fix(l.Output)
	}
	if l.Builtin == model.OpDepthwiseConv2D && e.channels(l.Input) != e.channels(l.Output) {
		e.fix(l.Input)
		e.fix(l.Output)
	}
}

// positive reports whether an operator has no activation function or RELU: those for
// which f(s·x) = s·f(x).
func positive(op *model.Operator) bool {
	f := op.Options.Int("fused_activation_function")
	return f == 0 || f == 1
}

// passes joins channels through operators that treat each alike and for which f(s·x) =
// s·f(x), and reports whether this is one.
func (e *equalizer) passes(op *model.Operator) bool {
	if len(op.Inputs) == 0 || op.Inputs[0] < 0 || len(op.Outputs) != 1 || !positive(op) {
		return false
	}
	in, out := op.Inputs[0], op.Outputs[0]
	n := e.channels(out)
	switch e.Builtin(op) {
	case model.OpRelu, model.OpMaxPool2D, model.OpAveragePool2D, model.OpResizeBilinear, model.OpReshape:
	case model.OpMean:
		if !e.keepsChannels(op) {
			return false
		}
	case model.OpAdd:
		if len(op.Inputs) != 2 || op.Inputs[1] < 0 || e.channels(op.Inputs[1]) != n || e.channels(in) != n {
			return false
		}
		e.join(op.Inputs[1], 0, out, 0, n)
	case model.OpPad:
		before, ok := e.padBefore(op)
		if ok = ok && before >= 0 && before+e.channels(in) <= n; ok {
			e.join(in, 0, out, before, e.channels(in))
		}
		return ok
	default:
		return false
	}
	if e.channels(in) != n {
		return false
	}
	e.join(in, 0, out, 0, n)
	return true
}

// keepsChannels reports whether the axes of MEAN leave the last dimension alone.
func (e *equalizer) keepsChannels(op *model.Operator) bool {
	axes := e.Int32s(op, 1)
	rank := int32(len(e.Graph.Tensors[op.Inputs[0]].Shape))
	return len(op.Inputs) == 2 && axes != nil && !slices.Contains(axes, rank-1) && !slices.Contains(axes, -1)
}

// padBefore is how many channels PAD puts before the first.
func (e *equalizer) padBefore(op *model.Operator) (int, bool) {
	pads := e.Int32s(op, 1)
	rank := len(e.Graph.Tensors[op.Inputs[0]].Shape)
	if len(op.Inputs) != 2 || rank == 0 || len(pads) != 2*rank {
		return 0, false
	}
	return int(pads[2*(rank-1)]), true
}

// measure finds the peaks and the columns of weights by root.
func (e *equalizer) measure(stats map[int32]*Statistics) error {
	for t, s := range stats {
		for c := range min(e.channels(t), len(s.Peak)) {
			r := e.root(t, c)
			e.peak[r] = max(e.peak[r], float64(s.Peak[c]))
		}
	}
	for _, l := range e.list {
		if l.table() || l.Builtin == model.OpDepthwiseConv2D {
			continue
		}
		w, err := graph.Floats(e.Model, &e.Graph.Tensors[l.Weights])
		if err != nil {
			return err
		}
		inputs := e.channels(l.Input)
		if inputs == 0 || len(w)%inputs != 0 {
			continue
		}
		for i, v := range w {
			r := e.root(l.Input, i%inputs)
			e.column[r] = max(e.column[r], math.Abs(float64(v)))
		}
	}
	return nil
}

// factor is what a channel is divided by.
func (e *equalizer) factor(root int, share float64) float64 {
	if e.fixed[root] || e.peak[root] < 1e-6 {
		return 1
	}
	f := math.Pow(e.peak[root], share)
	if e.column[root] > 0 {
		f /= math.Pow(e.column[root], 1-share)
	}
	return min(max(f, 1e-3), 1e3)
}

// scale writes the weights anew, for each layer its own: others may read the same.
func (e *equalizer) scale(share float64) (Factors, error) {
	factors := make(Factors)
	for t := range e.Graph.Tensors {
		for c := range e.channels(int32(t)) {
			factors[int32(t)] = append(factors[int32(t)], e.factor(e.root(int32(t), c), share))
		}
	}
	for _, l := range Layers(e.Model) {
		w, err := floatsOf(e.Model, l.Weights)
		if err != nil {
			return nil, err
		}
		rescale(l, w, factors[l.Input], factors[l.Output])
		e.replaceInput(l.Operator, l.at(), w)
		if l.Bias < 0 {
			continue
		}
		b, err := floatsOf(e.Model, l.Bias)
		if err != nil {
			return nil, err
		}
		for c := range b {
			b[c] = float32(float64(b[c]) / factorAt(factors[l.Output], c))
		}
		e.replaceInput(l.Operator, 2, b)
	}
	return factors, nil
}

// replaceInput lets an operator read other values than those of its constant.
func (e *equalizer) replaceInput(operator, input int, values []float32) {
	op := &e.Graph.Operators[operator]
	x := &e.Graph.Tensors[op.Inputs[input]]
	own := model.Tensor{Name: x.Name, Shape: x.Shape, HasRank: x.HasRank}
	op.Inputs = slices.Clone(op.Inputs)
	op.Inputs[input] = e.AddConstant(own, graph.Float32Bytes(values))
}

// factorAt is that of a channel; tensors without channels have none.
func factorAt(factors []float64, channel int) float64 {
	if len(factors) == 0 {
		return 1
	}
	return factors[channel%len(factors)]
}

// rescale divides a layer's weights by the factors of its outputs and multiplies them by
// those of its inputs.
func rescale(l Layer, w []float32, in, out []float64) {
	row := len(w) / l.Channels
	for i := range w {
		v := float64(w[i])
		switch {
		case l.table():
			v /= factorAt(out, i)
		case l.axis == 3: // depthwise: a channel in is the channel out
			v *= factorAt(in, i) / factorAt(out, i)
		default:
			v *= factorAt(in, i) / factorAt(out, i/row)
		}
		w[i] = float32(v)
	}
}
