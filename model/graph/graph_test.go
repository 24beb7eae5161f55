package graph

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"atoll/model"
)

// realModels are what "make models" leaves.
var realModels = []string{
	"face_short_range", "face_full_range", "face_full_range_sparse", "silero_vad_f32", "silero_vad_f16", "text_classification",
}

func readModel(t testing.TB, name string) *model.Model {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "models", name+".tflite"))
	if err != nil {
		t.Fatalf("%v: run \"make models\" first", err)
	}
	m, err := model.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// newModel is a model with one empty subgraph.
func newModel() (*model.Model, Editor) {
	m := &model.Model{Version: 3, Buffers: [][]byte{nil}, Subgraphs: make([]model.Subgraph, 1)}
	return m, Edit(m, 0)
}

// reread writes the model and reads it again.
func reread(t testing.TB, m *model.Model) *model.Model {
	t.Helper()
	data, err := m.Write()
	if err != nil {
		t.Fatal(err)
	}
	again, err := model.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// op adds an operator of a first version at the end.
func (e Editor) op(code model.BuiltinOperator, inputs []int32, outputs ...int32) {
	e.InsertOperator(len(e.Graph.Operators), model.Operator{Opcode: e.Code(code, 1), Inputs: inputs, Outputs: outputs})
}

func TestLink(t *testing.T) {
	_, e := newModel()
	for range 4 {
		e.AddTensor(model.Tensor{Shape: []int32{1}})
	}
	e.op(model.OpMul, []int32{0, 0, -1}, 1)
	e.op(model.OpAdd, []int32{0, 1}, 2)
	e.Graph.Operators[1].Intermediates = []int32{3, -1}
	got := Link(e.Graph)
	want := Links{Producer: []int32{-1, 0, 1, -1}, Consumers: [][]int32{{0, 1}, {1}, nil, {1}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Link = %v, want %v", got, want)
	}
}

func TestEditor(t *testing.T) {
	m, e := newModel()
	x := e.AddTensor(model.Tensor{Name: "x", Shape: []int32{1}})
	shared := []int32{x}
	e.op(model.OpRelu, shared, e.AddTensor(model.Tensor{Name: "y", Shape: []int32{1}}))
	e.op(model.OpTanh, shared, e.AddTensor(model.Tensor{Name: "z", Shape: []int32{1}}))
	e.Graph.Outputs = []int32{2, x}
	c := e.AddConstant(model.Tensor{Name: "c", Shape: []int32{1}}, Float32Bytes([]float32{2}))
	e.Redirect(x, c)
	if got := e.Graph.Operators; got[0].Inputs[0] != c || got[1].Inputs[0] != c || shared[0] != x {
		t.Errorf("after Redirect operators read %v and %v, the shared list is %v", got[0].Inputs, got[1].Inputs, shared)
	}
	if got, want := e.Graph.Outputs, []int32{2, c}; !slices.Equal(got, want) {
		t.Errorf("outputs %v, want %v", got, want)
	}
	codes := []uint32{e.Code(model.OpTanh, 1), e.Code(model.OpTanh, 2), e.Code(model.OpTanh, 2)}
	if want := []uint32{1, 2, 2}; !slices.Equal(codes, want) {
		t.Errorf("codes %v, want %v", codes, want)
	}
	e.InsertOperator(0, model.Operator{Opcode: 2, Inputs: []int32{c}, Outputs: []int32{x}})
	if got := e.Builtin(&e.Graph.Operators[0]); got != model.OpTanh || len(e.Graph.Operators) != 3 {
		t.Errorf("first of %d operators is %v, want TANH of 3", len(e.Graph.Operators), got)
	}
	old := m.Buffers[1]
	e.SetConstant(c, Float32Bytes([]float32{3}))
	if got, err := Floats(m, &e.Graph.Tensors[c]); err != nil || got[0] != 3 || &m.Buffers[1][0] != &old[0] {
		t.Errorf("constant %v, error %v; want 3 in a new buffer", got, err)
	}
}

// TestEditorFirstBuffer: a model without buffers gets the empty first one.
func TestEditorFirstBuffer(t *testing.T) {
	m := &model.Model{Version: 3, Subgraphs: make([]model.Subgraph, 1)}
	e := Edit(m, 0)
	c := e.AddConstant(model.Tensor{Shape: []int32{1}}, Float32Bytes([]float32{1}))
	if got := e.Graph.Tensors[c].Buffer; got != 1 || len(m.Buffers[0]) != 0 || !IsConstant(m, &e.Graph.Tensors[c]) {
		t.Errorf("buffer %d of %d", got, len(m.Buffers))
	}
}
