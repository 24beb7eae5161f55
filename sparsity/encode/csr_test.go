package encode_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"atoll/model"
	"atoll/model/graph"
	"atoll/models/modelstest"
	"atoll/sparsity/encode"
)

// Google's own sparse file: its tensors made dense and compressed again are the same.
func TestCompressWritesWhatTensorFlowsConverterWrites(t *testing.T) {
	m := modelstest.ReadFile(t, "face_full_range_sparse.tflite")
	sparse := 0
	for i := range m.Subgraphs[0].Tensors {
		x := &m.Subgraphs[0].Tensors[i]
		if x.Sparsity == nil {
			continue
		}
		sparse++
		values, err := graph.Floats(m, x)
		if err != nil {
			t.Fatal(err)
		}
		s, data, err := encode.Compress(x.Type, x.Shape, graph.Float16Bytes(values), encode.Block{})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(s, x.Sparsity) {
			t.Errorf("%s: levels %+v, want %+v", x.Name, s, x.Sparsity)
		}
		if string(data) != string(m.Buffers[x.Buffer]) {
			t.Errorf("%s: other bytes", x.Name)
		}
	}
	if sparse != 46 {
		t.Errorf("%d sparse tensors, want 46", sparse)
	}
}

// genWeights draws a dense tensor that a block divides, with some blocks of zeros.
func genWeights(t *rapid.T, block encode.Block) (shape []int32, values []float32) {
	draw := func(label string, most int) int { return rapid.IntRange(1, most).Draw(t, label) }
	shape = []int32{int32(draw("rows", 6) * block.Rows)}
	for range rapid.IntRange(0, 2).Draw(t, "middle") {
		shape = append(shape, int32(draw("middle size", 3)))
	}
	shape = append(shape, int32(draw("columns", 80)*block.Columns))
	n, _ := model.Elements(shape)
	values = make([]float32, n)
	for i := range values {
		if rapid.IntRange(0, 3).Draw(t, "kept") == 0 {
			values[i] = float32(rapid.IntRange(-127, 127).Draw(t, "value"))
		}
	}
	return shape, values
}

// bytesOf encodes whole numbers as elements of a type.
func bytesOf(kind model.TensorType, values []float32) []byte {
	switch kind {
	case model.TypeFloat16:
		return graph.Float16Bytes(values)
	case model.TypeInt8:
		ints := make([]int8, len(values))
		for i, v := range values {
			ints[i] = int8(v)
		}
		return graph.Int8Bytes(ints)
	}
	return graph.Float32Bytes(values)
}

func TestCompressedTensorsAreReadBackAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		block := rapid.SampledFrom([]encode.Block{{}, {Rows: 1, Columns: 4}, {Rows: 4, Columns: 1}, {Rows: 2, Columns: 3}}).Draw(t, "block")
		kind := rapid.SampledFrom([]model.TensorType{model.TypeFloat32, model.TypeFloat16, model.TypeInt8}).Draw(t, "type")
		size := block
		if size == (encode.Block{}) {
			size = encode.Block{Rows: 1, Columns: 1}
		}
		shape, values := genWeights(t, size)
		s, data, err := encode.Compress(kind, shape, bytesOf(kind, values), block)
		zeros := 0
		for _, v := range values {
			if v == 0 {
				zeros++
			}
		}
		switch {
		case errors.Is(err, encode.ErrAllZeros) && zeros == len(values):
			return
		case errors.Is(err, encode.ErrNoZeros): // no block is all zeros
			return
		case err != nil:
			t.Fatal(err)
		}
		x := model.Tensor{Type: kind, Shape: shape, Sparsity: s, Buffer: 1, Quantization: &model.Quantization{Scale: []float32{1}}}
		m := &model.Model{Version: 3, Buffers: [][]byte{nil, data}, Subgraphs: []model.Subgraph{{Tensors: []model.Tensor{x}}}}
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		got, err := graph.Floats(m, &x)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, values) {
			t.Fatalf("read back %v, want %v", got, values)
		}
	})
}

func TestCompressRefuses(t *testing.T) {
	ones := graph.Float32Bytes([]float32{1, 1, 1, 1, 1, 1, 1, 1})
	some := graph.Float32Bytes([]float32{1, 0, 0, 0, 0, 0, 0, 0})
	cases := []struct {
		name  string
		kind  model.TensorType
		shape []int32
		data  []byte
		block encode.Block
		want  string
	}{
		{"no zeros", model.TypeFloat32, []int32{2, 4}, ones, encode.Block{}, encode.ErrNoZeros.Error()},
		{"only zeros", model.TypeFloat32, []int32{2, 4}, make([]byte, 32), encode.Block{}, encode.ErrAllZeros.Error()},
		{"minus zeros", model.TypeFloat32, []int32{1, 2}, []byte{0, 0, 0, 0x80, 0, 0, 0, 0x80}, encode.Block{}, encode.ErrAllZeros.Error()},
		{"no elements", model.TypeFloat32, []int32{0, 4}, nil, encode.Block{}, encode.ErrNoZeros.Error()},
		{"columns", model.TypeFloat32, []int32{2, 4}, some, encode.Block{Rows: 1, Columns: 3}, "blocks of 1x3 don't divide shape [2 4]"},
		{"rows", model.TypeFloat32, []int32{2, 4}, some, encode.Block{Rows: 4, Columns: 1}, "blocks of 4x1 don't divide shape [2 4]"},
		{"half a block", model.TypeFloat32, []int32{2, 4}, some, encode.Block{Rows: 1}, "don't divide"},
		{"vector", model.TypeFloat32, []int32{8}, some, encode.Block{}, "no rows and columns"},
		{"too short", model.TypeFloat32, []int32{2, 5}, some, encode.Block{}, "32 bytes, a float32 tensor of shape [2 5] has 40"},
		{"type", model.TypeInt32, []int32{2, 4}, some, encode.Block{}, "DENSIFY takes"},
		{"negative", model.TypeFloat32, []int32{-2, 4}, some, encode.Block{}, "negative"},
	}
	for _, c := range cases {
		if _, _, err := encode.Compress(c.kind, c.shape, c.data, c.block); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestIndicesTakeTheLeastWidth(t *testing.T) {
	for _, c := range []struct {
		columns int
		want    uint8
	}{{256, 1}, {257, 2}, {65536, 2}, {65537, 4}} {
		values := make([]float32, c.columns)
		values[c.columns-1] = 1
		s, _, err := encode.Compress(model.TypeFloat32, []int32{1, int32(c.columns)}, graph.Float32Bytes(values), encode.Block{})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Dimensions[1]; got.Indices.Width != c.want || got.Segments.Width != 1 {
			t.Errorf("%d columns: indices of %d bytes and segments of %d, want %d and 1", c.columns, got.Indices.Width, got.Segments.Width, c.want)
		}
	}
}
