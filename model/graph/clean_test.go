package graph

import (
	"reflect"
	"slices"
	"testing"

	"atoll/model"
)

// messy has dead parts of every kind before and between live ones.
func messy() *model.Model {
	m := &model.Model{
		Version: 3,
		OperatorCodes: []model.OperatorCode{
			{Builtin: model.OpTanh}, {Builtin: model.OpRelu}, {Builtin: model.OpCustom, Custom: "Log"}, {Builtin: model.OpAdd},
		},
		Buffers:         [][]byte{nil, make([]byte, 4), nil, []byte("note"), {1, 0, 0, 0}, {}, {2}},
		Metadata:        []model.Metadata{{Name: "note", Buffer: 3}},
		MetadataBuffers: []int32{6, 99, -4},
		Subgraphs:       make([]model.Subgraph, 2),
	}
	scalar := []int32{}
	g := &m.Subgraphs[0]
	g.Tensors = []model.Tensor{
		{Name: "dead constant", Shape: scalar, Buffer: 1},
		{Name: "in", Shape: scalar, Buffer: 2},
		{Name: "dead result", Shape: scalar},
		{Name: "live constant", Shape: scalar, Buffer: 4},
		{Name: "out", Shape: scalar},
		{Name: "scratch", Shape: scalar},
		{Name: "state", Shape: scalar, IsVariable: true},
		{Name: "logged", Shape: scalar},
		{Name: "named", Shape: scalar},
		{Name: "nothing", Shape: []int32{0}, Buffer: 5},
		{Name: "unused input", Shape: scalar},
	}
	g.Inputs, g.Outputs = []int32{1, 10}, []int32{4, 9}
	g.Operators = []model.Operator{
		{Opcode: 0, Inputs: []int32{0}, Outputs: []int32{2}},
		{Opcode: 0, Inputs: []int32{2}, Outputs: []int32{2}},
		{Opcode: 3, Inputs: []int32{1, 3, -1}, Outputs: []int32{4}, Intermediates: []int32{5, -1}},
		{Opcode: 2, Inputs: []int32{1}, Outputs: []int32{7}},
		{Opcode: 3, Inputs: []int32{1, 1}, Outputs: []int32{8}},
	}
	m.Subgraphs[1] = model.Subgraph{Name: "unused", Tensors: []model.Tensor{{Name: "t", Shape: scalar, Buffer: 4}}, Outputs: []int32{0}}
	m.SignatureDefs = []model.SignatureDef{
		{Key: "a", Inputs: []model.TensorMap{{Name: "x", Tensor: 1}}, Outputs: []model.TensorMap{{Name: "y", Tensor: 8}}},
		{Key: "b", Subgraph: 1, Outputs: []model.TensorMap{{Name: "z", Tensor: 0}}},
	}
	return m
}

