package model

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"atoll/internal/goldentest"
)

func TestInspectGolden(t *testing.T) {
	m := sample()
	r := Inspect(m, int64(len(mustWrite(t, m))))
	text := new(bytes.Buffer)
	if err := r.WriteText(text); err != nil {
		t.Fatal(err)
	}
	goldentest.Check(t, "inspect.txt", text.Bytes())
	out, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	goldentest.Check(t, "inspect.json", append(out, '\n'))
}

// TestInspectFiles checks facts of the real models that are known from elsewhere.
func TestInspectFiles(t *testing.T) {
	for _, test := range []struct {
		name       string
		precision  string
		parameters int64
		nodes      int
		sparsity   float64 // within 0.01
	}{
		{"face_short_range", "float16 weights", 101390, 164, 0.01},
		{"face_full_range_sparse", "float16 weights", 508308, 388, 0.637},
		{"silero_vad_f32", "float32", 309633 - 512 + 258, 30, 0.01}, // two biases became one, the transform got one
		{"silero_vad_f16", "float16 weights", 309633 - 512 + 258, 44, 0.01},
		{"text_classification", "float32", 160306, 6, 0},
	} {
		data := readModelFile(t, test.name)
		m, err := Read(data)
		if err != nil {
			t.Fatal(err)
		}
		r := Inspect(m, int64(len(data)))
		if r.Precision != test.precision || r.Parameters != test.parameters || len(r.Nodes) != test.nodes || r.Bytes != int64(len(data)) {
			t.Errorf("%s: %s, %d parameters, %d nodes, %d bytes; want %+v", test.name, r.Precision, r.Parameters, len(r.Nodes), r.Bytes, test)
		}
		if math.Abs(r.Sparsity-test.sparsity) > 0.01 {
			t.Errorf("%s: sparsity %.3f, want %.3f", test.name, r.Sparsity, test.sparsity)
		}
		text := new(bytes.Buffer)
		if err := r.WriteText(text); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > textWidth {
				t.Errorf("%s: %d columns in %q", test.name, n, line)
			}
		}
	}
}

// layer is a model with one fully connected layer whose weights are of a type.
func layer(weights TensorType, activations TensorType) *Model {
	tensor := func(name string, tt TensorType, buffer uint32, shape ...int32) Tensor {
		return Tensor{Name: name, Type: tt, Shape: shape, Buffer: buffer, Quantization: &Quantization{Scale: []float32{1}, ZeroPoint: []int64{1}}}
	}
	return &Model{
		Version:       3,
		OperatorCodes: []OperatorCode{{Builtin: OpFullyConnected, Version: 1}},
		Buffers:       [][]byte{nil, make([]byte, (40*weights.bits()+7)/8)},
		Subgraphs: []Subgraph{{
			Tensors:   []Tensor{tensor("x", activations, 0, 1, 8), tensor("w", weights, 1, 5, 8), tensor("y", activations, 0, 1, 5)},
			Inputs:    []int32{0},
			Outputs:   []int32{2},
			Operators: []Operator{{Inputs: []int32{0, 1}, Outputs: []int32{2}}},
		}},
	}
}

func TestPrecision(t *testing.T) {
	for _, test := range []struct {
		weights, activations TensorType
		want                 string
		zeros                float64 // of all-zero bytes with zero point 1
	}{
		{TypeFloat32, TypeFloat32, "float32", 1},
		{TypeFloat16, TypeFloat32, "float16 weights", 1},
		{TypeInt8, TypeFloat32, "int8 dynamic", 0},
		{TypeInt8, TypeInt8, "int8", 0},
		{TypeUint8, TypeUint8, "uint8", 0},
		{TypeInt4, TypeFloat32, "int4 dynamic", 1},
	} {
		r := Inspect(layer(test.weights, test.activations), 0)
		if r.Precision != test.want || r.Sparsity != test.zeros || r.Parameters != 40 || r.MACs != 40 {
			t.Errorf("%v on %v: %s, sparsity %v, %d parameters, %d MACs; want %s, %v, 40, 40",
				test.weights, test.activations, r.Precision, r.Sparsity, r.Parameters, r.MACs, test.want, test.zeros)
		}
	}
	m := layer(TypeInt8, TypeFloat32)
	m.Buffers = append(m.Buffers, make([]byte, 40))
	m.Subgraphs[0].Tensors = append(m.Subgraphs[0].Tensors, Tensor{Type: TypeFloat32, Shape: []int32{10}, Buffer: 2})
	if got, want := Inspect(m, 0).Precision, "mixed (float32 50 %, int8 50 %)"; got != want {
		t.Errorf("half and half: %s, want %s", got, want)
	}
}

// TestSharedBuffer: a constant that two tensors use counts once.
func TestSharedBuffer(t *testing.T) {
	m := layer(TypeInt8, TypeInt8)
	m.Subgraphs[0].Tensors = append(m.Subgraphs[0].Tensors, m.Subgraphs[0].Tensors[1])
	if got := Inspect(m, 0).Parameters; got != 40 {
		t.Errorf("%d parameters, want 40", got)
	}
}

// TestTextIsPlain: names come from the file and must not control the terminal.
func TestTextIsPlain(t *testing.T) {
	m := sample()
	m.Description = "\x1b[2Jgone\nnext"
	m.Subgraphs[0].Tensors[0].Name = strings.Repeat("long\x07", 100)
	text := new(bytes.Buffer)
	if err := Inspect(m, 0).WriteText(text); err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(text.Bytes(), func(b byte) bool { return b < ' ' && b != '\n' }); i >= 0 {
		t.Errorf("control character %q", text.Bytes()[i])
	}
	if !strings.Contains(text.String(), "description  ?[2Jgone?next\n") {
		t.Errorf("description is not on one line:\n%s", text)
	}
}
