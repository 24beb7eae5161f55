package quantize

import (
	"fmt"
	"math"
	"slices"

	"atoll/model"
	"atoll/model/graph"
)

// rule says what the specification asks of an operator without weights in int8.
type rule struct {
	version int32 // the first that takes int8
	same    bool  // inputs and outputs must have the same scale and zero point
	fixed   Range // of the output, if not zero
}

// rules are those of the operators that TensorFlow Lite and XNNPACK compute in int8.
var rules = map[model.BuiltinOperator]rule{
	model.OpAdd: {version: 2}, model.OpSub: {version: 2}, model.OpMul: {version: 2}, model.OpMean: {version: 2},
	model.OpPad: {version: 2, same: true}, model.OpReshape: {version: 1, same: true}, model.OpSqueeze: {version: 1, same: true},
	model.OpConcatenation: {version: 2, same: true}, model.OpSplit: {version: 2, same: true}, model.OpTranspose: {version: 2, same: true},
	model.OpMaxPool2D: {version: 2, same: true}, model.OpAveragePool2D: {version: 2, same: true},
	model.OpResizeBilinear: {version: 2, same: true}, model.OpStridedSlice: {version: 2, same: true},
	model.OpExpandDims: {version: 1, same: true},
	model.OpLogistic:   {version: 2, fixed: Range{0, 255. / 256}},
	model.OpSoftmax:    {version: 2, fixed: Range{0, 255. / 256}},
	model.OpTanh:       {version: 2, fixed: Range{-1, 127. / 128}},
}

// alike finds the tensors that must have the same scale and zero point.
type alike struct {
	parent []int32
	ranges map[int32]Range // by root
	fixed  map[int32]Range // by root, the range that an operator prescribes
	uneven map[int]bool    // operators that would have to join too different ranges
}

func (a alike) root(t int32) int32 {
	for a.parent[t] != t {
		t = a.parent[t]
	}
	return t
}

// uneven is how many times the narrowest range of the inputs of a CONCATENATION fits
// into the widest before it is computed in floats: the narrow ones would be left with
// too few steps.
const uneven = 4

// findAlike joins tensors by the rules and their ranges with them.
func findAlike(m *model.Model, ranges map[int32]Range) alike {
	g, edit := &m.Subgraphs[0], graph.Edit(m, 0)
	a := alike{make([]int32, len(g.Tensors)), make(map[int32]Range), make(map[int32]Range), make(map[int]bool)}
	for t := range a.parent {
		a.parent[t] = int32(t)
	}
	for i := range g.Operators {
		op := &g.Operators[i]
		r, ok := rules[edit.Builtin(op)]
		if !ok || !r.same {
			continue
		}
		inputs := floatInputs(g, op)
		if edit.Builtin(op) == model.OpConcatenation && isUneven(inputs, ranges) {
			a.uneven[i] = true
			continue
		}
		tensors := append(inputs, op.Outputs...)
		for n := 1; n < len(tensors); n++ {
			a.parent[a.root(tensors[n])] = a.root(tensors[0])
		}
	}
	for t, r := range ranges {
		root := a.root(t)
		joined, ok := a.ranges[root]
		if !ok {
			joined = r
		}
		a.ranges[root] = Range{min(joined.Min, r.Min), max(joined.Max, r.Max)}
	}
	a.prescribe(edit)
	return a
}

// prescribe gives results the range that their operator prescribes, unless others that
// must have the same one need more.
func (a alike) prescribe(edit graph.Editor) {
	for i := range edit.Graph.Operators {
		op := &edit.Graph.Operators[i]
		fixed := rules[edit.Builtin(op)].fixed
		if fixed == (Range{}) || len(op.Outputs) != 1 {
			continue
		}
		root := a.root(op.Outputs[0])
		if r, ok := a.ranges[root]; ok && r.Min >= fixed.Min-1./64 && r.Max <= fixed.Max+1./64 {
			a.ranges[root], a.fixed[root] = fixed, fixed
		}
	}
}

func isUneven(inputs []int32, ranges map[int32]Range) bool {
	narrow, wide := math.MaxFloat64, 0.0
	for _, t := range inputs {
		width := ranges[t].Max - ranges[t].Min
		narrow, wide = min(narrow, width), max(wide, width)
	}
	return wide > uneven*narrow
}

// floatInputs lists the inputs of an operator that are float32 and not left out.
func floatInputs(g *model.Subgraph, op *model.Operator) []int32 {
	var list []int32
	for _, t := range op.Inputs {
		if t >= 0 && g.Tensors[t].Type == model.TypeFloat32 {
			list = append(list, t)
		}
	}
	return list
}

// followsInIntegers reports whether an operator without weights is to compute in
// integers: it can, its result's range is known, and an input comes so.
func (c *converter) followsInIntegers(i int, op *model.Operator) bool {
	r, ok := rules[c.Builtin(op)]
	if !ok || c.alike.uneven[i] || len(op.Outputs) == 0 {
		return false
	}
	for _, t := range op.Outputs {
		root := c.alike.root(t)
		if _, known := c.alike.ranges[root]; !known || r.fixed != (Range{}) && c.alike.ranges[root] != r.fixed {
			return false
		}
	}
	return c.steady(op) && slices.ContainsFunc(op.Inputs, func(t int32) bool {
		_, there := c.integer[t]
		return there && !c.real[t]
	})
}