func TestClean(t *testing.T) {
	m := messy()
	Clean(m)
	scalar := []int32{}
	want := &model.Model{
		Version:         3,
		OperatorCodes:   []model.OperatorCode{{Builtin: model.OpCustom, Custom: "Log"}, {Builtin: model.OpAdd}},
		Buffers:         [][]byte{nil, []byte("note"), {1, 0, 0, 0}, {}, {2}},
		Metadata:        []model.Metadata{{Name: "note", Buffer: 1}},
		MetadataBuffers: []int32{4},
		Subgraphs: []model.Subgraph{
			{
				Tensors: []model.Tensor{
					{Name: "in", Shape: scalar},
					{Name: "live constant", Shape: scalar, Buffer: 2},
					{Name: "out", Shape: scalar},
					{Name: "scratch", Shape: scalar},
					{Name: "state", Shape: scalar, IsVariable: true},
					{Name: "logged", Shape: scalar},
					{Name: "named", Shape: scalar},
					{Name: "nothing", Shape: []int32{0}, Buffer: 3},
					{Name: "unused input", Shape: scalar},
				},
				Inputs: []int32{0, 8}, Outputs: []int32{2, 7},
				Operators: []model.Operator{
					{Opcode: 1, Inputs: []int32{0, 1, -1}, Outputs: []int32{2}, Intermediates: []int32{3, -1}},
					{Opcode: 0, Inputs: []int32{0}, Outputs: []int32{5}},
					{Opcode: 1, Inputs: []int32{0, 0}, Outputs: []int32{6}},
				},
			},
			{Name: "unused", Tensors: []model.Tensor{{Name: "t", Shape: scalar, Buffer: 2}}, Outputs: []int32{0}},
		},
		SignatureDefs: []model.SignatureDef{
			{Key: "a", Inputs: []model.TensorMap{{Name: "x", Tensor: 0}}, Outputs: []model.TensorMap{{Name: "y", Tensor: 6}}},
			{Key: "b", Subgraph: 1, Outputs: []model.TensorMap{{Name: "z", Tensor: 0}}},
		},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
	Clean(m)
	if !reflect.DeepEqual(m, want) {
		t.Errorf("the second time it became %+v", m)
	}
}

// TestCleanFiles: nothing in the files of others is dead but buffers without data.
func TestCleanFiles(t *testing.T) {
	for _, name := range realModels {
		m := readModel(t, name)
		before, tensors := model.Inspect(m, 0), len(m.Subgraphs[0].Tensors)
		Clean(m)
		after := model.Inspect(reread(t, m), 0)
		if !reflect.DeepEqual(after, before) || len(m.Subgraphs[0].Tensors) != tensors {
			t.Errorf("%s: became\n%+v\nwant\n%+v", name, after, before)
		}
		for i, b := range m.Buffers[1:] {
			if b == nil {
				t.Errorf("%s: buffer %d has no data", name, i+1)
			}
		}
	}
}

// TestCleanKeepsEffects: an operator whose result nobody reads is only dead if it
// does nothing else.
func TestCleanKeepsEffects(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(e Editor, op *model.Operator)
		want   bool
	}{
		{"RELU", func(Editor, *model.Operator) {}, false},
		{"MUL", func(e Editor, op *model.Operator) { op.Opcode = e.Code(model.OpMul, 1) }, false},
		{"IF", func(e Editor, op *model.Operator) { op.Opcode = e.Code(model.OpIf, 1) }, true},
		{"WHILE", func(e Editor, op *model.Operator) { op.Opcode = e.Code(model.OpWhile, 1) }, true},
		{"CALL", func(e Editor, op *model.Operator) { op.Opcode = e.Code(model.OpCall, 1) }, true},
		{"CALL_ONCE", func(e Editor, op *model.Operator) { op.Opcode = e.Code(model.OpCallOnce, 1) }, true},
		{"ASSIGN_VARIABLE", func(e Editor, op *model.Operator) { op.Opcode = e.Code(model.OpAssignVariable, 1) }, true},
		{"CUSTOM", func(e Editor, op *model.Operator) { op.Opcode = e.Code(model.OpCustom, 1) }, true},
		{"STABLEHLO_WHILE", func(e Editor, op *model.Operator) { op.Opcode = e.Code(198, 1) }, true},
		{"unknown", func(e Editor, op *model.Operator) { op.Opcode = e.Code(999, 1) }, true},
		{"no result", func(e Editor, op *model.Operator) { op.Outputs = nil }, true},
		{"mutates", func(e Editor, op *model.Operator) { op.MutatingInputs = []bool{true} }, true},
		{"mutates nothing", func(e Editor, op *model.Operator) { op.MutatingInputs = []bool{false} }, false},
		{"reads a variable", func(e Editor, op *model.Operator) { e.Graph.Tensors[0].IsVariable = true }, true},
		{"writes a variable", func(e Editor, op *model.Operator) { e.Graph.Tensors[1].IsVariable = true }, true},
	} {
		m, e := newModel()
		e.AddTensor(model.Tensor{Shape: []int32{}})
		e.AddTensor(model.Tensor{Shape: []int32{}})
		e.op(model.OpRelu, []int32{0}, 1)
		test.change(e, &e.Graph.Operators[0])
		Clean(m)
		if got := len(e.Graph.Operators) == 1; got != test.want || got != (len(m.OperatorCodes) == 1) {
			t.Errorf("%s: kept %v, %d codes; want %v", test.name, got, len(m.OperatorCodes), test.want)
		}
	}
}

// TestCleanSharedLists: operators may share a list of tensors.
func TestCleanSharedLists(t *testing.T) {
	m, e := newModel()
	for range 4 {
		e.AddTensor(model.Tensor{Shape: []int32{}})
	}
	shared := []int32{2}
	e.op(model.OpRelu, shared, 3)
	e.op(model.OpTanh, shared, 1)
	e.Graph.Inputs, e.Graph.Outputs = shared, []int32{3, 1}
	Clean(m)
	for i, op := range e.Graph.Operators {
		if want := []int32{1}; !slices.Equal(op.Inputs, want) {
			t.Errorf("operator %d reads %v, want %v", i, op.Inputs, want)
		}
	}
	if shared[0] != 2 {
		t.Error("the shared list was written")
	}
}

func TestShareBuffers(t *testing.T) {
	m := messy()
	m.Buffers = append(m.Buffers, []byte{1, 0, 0, 0}, []byte("note"), []byte{2})
	m.Subgraphs[1].Tensors[0].Buffer = 7
	m.Subgraphs[0].Tensors[0].Buffer = 8
	m.Subgraphs[0].Tensors[2].Buffer = 9
	if got, want := ShareBuffers(m), int64(4); got != want {
		t.Errorf("saved %d bytes, want %d: metadata is not shared", got, want)
	}
	if got := []uint32{m.Subgraphs[1].Tensors[0].Buffer, m.Subgraphs[0].Tensors[3].Buffer, m.Subgraphs[0].Tensors[0].Buffer, m.Subgraphs[0].Tensors[2].Buffer}; !slices.Equal(got, []uint32{4, 4, 8, 9}) {
		t.Errorf("buffers %v", got)
	}
	if m.Buffers[7] != nil {
		t.Error("the second buffer still has its data")
	}
	if got := ShareBuffers(m); got != 0 {
		t.Errorf("the second time saved %d bytes", got)
	}
}
