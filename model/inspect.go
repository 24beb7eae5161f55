package model

import "math"

// Report is what inspection finds in a model. As JSON it is
//
//	{
//	  "bytes": 229032,                     file size
//	  "description": "…",
//	  "precision": "float16 weights",      see Report.Precision
//	  "parameters": 135408,                elements of the weights, zeros included
//	  "sparsity": 0.02,                    share of the parameters that are zero
//	  "macs": 31000000,                    multiply-accumulates of one inference
//	  "constant_bytes": {"float16": 1},    stored bytes of the weights by type
//	  "reducible": {                       what could go, results unchanged
//	    "foldable": [{"name", "count"}],   operators that make constants of constants
//	    "dead_operators": 0, "dead_tensors": 0,
//	    "dead_buffers": 2, "dead_bytes": 0,
//	    "equal_buffers": 1, "equal_bytes": 1024
//	  },
//	  "inputs": [{"name", "type", "shape"}],
//	  "outputs": [{"name", "type", "shape"}],
//	  "ops": [{"name", "count"}],          by falling count, then by name
//	  "nodes": [{"op", "inputs", "outputs", "macs"}],
//	  "tensors": [{"name", "type", "shape", "bytes", "constant", "zeros",
//	    "quantization": {"scales": [0.5], "zero_points": [0], "dimension": 0},
//	    "sparsity": {"traversal_order": [0, 1], "block_map": [],
//	      "levels": [{"format": "dense", "size": 8}, {"format": "csr", "indices": 12, "index_bytes": 1}]}}]
//	}
//
// Nodes are in the order of execution and refer to tensors by their position in
// "tensors", with -1 for an optional input that is left out. In models with several
// subgraphs, nodes and tensors of all but the first carry "subgraph", and positions
// count within the subgraph. Tensors have "quantization" and "sparsity" only if they
// are quantized or stored sparse; a scale that is no finite number is null.
type Report struct {
	Bytes       int64  `json:"bytes"`
	Description string `json:"description"`
	// Precision is "float32", "float16 weights", or the type of the weights, with
	// " dynamic" after it if the operators that use them work on floats. If no type
	// has nine tenths of the bytes it is "mixed".
	Precision string `json:"precision"`
	// Parameters counts weights: constants of float type, of integers up to 16
	// bits, and quantized biases. Shapes, axes and indices are none.
	Parameters int64   `json:"parameters"`
	Sparsity   float64 `json:"sparsity"`
	// MACs counts convolutions and fully connected layers, nearly all of the work
	// of the networks this is for.
	MACs          int64            `json:"macs"`
	ConstantBytes map[string]int64 `json:"constant_bytes"`
	Reducible     Reduction        `json:"reducible"` // by package graph
	Inputs        []TensorSpec     `json:"inputs"`
	Outputs       []TensorSpec     `json:"outputs"`
	Ops           []OpCount        `json:"ops"`
	Nodes         []NodeReport     `json:"nodes"`
	Tensors       []TensorReport   `json:"tensors"`
}

// OpCount is how often an operator occurs.
type OpCount struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// NodeReport is one operator of a graph.
type NodeReport struct {
	Subgraph int     `json:"subgraph,omitempty"`
	Op       string  `json:"op"`
	Inputs   []int32 `json:"inputs"`
	Outputs  []int32 `json:"outputs"`
	MACs     int64   `json:"macs,omitempty"`
}

// TensorReport is one tensor of a graph.
type TensorReport struct {
	Subgraph int `json:"subgraph,omitempty"`
	TensorSpec
	// Bytes is what the file stores of a constant, else what the tensor takes at
	// run time.
	Bytes        int64               `json:"bytes"`
	Constant     bool                `json:"constant"`
	Zeros        float64             `json:"zeros,omitempty"` // share of zero elements of a constant
	Quantization *QuantizationReport `json:"quantization,omitempty"`
	Sparsity     *SparsityReport     `json:"sparsity,omitempty"` // how it is stored without its zeros
}

// Inspect reports on a model that was read from a file of that many bytes. Its work
// is bounded by the size of the model. What is reducible is left for package graph to
// tell, whose Inspect does.
func Inspect(m *Model, size int64) Report {
	i := &inspector{m: m, zeros: make(map[uint32]int64), counts: make(map[string]int)}
	i.r = Report{Bytes: size, Description: m.Description, ConstantBytes: make(map[string]int64),
		Reducible: Reduction{Foldable: []OpCount{}}, Nodes: []NodeReport{}, Tensors: []TensorReport{}} // JSON has [] where there are none
	for n := range m.Subgraphs {
		i.subgraph(n)
	}
	main := &m.Subgraphs[0]
	i.r.Inputs, i.r.Outputs = specs(main, main.Inputs), specs(main, main.Outputs)
	i.r.Ops = CountOps(i.counts)
	if i.r.Parameters > 0 {
		i.r.Sparsity = float64(i.zeroParameters) / float64(i.r.Parameters)
	}
	i.r.Precision = i.precision()
	return i.r
}

