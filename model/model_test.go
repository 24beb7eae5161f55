package model

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
	"pgregory.net/rapid"
)

// sample is a small model with a sparse and a quantized constant, a custom
// operator, metadata and a signature.
func sample() *Model {
	return &Model{
		Version:     3,
		Description: "sample",
		OperatorCodes: []OperatorCode{
			{Builtin: OpConv2D, Version: 2}, {Builtin: OpCustom, Custom: "Own", Version: 1}, {Builtin: 150, Version: 1},
		},
		Buffers: [][]byte{nil, {0, 1, 2, 3, 4, 5, 6, 0}, {1, 0, 0, 0}, {9, 8}, []byte("meta")},
		Subgraphs: []Subgraph{{
			Name: "main",
			Tensors: []Tensor{
				{Name: "in", Type: TypeFloat32, Shape: []int32{1, 2, 2, 1}, ShapeSignature: []int32{-1, 2, 2, 1}},
				{Name: "kernel", Type: TypeInt8, Shape: []int32{2, 2, 2, 1}, Buffer: 1, Quantization: &Quantization{
					Scale: []float32{0.5, 0.25}, ZeroPoint: []int64{0, 0}, Dimension: 0}},
				{Name: "bias", Type: TypeFloat32, Shape: []int32{}, Buffer: 2, HasRank: true},
				{Name: "sparse", Type: TypeInt8, Shape: []int32{2, 3}, Buffer: 3, Sparsity: &Sparsity{
					TraversalOrder: []int32{0, 1},
					Dimensions: []DimensionMetadata{
						{DenseSize: 2},
						{Compressed: true, Segments: IndexVector{1, []int32{0, 1, 2}}, Indices: IndexVector{2, []int32{2, 0}}},
					}}},
				{Name: "out", Type: TypeFloat32, Shape: []int32{1, 1, 1, 2}},
			},
			Inputs:  []int32{0},
			Outputs: []int32{4},
			Operators: []Operator{
				{Opcode: 0, Inputs: []int32{0, 1, -1}, Outputs: []int32{4}, Options: NewOptions("Conv2DOptions", map[string]int64{"stride_w": 2, "stride_h": 1})},
				{Opcode: 1, Inputs: []int32{4, 3}, Outputs: []int32{4}, CustomOptions: []byte{1, 2, 3}, MutatingInputs: []bool{false, true}},
				{Opcode: 2, Inputs: []int32{4}, Outputs: []int32{4}, Options: NewOptions("GeluOptions", map[string]int64{"approximate": 1})},
			},
		}},
		Metadata:      []Metadata{{Name: "note", Buffer: 4}},
		SignatureDefs: []SignatureDef{{Key: "serving_default", Inputs: []TensorMap{{"x", 0}}, Outputs: []TensorMap{{"y", 4}}}},
	}
}

// TestBuiltinCode is the schema's rule for its two code fields.
func TestBuiltinCode(t *testing.T) {
	for _, test := range []struct {
		old  int8
		code int32
		want BuiltinOperator
	}{{3, 0, OpConv2D}, {3, 3, OpConv2D}, {0, 3, OpConv2D}, {127, 150, 150}, {0, 0, OpAdd}} {
		b := flatbuffers.NewBuilder(0)
		b.StartObject(codeSlots)
		b.PrependInt8Slot(codeDeprecated.Slot, test.old, 0)
		b.PrependInt32Slot(codeBuiltin.Slot, test.code, 0)
		code := b.EndObject()
		codes := b.CreateVectorOfTables([]offset{code})
		b.StartObject(graphSlots)
		graphs := b.CreateVectorOfTables([]offset{b.EndObject()})
		b.StartObject(modelSlots)
		b.PrependUint32Slot(modelVersion.Slot, 3, 0)
		b.PrependUOffsetTSlot(modelCodes.Slot, codes, 0)
		b.PrependUOffsetTSlot(modelSubgraphs.Slot, graphs, 0)
		b.FinishWithFileIdentifier(b.EndObject(), []byte(identifier))
		m, err := Read(b.FinishedBytes())
		if err != nil {
			t.Fatal(err)
		}
		if got := m.OperatorCodes[0].Builtin; got != test.want {
			t.Errorf("codes %d and %d: %v, want %v", test.old, test.code, got, test.want)
		}
	}
}

