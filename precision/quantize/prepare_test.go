package quantize

import (
	"errors"
	"math"
	"strings"
	"testing"

	"atoll/model"
	"atoll/model/graph"
)

// chain is a graph of one convolution, to be changed.
func chain() (net, int32) {
	n := newNet()
	x := n.input("x", 1, 2, 2, 2)
	return n, n.conv("y", x, 1, 2, 2, 0)
}

func TestPrepareRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(n net, y int32)
		want   string
		unsafe bool
	}{
		{"control flow", func(n net, y int32) { n.op(model.OpIf, model.Options{}, []int32{y}, n.tensor("z", 1)) }, "IF, control flow", true},
		{"subgraphs", func(n net, y int32) { n.Model.Subgraphs = append(n.Model.Subgraphs, model.Subgraph{}) }, "2 subgraphs", true},
		{"custom", func(n net, y int32) {
			n.Model.OperatorCodes = append(n.Model.OperatorCodes, model.OperatorCode{Builtin: model.OpCustom, Custom: "Mystery", Version: 1})
			n.Graph.Operators = append(n.Graph.Operators, model.Operator{Opcode: 1, Inputs: []int32{y}, Outputs: []int32{y}})
		}, `custom "Mystery"`, true},
		{"state", func(n net, y int32) { n.Graph.Tensors[y].IsVariable = true }, "keeps state", true},
		{"quantized", func(n net, y int32) {
			n.op(model.OpQuantize, model.Options{}, []int32{y}, n.AddTensor(model.Tensor{Name: "z", Type: model.TypeInt8}))
		}, "quantized already (operator QUANTIZE)", true},
		{"16-bit activations", func(n net, y int32) {
			n.op(model.OpRelu, model.Options{}, []int32{y}, n.AddTensor(model.Tensor{Name: "z", Type: model.TypeInt16, Quantization: &model.Quantization{Scale: []float32{1}}}))
		}, `tensor "z" is int16`, true},
		{"written twice", func(n net, y int32) { n.op(model.OpRelu, model.Options{}, []int32{0}, y) }, "written more than once", true},
		{"one operator writes twice", func(n net, y int32) { z := n.tensor("z", 1); n.op(model.OpSplit, model.Options{}, []int32{y}, z, z) }, "written more than once", true},
		{"read before", func(n net, y int32) { n.Graph.Operators[0].Inputs[0] = y }, "read before", true},
		{"input is written", func(n net, y int32) { n.op(model.OpRelu, model.Options{}, []int32{y}, 0) }, "written more than once", true},
		{"constant is written", func(n net, y int32) { n.op(model.OpRelu, model.Options{}, []int32{y}, 3) }, "written more than once", true},
		{"NaN weight", func(n net, y int32) {
			n.SetConstant(n.Graph.Operators[0].Inputs[1], graph.Float32Bytes([]float32{1, 2, 3, float32(math.NaN())}))
		}, "not all finite", true},
		{"infinite bias", func(n net, y int32) {
			n.SetConstant(n.Graph.Operators[0].Inputs[2], graph.Float32Bytes([]float32{1, float32(math.Inf(-1))}))
		}, "not all finite", true},
	} {
		n, y := chain()
		m := n.output(y)
		test.change(n, y)
		if err := m.Check(); err != nil {
			t.Fatalf("%s: the test's model: %v", test.name, err)
		}
		m.Subgraphs[0].Outputs = append(m.Subgraphs[0].Outputs, int32(len(m.Subgraphs[0].Tensors)-1))
		err := Prepare(m)
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrUnsafe) != test.unsafe {
			t.Errorf("%s: error %v, want one with %q that is ErrUnsafe: %v", test.name, err, test.want, test.unsafe)
		}
	}
}

