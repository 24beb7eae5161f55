package graph

import (
	"slices"
	"strings"
	"testing"

	"atoll/model"
)

// count returns how often an operator occurs.
func count(m *model.Model, code model.BuiltinOperator) (n int) {
	for i := range m.Subgraphs {
		e := Edit(m, i)
		for o := range e.Graph.Operators {
			if e.Builtin(&e.Graph.Operators[o]) == code {
				n++
			}
		}
	}
	return n
}

func TestFoldFiles(t *testing.T) {
	for _, test := range []struct {
		name   string
		folded int
	}{
		{"face_short_range", 74}, {"face_full_range", 178}, {"face_full_range_sparse", 182 + 46}, {"silero_vad_f16", 14},
		{"silero_vad_f32", 0}, {"text_classification", 0},
	} {
		m := readModel(t, test.name)
		before := model.Inspect(m, 0)
		n, err := FoldConstants(m)
		if err != nil || n != test.folded {
			t.Errorf("%s: %d folded, error %v; want %d", test.name, n, err, test.folded)
		}
		Clean(m)
		m = reread(t, m)
		after := model.Inspect(m, 0)
		if got := count(m, model.OpDequantize) + count(m, model.OpDensify); got != 0 {
			t.Errorf("%s: %d operators are left", test.name, got)
		}
		// The weights are the same numbers: as many, and as many zeros.
		if after.Parameters != before.Parameters || after.Sparsity != before.Sparsity || after.MACs != before.MACs || after.Precision != "float32" {
			t.Errorf("%s: %d %s parameters, %v zero, %d MACs; want %d, %v, %d", test.name,
				after.Parameters, after.Precision, after.Sparsity, after.MACs, before.Parameters, before.Sparsity, before.MACs)
		}
	}
}

// foldModel is relu(dequantize(densify(constant))).
func foldModel() (*model.Model, Editor) {
	m, e := newModel()
	sparse := &model.Sparsity{TraversalOrder: []int32{0}, Dimensions: []model.DimensionMetadata{compressedLevel([]int32{0, 2}, []int32{1, 3})}}
	q := &model.Quantization{Scale: []float32{0.5}, ZeroPoint: []int64{0}}
	c := e.AddConstant(model.Tensor{Name: "c", Type: model.TypeInt8, Shape: []int32{4}, Sparsity: sparse, Quantization: q}, []byte{2, 255})
	d := e.AddTensor(model.Tensor{Name: "d", Type: model.TypeInt8, Shape: []int32{4}, Quantization: q})
	f := e.AddTensor(model.Tensor{Name: "f", Shape: []int32{4}})
	y := e.AddTensor(model.Tensor{Name: "y", Shape: []int32{4}})
	e.op(model.OpDensify, []int32{c}, d)
	e.op(model.OpDequantize, []int32{d}, f)
	e.op(model.OpRelu, []int32{f}, y)
	e.Graph.Outputs = []int32{y}
	return m, e
}

func TestFoldChain(t *testing.T) {
	m, e := foldModel()
	n, err := FoldConstants(m)
	if err != nil || n != 2 || len(e.Graph.Operators) != 1 {
		t.Fatalf("%d folded, error %v, %d operators left; want 2 and 1", n, err, len(e.Graph.Operators))
	}
	if got, want := m.Buffers[e.Graph.Tensors[1].Buffer], []byte{0, 2, 0, 255}; !slices.Equal(got, want) {
		t.Errorf("DENSIFY became %v, want %v of the same type", got, want)
	}
	got, err := Floats(m, &e.Graph.Tensors[2])
	if want := []float32{0, 1, 0, -0.5}; err != nil || !slices.Equal(got, want) {
		t.Errorf("DEQUANTIZE became %v, error %v; want %v", got, err, want)
	}
	if n, err := FoldConstants(m); n != 0 || err != nil {
		t.Errorf("the second time %d folded, error %v", n, err)
	}
}