// integerOperator writes an operator without weights in int8.
func (c *converter) integerOperator(op *model.Operator) error {
	inputs := slices.Clone(op.Inputs)
	for i, t := range inputs {
		if t < 0 || c.Graph.Tensors[t].Type != model.TypeFloat32 {
			continue
		}
		q, err := c.needInteger(t)
		if err != nil {
			return err
		}
		inputs[i] = q
	}
	return c.emit(op, inputs, rules[c.Builtin(op)].version)
}

// emit writes an operator with int8 outputs.
func (c *converter) emit(op *model.Operator, inputs []int32, version int32) error {
	outputs := make([]int32, len(op.Outputs))
	for i, t := range op.Outputs {
		q, err := c.newInteger(t)
		if err != nil {
			return err
		}
		outputs[i] = q
	}
	code := c.Model.OperatorCodes[op.Opcode]
	op.Opcode = c.Code(code.Builtin, max(version, code.Version))
	op.Inputs, op.Outputs = inputs, outputs
	c.out = append(c.out, *op)
	return nil
}

// integerConstant adds a float constant as int8, with the range of those it must be like,
// else of its values.
func (c *converter) integerConstant(t int32) (int32, error) {
	w, err := graph.Floats(c.Model, &c.Graph.Tensors[t])
	if err != nil {
		return 0, err
	}
	r, ok := c.alike.ranges[c.alike.root(t)]
	if !ok {
		r = rangeOf(w)
	}
	if span := r.Max - r.Min; math.IsNaN(span) || math.IsInf(span, 0) {
		return 0, fmt.Errorf("constant %q has values that are not finite", c.Graph.Tensors[t].Name)
	}
	q := r.quantization()
	values := make([]int8, len(w))
	for i, v := range w {
		values[i] = int8(min(max(roundInt(float64(v)/float64(q.Scale[0]))+int(q.ZeroPoint[0]), -128), 127))
	}
	c.integer[t] = c.AddConstant(c.typed(t, model.TypeInt8, q), graph.Int8Bytes(values))
	return c.integer[t], nil
}

// rangeOf is the range of some values.
func rangeOf(values []float32) (r Range) {
	for _, v := range values {
		r.Min, r.Max = min(r.Min, float64(v)), max(r.Max, float64(v))
	}
	return r
}

// integerVersions are the first versions of layers that take int8 with a scale for each
// channel.
var integerVersions = map[model.BuiltinOperator]int32{model.OpConv2D: 3, model.OpDepthwiseConv2D: 3, model.OpFullyConnected: 4}

// integerLayer writes a layer in int8 with an int32 bias.
func (c *converter) integerLayer(n int, l Layer, op *model.Operator) error {
	input, err := c.needInteger(l.Input)
	if err != nil {
		return err
	}
	step := c.Graph.Tensors[input].Quantization.Scale[0]
	bias, err := c.bias(n, l)
	if err != nil {
		return err
	}
	q := c.weights(n, l)
	q.widen(l, bias, step)
	inputs := []int32{input, c.byteWeights(l, q), c.integerBias(l, bias, q.Scales, step)}
	return c.emit(op, inputs, integerVersions[l.Builtin])
}

// bias returns the plan's for the layer, else the model's. XNNPACK wants one in any case.
func (c *converter) bias(n int, l Layer) ([]float32, error) {
	if b, ok := c.plan.Biases[n]; ok {
		return b, nil
	}
	if l.Bias < 0 {
		return make([]float32, l.Channels), nil
	}
	return graph.Floats(c.Model, &c.Graph.Tensors[l.Bias])
}

// widen makes the steps of channels whose weights are so small that the bias in their
// units would not fit into 32 bits larger, and rounds their weights again.
func (q *Weights) widen(l Layer, bias []float32, step float32) {
	ch := channelsOf(l, len(q.Values))
	q.Values, q.Scales = slices.Clone(q.Values), slices.Clone(q.Scales)
	for c, s := range q.Scales {
		least := float32(minScale)
		least = max(least, float32(math.Abs(float64(bias[c])))/step/(1<<30))
		if s >= least {
			continue
		}
		q.Scales[c] = least
		for i := range ch.length {
			at := c*ch.outer + i*ch.inner
			q.Values[at] = round(float64(q.Values[at]) * float64(s) / float64(least))
		}
	}
}

// integerBias adds the bias in units of the products of input and weights.
func (c *converter) integerBias(l Layer, bias, scales []float32, step float32) int32 {
	units := make([]float32, len(scales))
	values := make([]int32, len(bias))
	for i := range scales {
		units[i] = step * scales[i]
	}
	for i, b := range bias {
		values[i] = int32(roundInt(float64(b) / (float64(step) * float64(scales[i]))))
	}
	t := model.Tensor{
		Name: c.Graph.Tensors[l.Weights].Name + "/bias", Type: model.TypeInt32, Shape: []int32{int32(len(bias))},
		Quantization: &model.Quantization{Scale: units, ZeroPoint: make([]int64, len(units))},
	}
	return c.AddConstant(t, graph.Int32Bytes(values))
}

func roundInt(v float64) int { return int(math.RoundToEven(v)) }