func TestFuseActivations(t *testing.T) {
	relu := func(n net, code model.BuiltinOperator, x int32) int32 {
		y := n.tensor("r", n.Graph.Tensors[x].Shape...)
		n.op(code, model.Options{}, []int32{x}, y)
		return y
	}
	for _, test := range []struct {
		name  string
		build func() *model.Model
		want  string
		fused int64
	}{
		{"RELU", func() *model.Model { n, y := chain(); return n.output(relu(n, model.OpRelu, y)) }, "CONV_2D", 1},
		{"RELU_N1_TO_1", func() *model.Model { n, y := chain(); return n.output(relu(n, model.OpReluN1To1, y)) }, "CONV_2D", 2},
		{"RELU6", func() *model.Model { n, y := chain(); return n.output(relu(n, model.OpRelu6, y)) }, "CONV_2D", 3},
		{"two", func() *model.Model {
			n, y := chain()
			return n.output(relu(n, model.OpRelu6, relu(n, model.OpRelu, y)))
		}, "CONV_2D RELU6", 1},
		{"read by another", func() *model.Model {
			n, y := chain()
			r := relu(n, model.OpRelu, y)
			z := n.tensor("z", 1, 2, 2, 2)
			n.op(model.OpAdd, model.NewOptions("AddOptions", nil), []int32{y, r}, z)
			return n.output(z)
		}, "CONV_2D RELU ADD", 0},
		{"is an output", func() *model.Model { n, y := chain(); return n.output(y, relu(n, model.OpRelu, y)) }, "CONV_2D RELU", 0},
		{"signature names it", func() *model.Model {
			n, y := chain()
			n.Model.SignatureDefs = []model.SignatureDef{{Outputs: []model.TensorMap{{Name: "y", Tensor: uint32(y)}}}}
			return n.output(relu(n, model.OpRelu, y))
		}, "CONV_2D RELU", 0},
		{"of the input", func() *model.Model { n := newNet(); return n.output(relu(n, model.OpRelu, n.input("x", 1, 2))) }, "RELU", 0},
		{"without input", func() *model.Model {
			n, y := chain()
			z := n.tensor("z", 1)
			n.op(model.OpRelu, model.Options{}, []int32{-1}, z)
			return n.output(y, z)
		}, "CONV_2D RELU", 0},
		{"no options to say so", func() *model.Model {
			n, y := chain()
			n.Graph.Operators[0].Options = model.Options{}
			return n.output(relu(n, model.OpRelu, y))
		}, "CONV_2D RELU", 0},
		{"other options", func() *model.Model {
			n, y := chain()
			n.Graph.Operators[0].Options = model.NewOptions("PadOptions", nil)
			return n.output(relu(n, model.OpRelu, y))
		}, "CONV_2D RELU", 0},
	} {
		m := test.build()
		if err := Prepare(m); err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if err := m.Check(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		first := &m.Subgraphs[0].Operators[0]
		if got := names(m); got != test.want || first.Options.Int("fused_activation_function") != test.fused {
			t.Errorf("%s: %s with activation %d, want %s with %d", test.name, got, first.Options.Int("fused_activation_function"), test.want, test.fused)
		}
	}
}

// TestNameLayers: layers without a name, or with that of another, get their own.
func TestNameLayers(t *testing.T) {
	n := newNet()
	x := n.input("x", 1, 2, 2, 2)
	a := n.conv("", x, 1, 2, 2, 0)
	b := n.conv("twin", a, 1, 2, 2, 0)
	c := n.conv("twin", b, 1, 2, 2, 0)
	d := n.conv("CONV_2D 0", c, 1, 2, 2, 0)
	m := n.output(d)
	if err := Prepare(m); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, l := range Layers(m) {
		if l.Name == "" || seen[l.Name] {
			t.Errorf("layer %q", l.Name)
		}
		seen[l.Name] = true
	}
	if len(seen) != 4 || !seen["CONV_2D 0"] {
		t.Errorf("layers %v", seen)
	}
}

// TestSparseWeights: those that an operator reads itself become dense.
func TestSparseWeights(t *testing.T) {
	sparse := func(indices []int32) *model.Model {
		n := newNet()
		x, y := n.input("x", 1, 4), n.tensor("y", 1, 1)
		w := n.AddConstant(model.Tensor{Name: "w", Shape: []int32{1, 4}, Sparsity: &model.Sparsity{
			TraversalOrder: []int32{0, 1},
			Dimensions: []model.DimensionMetadata{{DenseSize: 1}, {
				Compressed: true,
				Segments:   model.IndexVector{Width: 1, Values: []int32{0, 2}},
				Indices:    model.IndexVector{Width: 1, Values: indices},
			}},
		}}, graph.Float32Bytes([]float32{5, 6}))
		n.op(model.OpFullyConnected, model.NewOptions("FullyConnectedOptions", nil), []int32{x, w, -1}, y)
		return n.output(y)
	}
	m := sparse([]int32{1, 3})
	if err := Prepare(m); err != nil {
		t.Fatal(err)
	}
	l := Layers(m)[0]
	if w := &m.Subgraphs[0].Tensors[l.Weights]; w.Sparsity != nil || len(m.Buffers[w.Buffer]) != 16 {
		t.Errorf("weights are still sparse: %+v", w)
	}
	damaged := sparse([]int32{1, 9})
	if err := damaged.Check(); err != nil {
		t.Fatal(err)
	}
	if list := Layers(damaged); len(list) != 0 {
		t.Errorf("damaged weights make a layer: %v", list)
	}
}