// TestLargeBuffers reads constants that lie behind the FlatBuffer, as in files of
// more than 2 GB.
func TestLargeBuffers(t *testing.T) {
	file := func(offset, size uint64) []byte {
		b := flatbuffers.NewBuilder(0)
		b.StartObject(bufferSlots)
		b.PrependUint64Slot(bufferOffset.Slot, offset, 0)
		b.PrependUint64Slot(bufferSize.Slot, size, 0)
		buffers := b.CreateVectorOfTables([]flatbuffers.UOffsetT{b.EndObject()})
		b.StartObject(graphSlots)
		graphs := b.CreateVectorOfTables([]flatbuffers.UOffsetT{b.EndObject()})
		b.StartObject(modelSlots)
		b.PrependUint32Slot(modelVersion.Slot, 3, 0)
		b.PrependUOffsetTSlot(modelSubgraphs.Slot, graphs, 0)
		b.PrependUOffsetTSlot(modelBuffers.Slot, buffers, 0)
		b.FinishWithFileIdentifier(b.EndObject(), []byte(identifier))
		return append(b.FinishedBytes(), "constants"...)
	}
	data := file(2, 9)
	at := uint64(len(data) - 9)
	m, err := Read(file(at, 9))
	if err != nil || string(m.Buffers[0]) != "constants" {
		t.Errorf("buffer %q, error %v", m.Buffers[0], err)
	}
	if _, err := Read(file(at, 10)); err == nil {
		t.Error("a buffer that ends behind the file was accepted")
	}
}