// inspector collects a report.
type inspector struct {
	m              *Model
	r              Report
	zeros          map[uint32]int64 // zero elements by buffer: each is counted once
	counts         map[string]int   // of operators by name
	zeroParameters int64
	dynamicBytes   int64 // integer weights used by operators on floats
	staticBytes    int64 // integer weights used by operators on integers
}

func specs(g *Subgraph, indices []int32) []TensorSpec {
	list := make([]TensorSpec, len(indices))
	for i, index := range indices {
		list[i] = g.Tensors[index].spec()
	}
	return list
}

// spec returns name, type and shape; the shape of an unranked tensor is empty.
func (t *Tensor) spec() TensorSpec {
	return TensorSpec{Name: t.Name, Type: t.Type, Shape: orEmpty(t.Shape)}
}

func orEmpty(list []int32) []int32 {
	if list == nil {
		return []int32{}
	}
	return list
}

func (i *inspector) subgraph(n int) {
	g := &i.m.Subgraphs[n]
	for t := range g.Tensors {
		report := i.tensor(&g.Tensors[t])
		report.Subgraph = n
		i.r.Tensors = append(i.r.Tensors, report)
	}
	for o := range g.Operators {
		op := &g.Operators[o]
		code := i.m.OperatorCodes[op.Opcode]
		node := NodeReport{Subgraph: n, Op: code.Name(), Inputs: orEmpty(op.Inputs), Outputs: orEmpty(op.Outputs), MACs: macs(g, op, code.Builtin)}
		i.r.Nodes = append(i.r.Nodes, node)
		i.r.MACs = addCapped(i.r.MACs, node.MACs)
		i.counts[node.Op]++
		i.activations(g, op)
	}
}

func (i *inspector) tensor(t *Tensor) TensorReport {
	data := i.m.Buffers[t.Buffer]
	report := TensorReport{TensorSpec: t.spec(), Bytes: t.Bytes(), Constant: len(data) > 0,
		Quantization: t.Quantization.report(), Sparsity: t.Sparsity.report()}
	if !report.Constant {
		return report
	}
	report.Bytes = int64(len(data))
	elements, _ := Elements(t.Shape) // Check has seen it
	if t.Type.bits() == 0 || elements == 0 {
		return report
	}
	zeros, seen := i.zeros[t.Buffer]
	if !seen {
		zeros = t.countZeros(data, elements)
		i.zeros[t.Buffer] = zeros
		if t.isWeight() {
			i.r.Parameters += elements
			i.zeroParameters += zeros
			i.r.ConstantBytes[t.Type.String()] += report.Bytes
		}
	}
	report.Zeros = float64(min(zeros, elements)) / float64(elements)
	return report
}

// isWeight tells weights from shapes, axes and indices.
func (t *Tensor) isWeight() bool {
	switch t.Type {
	case TypeFloat16, TypeFloat32, TypeFloat64, TypeInt4, TypeInt8, TypeUint8, TypeInt16:
		return true
	case TypeInt32, TypeInt64:
		return t.Quantization != nil && len(t.Quantization.Scale) > 0
	}
	return false
}

// macs returns the multiply-accumulates of a layer: for each element of the result
// as many as the kernel has for one output channel.
func macs(g *Subgraph, op *Operator, code BuiltinOperator) int64 {
	if len(op.Inputs) < 2 || len(op.Outputs) < 1 || op.Inputs[0] < 0 || op.Inputs[1] < 0 {
		return 0
	}
	kernel, out := g.Tensors[op.Inputs[1]].Shape, g.Tensors[op.Outputs[0]].Shape
	switch {
	case code == OpConv2D && len(kernel) == 4:
		return product(out, kernel[1:])
	case code == OpDepthwiseConv2D && len(kernel) == 4:
		return product(out, kernel[1:3])
	case code == OpFullyConnected && len(kernel) == 2:
		return product(out, kernel[1:])
	case code == OpTransposeConv && len(kernel) == 4 && len(op.Inputs) > 2 && op.Inputs[2] >= 0:
		return product(g.Tensors[op.Inputs[2]].Shape, kernel[:3])
	}
	return 0
}

// product multiplies the dimensions of two shapes. Each has at most maxElements
// elements, so it fits.
func product(a, b []int32) int64 {
	x, _ := Elements(a)
	y, _ := Elements(b)
	return x * y
}

// addCapped adds numbers that are not negative and stops at the largest.
func addCapped(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
