package quantize

import (
	"fmt"
	"math"
	"slices"

	"atoll/model"
	"atoll/model/graph"
	"atoll/model/half"
)

// Plan says how a prepared model is to be written.
type Plan struct {
	// Formats has one for each of Layers.
	Formats []Format
	// Ranges of the activations, by tensor; needed for Static8.
	Ranges map[int32]Range
	// Weights of layers that were quantized with more care than rounding to the nearest
	// step, by layer.
	Weights map[int]Weights
	// Biases that replace the model's in layers with 8-bit weights, by layer. They belong
	// to the rounding of these; layers in other formats keep the model's.
	Biases map[int][]float32
}

// check wants what fits the model and its layers.
func (p *Plan) check(m *model.Model, layers []Layer) error {
	g := &m.Subgraphs[0]
	if len(p.Formats) != len(layers) {
		return fmt.Errorf("%d formats for %d layers", len(p.Formats), len(layers))
	}
	for t, r := range p.Ranges {
		if t < 0 || int(t) >= len(g.Tensors) {
			return fmt.Errorf("range of tensor %d of %d", t, len(g.Tensors))
		}
		if !(r.Min <= 0 && r.Max >= 0) || math.IsInf(r.Max-r.Min, 0) {
			return fmt.Errorf("range of tensor %q from %g to %g: it must be finite, with 0 in it", g.Tensors[t].Name, r.Min, r.Max)
		}
	}
	for n, l := range layers {
		elements, err := model.Elements(g.Tensors[l.Weights].Shape)
		if err != nil {
			return err
		}
		if q, ok := p.Weights[n]; ok && (int64(len(q.Values)) != elements || len(q.Scales) != channelsOf(l, int(elements)).count) {
			return fmt.Errorf("layer %q: %d weights with %d scales don't fit", l.Name, len(q.Values), len(q.Scales))
		}
		if b, ok := p.Biases[n]; ok && len(b) != l.Channels {
			return fmt.Errorf("layer %q: %d biases for %d channels", l.Name, len(b), l.Channels)
		}
	}
	return nil
}

// Convert writes a prepared model as the plan says; the model stays as it is. Operators
// without weights follow their inputs: they compute in integers if those come so.
func Convert(prepared *model.Model, plan Plan) (*model.Model, error) {
	m, err := clone(prepared)
	if err != nil {
		return nil, err
	}
	layers := Layers(m)
	if err := plan.check(m, layers); err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	c := &converter{
		Editor: graph.Edit(m, 0), plan: plan, list: layers,
		layers: make(map[int]int), integer: make(map[int32]int32), real: make(map[int32]bool), nearest: make(map[int]Weights),
	}
	for i, l := range layers {
		c.layers[l.Operator] = i
	}
	if err := c.convert(); err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	graph.ShareBuffers(m)
	graph.Clean(m)
	return m, m.Check()
}

// clone copies a model.
func clone(m *model.Model) (*model.Model, error) {
	data, err := m.Write()
	if err != nil {
		return nil, err
	}
	return model.Read(data)
}

// converter writes the operators anew. A tensor of the prepared model may be there as
// floats, under its own index, as integers under another, or both.
type converter struct {
	graph.Editor
	plan    Plan
	list    []Layer
	layers  map[int]int // by operator
	alike   alike
	integer map[int32]int32
	real    map[int32]bool
	nearest map[int]Weights // of layers for which the plan has none
	out     []model.Operator
}

func (c *converter) convert() error {
	for _, t := range c.Graph.Inputs {
		c.real[t] = true
	}
	for t := range c.Graph.Tensors {
		if graph.IsConstant(c.Model, &c.Graph.Tensors[t]) {
			c.real[int32(t)] = true
		}
	}
	c.alike = findAlike(c.Model, c.plan.Ranges)
	c.widenResults()
	operators := c.Graph.Operators
	for i := range operators {
		op := operators[i]
		if err := c.operator(i, &op); err != nil {
			return fmt.Errorf("operator %d, %v: %w", i, c.Builtin(&op), err)
		}
	}
	for _, t := range c.Graph.Outputs {
		if err := c.needReal(t); err != nil {
			return err
		}
	}
	c.Graph.Operators = c.out
	return nil
}

func (c *converter) operator(i int, op *model.Operator) error {
	if n, ok := c.layers[i]; ok {
		switch l := c.list[n]; c.plan.Formats[n] {
		case Float16:
			if !c.fitsHalf(l) {
				return c.floatOperator(op)
			}
			return c.behindDequantize(l, op, c.halfWeights(l))
		case Weights8:
			if l.table() {
				return c.integerTable(n, l, op)
			}
			if bias, ok := c.plan.Biases[n]; ok && l.Bias >= 0 {
				op.Inputs = slices.Clone(op.Inputs)
				op.Inputs[2] = c.AddConstant(c.typed(l.Bias, model.TypeFloat32, nil), graph.Float32Bytes(bias))
			}
			return c.behindDequantize(l, op, c.byteWeights(l, c.weights(n, l)))
		case Static8:
			if l.table() {
				return c.integerTable(n, l, op)
			}
			return c.integerLayer(n, l, op)
		}
		return c.floatOperator(op)
	}
	if c.followsInIntegers(i, op) {
		return c.integerOperator(op)
	}
	return c.floatOperator(op)
}

// floatOperator writes an operator as it is; its inputs must be there as floats.
func (c *converter) floatOperator(op *model.Operator) error {
	for _, t := range op.Inputs {
		if err := c.needReal(t); err != nil {
			return err
		}
	}
	for _, t := range op.Outputs {
		c.real[t] = true
	}
	c.out = append(c.out, *op)
	return nil
}