// TestFoldKeeps: what can't be folded safely stays.
func TestFoldKeeps(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(m *model.Model, e Editor)
		want   int // folded
	}{
		{"constant is an input", func(_ *model.Model, e Editor) { e.Graph.Inputs = []int32{0} }, 0},
		{"constant is written", func(_ *model.Model, e Editor) { e.op(model.OpAdd, []int32{3, 3}, 0) }, 0},
		{"constant is a variable", func(_ *model.Model, e Editor) { e.Graph.Tensors[0].IsVariable = true }, 0},
		{"result is an input", func(_ *model.Model, e Editor) { e.Graph.Inputs = []int32{2} }, 1},
		{"result is an output", func(_ *model.Model, e Editor) { e.Graph.Outputs = []int32{2} }, 1},
		{"result is a variable", func(_ *model.Model, e Editor) { e.Graph.Tensors[2].IsVariable = true }, 1},
		{"result is a constant", func(_ *model.Model, e Editor) { e.SetConstant(2, make([]byte, 16)) }, 1},
		{"result is written twice", func(_ *model.Model, e Editor) { e.op(model.OpAdd, []int32{3, 3}, 2) }, 1},
		{"result is read before", func(_ *model.Model, e Editor) {
			e.InsertOperator(0, model.Operator{Opcode: e.Code(model.OpRelu, 1), Inputs: []int32{2}, Outputs: []int32{3}})
		}, 1},
		{"result of another type", func(_ *model.Model, e Editor) { e.Graph.Tensors[2].Type = model.TypeFloat16 }, 1},
		{"result of another shape", func(_ *model.Model, e Editor) { e.Graph.Tensors[1].Shape[0] = 3 }, 0},
		{"two inputs", func(_ *model.Model, e Editor) { e.Graph.Operators[0].Inputs = []int32{0, 0} }, 0},
		{"no input", func(_ *model.Model, e Editor) { e.Graph.Operators[0].Inputs = []int32{-1} }, 0},
		{"no output", func(_ *model.Model, e Editor) { e.Graph.Operators[1].Outputs = nil }, 1},
		{"dense already", func(m *model.Model, e Editor) { e.Graph.Tensors[0].Sparsity = nil; m.Buffers[1] = make([]byte, 4) }, 0},
		{"type", func(m *model.Model, e Editor) {
			e.Graph.Tensors[0].Type, e.Graph.Tensors[1].Type = model.TypeInt4, model.TypeInt4
		}, 0},
		{"another operator", func(m *model.Model, e Editor) { m.OperatorCodes[0].Builtin = model.OpCustom }, 0},
	} {
		m, e := foldModel()
		test.change(m, e)
		operators := len(e.Graph.Operators)
		if n, err := FoldConstants(m); err != nil || n != test.want || len(e.Graph.Operators) != operators-n {
			t.Errorf("%s: %d folded, %d operators of %d left, error %v; want %d", test.name, n, len(e.Graph.Operators), operators, err, test.want)
		}
	}
}

func TestFoldRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(m *model.Model, e Editor)
		want   string
	}{
		{"index", func(_ *model.Model, e Editor) {
			e.Graph.Tensors[0].Sparsity.Dimensions[0].Indices.Values[1] = 4
		}, `operator 0, DENSIFY: constant "c": sparse level 0: index 4`},
		{"no scales", func(_ *model.Model, e Editor) { e.Graph.Tensors[1].Quantization = nil }, `operator 1, DEQUANTIZE: constant "d": a tensor of type int8 has no scales`},
		{"shape", func(_ *model.Model, e Editor) { e.Graph.Tensors[0].Shape[0], e.Graph.Tensors[1].Shape[0] = -1, -1 }, "negative dimension"},
		{"size", func(_ *model.Model, e Editor) {
			e.Graph.Tensors[0].Shape[0], e.Graph.Tensors[1].Shape[0] = maxDense+1, maxDense+1
		}, "more than 33554432 elements"},
	} {
		m, e := foldModel()
		test.change(m, e)
		if _, err := FoldConstants(m); err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "subgraph 0: ") {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

// TestFoldBound: many sparse constants together are bounded like one. Two of them
// share their few bytes.
func TestFoldBound(t *testing.T) {
	m, e := newModel()
	s := &model.Sparsity{TraversalOrder: []int32{0}, Dimensions: []model.DimensionMetadata{compressedLevel([]int32{0, 1}, []int32{7})}}
	shape := []int32{maxDense/2 + 1}
	c := e.AddConstant(model.Tensor{Type: model.TypeInt8, Shape: shape, Sparsity: s}, []byte{1})
	for range 2 {
		e.op(model.OpDensify, []int32{c}, e.AddTensor(model.Tensor{Type: model.TypeInt8, Shape: shape}))
	}
	if n, err := FoldConstants(m); n != 1 || err == nil || !strings.Contains(err.Error(), "operator 1") {
		t.Errorf("%d folded, error %v; want 1 and an error at the second", n, err)
	}
}