func TestCheckRefuses(t *testing.T) {
	first := func(m *Model) *Subgraph { return &m.Subgraphs[0] }
	for _, test := range []struct {
		name   string
		change func(*Model)
		want   string
	}{
		{"version", func(m *Model) { m.Version = 2 }, "version 2"},
		{"no subgraph", func(m *Model) { m.Subgraphs = nil }, "no subgraph"},
		{"negative code", func(m *Model) { m.OperatorCodes[0].Builtin = -1 }, "negative"},
		{"custom name", func(m *Model) { m.OperatorCodes[1].Custom = strings.Repeat("x", 257) }, "name of 257 bytes"},
		{"tensor name", func(m *Model) { first(m).Tensors[0].Name = strings.Repeat("x", 1<<16+1) }, "name of 65537 bytes"},
		{"too many inputs", func(m *Model) { first(m).Inputs = make([]int32, 257) }, "257 inputs"},
		{"input index", func(m *Model) { first(m).Inputs[0] = 5 }, "input 0: tensor 5 of 5"},
		{"output index", func(m *Model) { first(m).Outputs[0] = -1 }, "output 0: tensor -1"},
		{"operator code", func(m *Model) { first(m).Operators[0].Opcode = 3 }, "operator code 3 of 3"},
		{"operator input", func(m *Model) { first(m).Operators[0].Inputs[2] = -2 }, "tensor -2"},
		{"operator output", func(m *Model) { first(m).Operators[0].Outputs[0] = 99 }, "tensor 99"},
		{"intermediate", func(m *Model) { first(m).Operators[0].Intermediates = []int32{7} }, "intermediate 0"},
		{"option size", func(m *Model) { first(m).Operators[0].Options.Fields[1] = []byte{1} }, "stride_w has 1 bytes"},
		{"option count", func(m *Model) { first(m).Operators[2].Options.Fields = make([][]byte, 9) }, "9 fields"},
		{"buffer index", func(m *Model) { first(m).Tensors[0].Buffer = 5 }, "buffer 5 of 5"},
		{"buffer size", func(m *Model) { m.Buffers[1] = m.Buffers[1][:7] }, "has 7 bytes"},
		{"negative shape", func(m *Model) { first(m).Tensors[0].Shape[0] = -1 }, "negative dimension"},
		{"huge shape", func(m *Model) { first(m).Tensors[0].Shape = []int32{1 << 16, 1 << 16, 1 << 16, 1 << 16} }, "more than"},
		{"scales", func(m *Model) { first(m).Tensors[1].Quantization.Dimension = 3 }, "2 scales along dimension 3"},
		{"scale dimension", func(m *Model) { first(m).Tensors[1].Quantization.Dimension = -1 }, "dimension -1"},
		{"zero points", func(m *Model) { first(m).Tensors[1].Quantization.ZeroPoint = []int64{1, 2, 3} }, "3 zero points"},
		{"sparse levels", func(m *Model) { first(m).Tensors[3].Sparsity.TraversalOrder = []int32{0} }, "1 levels"},
		{"sparse order", func(m *Model) { first(m).Tensors[3].Sparsity.TraversalOrder[0] = 2 }, "traversal order 0"},
		{"sparse size", func(m *Model) { first(m).Tensors[3].Sparsity.Dimensions[0].DenseSize = -2 }, "negative"},
		{"sparse segments", func(m *Model) { first(m).Tensors[3].Sparsity.Dimensions[1].Segments.Values[2] = 3 }, "don't cover"},
		{"sparse order of segments", func(m *Model) { first(m).Tensors[3].Sparsity.Dimensions[1].Segments.Values[1] = 4 }, "segment 2 follows 4"},
		{"sparse index", func(m *Model) { first(m).Tensors[3].Sparsity.Dimensions[1].Indices.Values[0] = 1 << 16 }, "doesn't fit"},
		{"sparse width", func(m *Model) { first(m).Tensors[3].Sparsity.Dimensions[1].Indices.Width = 3 }, "width of 3"},
		{"sparse excess", func(m *Model) { m.Buffers[3] = make([]byte, 7) }, "stores 7 bytes"},
		{"metadata", func(m *Model) { m.Metadata[0].Buffer = 9 }, "metadata 0"},
		{"signature subgraph", func(m *Model) { m.SignatureDefs[0].Subgraph = 1 }, "subgraph 1 of 1"},
		{"signature tensor", func(m *Model) { m.SignatureDefs[0].Outputs[0].Tensor = 5 }, "tensor 5 of 5"},
	} {
		m := sample()
		test.change(m)
		if _, err := m.Write(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

// TestReadDamaged: whatever happens to a file, Read answers, and what it accepts can
// be inspected.
func TestReadDamaged(t *testing.T) {
	data := mustWrite(t, sample())
	for n := range len(data) {
		if m, err := Read(data[:n]); err == nil {
			Inspect(m, int64(n))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		b := append([]byte(nil), data...)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			at := rapid.IntRange(0, len(b)-4).Draw(t, "at")
			v := rapid.OneOf(rapid.Uint32(), rapid.Uint32Range(0, 300)).Draw(t, "value")
			binary.LittleEndian.PutUint32(b[at:], v)
		}
		if m, err := Read(b); err == nil {
			Inspect(m, int64(len(b)))
		}
	})
}

func TestOptions(t *testing.T) {
	o := NewOptions("Conv2DOptions", map[string]int64{"stride_w": 2, "padding": 1})
	for name, want := range map[string]int64{"stride_w": 2, "stride_h": 0, "padding": 1, "dilation_w_factor": 1, "nonsense": 0} {
		if got := o.Int(name); got != want {
			t.Errorf("%s = %d, want %d", name, got, want)
		}
	}
	if got := o.Kind.String(); got != "Conv2DOptions" || o.Kind != 1 {
		t.Errorf("kind %d = %s", o.Kind, got)
	}
	// Spot checks of the table's order, against the schema's enum BuiltinOptions.
	for kind, want := range map[OptionsKind]string{
		8: "FullyConnectedOptions", 17: "ReshapeOptions", 27: "ReducerOptions", 75: "LeakyReluOptions",
		92: "IfOptions", 101: "BatchMatMulOptions", 126: "RightShiftOptions",
		secondUnion + 1: "StablehloConcatenateOptions", secondUnion + 20: "ReduceWindowOptions",
	} {
		if got := kind.String(); got != want {
			t.Errorf("options %d = %s, want %s", kind, got, want)
		}
	}
	random := NewOptions("RandomOptions", map[string]int64{"seed": -1 << 40})
	if got := random.Int("seed"); got != -1<<40 {
		t.Errorf("seed = %d, want -1<<40", got)
	}
}

func TestOperatorNames(t *testing.T) {
	for code, want := range map[BuiltinOperator]string{
		OpAdd: "ADD", OpConv2D: "CONV_2D", OpDequantize: "DEQUANTIZE", OpSplit: "SPLIT", OpTransposeConv: "TRANSPOSE_CONV",
		OpMirrorPad: "MIRROR_PAD", 124: "DENSIFY", 150: "GELU", 161: "RIGHT_SHIFT", 203: "DILATE", 209: "STABLEHLO_CASE",
		210: "BUILTIN_210", -1: "BUILTIN_-1",
	} {
		if got := code.String(); got != want {
			t.Errorf("operator %d = %s, want %s", int32(code), got, want)
		}
	}
}

func TestTensorTypeText(t *testing.T) {
	for v := TypeFloat32; v <= TypeInt4; v++ {
		var got TensorType
		b, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(b, &got)
		}
		if err != nil || got != v {
			t.Errorf("%v became %v, error %v", v, got, err)
		}
	}
	if _, err := ParseTensorType("float"); err == nil {
		t.Error(`"float" is no tensor type`)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(mustWrite(f, sample()))
	two := sample()
	two.Subgraphs = append(two.Subgraphs, two.Subgraphs[0])
	f.Add(mustWrite(f, two))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(data)
		if err != nil {
			return
		}
		r := Inspect(m, int64(len(data)))
		if err := r.WriteText(discard{}); err != nil {
			t.Error(err)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
		if out := mustWrite(t, m); string(out) != string(data) {
			t.Error("an unchanged model was written otherwise")
		}
		m.source = nil
		out, err := m.Write()
		if errors.Is(err, ErrUnknown) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(out); err != nil {
			t.Fatal(err)
		}
	})
}

// discard takes text and drops it.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