// needReal makes a tensor's floats of its integers if there are only those.
func (c *converter) needReal(t int32) error {
	q, ok := c.integer[t]
	if t < 0 || c.real[t] || !ok {
		return nil // optional, there, constant, or of another type
	}
	c.out = append(c.out, c.dequantize(q, t, 2))
	c.real[t] = true
	return nil
}

func (c *converter) dequantize(from, to int32, version int32) model.Operator {
	return model.Operator{
		Opcode: c.Code(model.OpDequantize, version), Options: model.NewOptions("DequantizeOptions", nil),
		Inputs: []int32{from}, Outputs: []int32{to},
	}
}

// needInteger makes a tensor's integers of its floats if there are only those.
func (c *converter) needInteger(t int32) (int32, error) {
	if q, ok := c.integer[t]; ok {
		return q, nil
	}
	x := &c.Graph.Tensors[t]
	if graph.IsConstant(c.Model, x) {
		return c.integerConstant(t)
	}
	q, err := c.newInteger(t)
	if err != nil {
		return 0, err
	}
	c.out = append(c.out, c.quantize(t, q))
	return q, nil
}

func (c *converter) quantize(from, to int32) model.Operator {
	return model.Operator{
		Opcode: c.Code(model.OpQuantize, 1), Options: model.NewOptions("QuantizeOptions", nil),
		Inputs: []int32{from}, Outputs: []int32{to},
	}
}

// newInteger adds the int8 tensor of an activation.
func (c *converter) newInteger(t int32) (int32, error) {
	r, ok := c.alike.ranges[c.alike.root(t)]
	if !ok {
		return 0, fmt.Errorf("no range of tensor %q: calibration has not seen it", c.Graph.Tensors[t].Name)
	}
	q := c.AddTensor(c.typed(t, model.TypeInt8, r.quantization()))
	c.integer[t] = q
	return q, nil
}

// typed is a tensor like another, with another type.
func (c *converter) typed(t int32, kind model.TensorType, q *model.Quantization) model.Tensor {
	x := c.Graph.Tensors[t]
	return model.Tensor{Name: x.Name, Type: kind, Shape: x.Shape, ShapeSignature: x.ShapeSignature, HasRank: x.HasRank, Quantization: q}
}

// quantization returns the scale and zero point with which int8 spans the range.
func (r Range) quantization() *model.Quantization {
	scale := float32((r.Max - r.Min) / (levels - 1))
	if scale < minScale {
		scale = minScale
	}
	zero := min(max(int64(-128-roundInt(r.Min/float64(scale))), -128), 127)
	return &model.Quantization{Scale: []float32{scale}, ZeroPoint: []int64{zero}}
}

// minScale keeps steps, and with them the products of steps, from vanishing.
const minScale = 1e-6

// behindDequantize lets a float layer read its weights from a smaller constant that
// DEQUANTIZE widens.
func (c *converter) behindDequantize(l Layer, op *model.Operator, small int32) error {
	wide := c.AddTensor(c.typed(l.Weights, model.TypeFloat32, nil))
	version := int32(3) // the first for float16
	if c.Graph.Tensors[small].Type == model.TypeInt8 {
		version = 5 // the first for a scale of each channel
	}
	c.out = append(c.out, c.dequantize(small, wide, version))
	op.Inputs = slices.Clone(op.Inputs)
	op.Inputs[l.at()] = wide
	return c.floatOperator(op)
}

// fitsHalf reports whether no weight would become infinite in half precision.
func (c *converter) fitsHalf(l Layer) bool {
	w, _ := floatsOf(c.Model, l.Weights) // Layers has only those that can be read
	return !slices.ContainsFunc(w, func(v float32) bool { return max(v, -v) > half.Max })
}

// halfWeights adds a constant of a layer's weights in half precision.
func (c *converter) halfWeights(l Layer) int32 {
	w, _ := floatsOf(c.Model, l.Weights) // Layers has only those that can be read
	return c.AddConstant(c.typed(l.Weights, model.TypeFloat16, nil), graph.Float16Bytes(w))
}

// byteWeights adds the constant of a layer's quantized weights.
func (c *converter) byteWeights(l Layer, q Weights) int32 {
	scale := &model.Quantization{Scale: q.steps(), ZeroPoint: make([]int64, len(q.Scales)), Dimension: int32(l.axis)}
	return c.AddConstant(c.typed(l.Weights, model.TypeInt8, scale), graph.Int8Bytes(q.Values))
}

// weights returns the plan's for the layer, else the nearest.
func (c *converter) weights(n int, l Layer) Weights {
	if q, ok := c.plan.Weights[n]; ok {
		return q
	}
	if q, ok := c.nearest[n]; ok {
		return q
	}
	w, _ := floatsOf(c.Model, l.Weights) // Layers has only those that can be read
	c.nearest[n] = nearest(l, w)
	return c.nearest[n]
}

// integerTable looks rows up as int8. What is looked up has the table's scale.
func (c *converter) integerTable(n int, l Layer, op *model.Operator) error {
	if err := c.needReal(l.Input); err != nil {
		return err
	}
	table := c.byteWeights(l, c.weights(n, l))
	rows := c.AddTensor(c.typed(l.Output, model.TypeInt8, c.Graph.Tensors[table].Quantization))
	op.Opcode = c.Code(model.OpGather, max(2, c.Model.OperatorCodes[op.Opcode].Version))
	op.Inputs, op.Outputs = []int32{table, l.Input}, []int32{rows}
	c.out = append(c.out, *op, c.dequantize(rows, l.Output, 2))
	c.real[l.Output] = true
	return nil
}

// floatsOf returns the values of a constant of the first subgraph.
func floatsOf(m *model.Model, t int32) ([]float32, error) {
	return graph.Floats(m, &m.Subgraphs[0].Tensors[t])
}
