package graph

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"atoll/model"
)

// dimension returns a compressed level.
func compressedLevel(segments, indices []int32) model.DimensionMetadata {
	return model.DimensionMetadata{Compressed: true, Segments: model.IndexVector{Width: 4, Values: segments}, Indices: model.IndexVector{Width: 4, Values: indices}}
}

func denseLevel(n int32) model.DimensionMetadata { return model.DimensionMetadata{DenseSize: n} }

// TestSparseFormats are the encodings of one matrix by hand:
//
//	1 0 2 3
//	0 4 0 0
//	0 0 5 0
//	0 0 0 6
//
// The first two are the examples of the schema's comments.
func TestSparseFormats(t *testing.T) {
	want := []float32{1, 0, 2, 3, 0, 4, 0, 0, 0, 0, 5, 0, 0, 0, 0, 6}
	for _, test := range []struct {
		name   string
		s      model.Sparsity
		values []float32
	}{
		{"rows", model.Sparsity{TraversalOrder: []int32{0, 1}, Dimensions: []model.DimensionMetadata{
			denseLevel(4), compressedLevel([]int32{0, 3, 4, 5, 6}, []int32{0, 2, 3, 1, 2, 3})}},
			[]float32{1, 2, 3, 4, 5, 6}},
		{"columns", model.Sparsity{TraversalOrder: []int32{1, 0}, Dimensions: []model.DimensionMetadata{
			denseLevel(4), compressedLevel([]int32{0, 1, 2, 4, 6}, []int32{0, 1, 0, 2, 0, 3})}},
			[]float32{1, 4, 2, 5, 3, 6}},
		{"blocks of 2x2", model.Sparsity{TraversalOrder: []int32{0, 1, 2, 3}, BlockMap: []int32{0, 1}, Dimensions: []model.DimensionMetadata{
			denseLevel(2), compressedLevel([]int32{0, 2, 3}, []int32{0, 1, 1}), denseLevel(2), denseLevel(2)}},
			[]float32{1, 0, 0, 4, 2, 3, 0, 0, 5, 0, 0, 6}},
		{"blocks of 2x2 by columns", model.Sparsity{TraversalOrder: []int32{0, 1, 3, 2}, BlockMap: []int32{0, 1}, Dimensions: []model.DimensionMetadata{
			denseLevel(2), compressedLevel([]int32{0, 2, 3}, []int32{0, 1, 1}), denseLevel(2), denseLevel(2)}},
			[]float32{1, 0, 0, 4, 2, 0, 3, 0, 5, 0, 0, 6}},
		{"blocks of 1x4", model.Sparsity{TraversalOrder: []int32{0, 1, 2}, BlockMap: []int32{1}, Dimensions: []model.DimensionMetadata{
			denseLevel(4), compressedLevel([]int32{0, 1, 2, 3, 4}, []int32{0, 0, 0, 0}), denseLevel(4)}}, want},
		{"blocks of 4x1", model.Sparsity{TraversalOrder: []int32{0, 1, 2}, BlockMap: []int32{0}, Dimensions: []model.DimensionMetadata{
			compressedLevel([]int32{0, 1}, []int32{0}), compressedLevel([]int32{0, 4}, []int32{0, 1, 2, 3}), denseLevel(4)}},
			[]float32{1, 0, 0, 0, 0, 4, 0, 0, 2, 0, 5, 0, 3, 0, 0, 6}},
		{"all compressed", model.Sparsity{TraversalOrder: []int32{0, 1}, Dimensions: []model.DimensionMetadata{
			compressedLevel([]int32{0, 4}, []int32{0, 1, 2, 3}), compressedLevel([]int32{0, 3, 4, 5, 6}, []int32{0, 2, 3, 1, 2, 3})}},
			[]float32{1, 2, 3, 4, 5, 6}},
		{"all dense", model.Sparsity{TraversalOrder: []int32{0, 1}, Dimensions: []model.DimensionMetadata{denseLevel(4), denseLevel(4)}}, want},
	} {
		m, e := newModel()
		i := e.AddConstant(model.Tensor{Shape: []int32{4, 4}, Sparsity: &test.s}, Float32Bytes(test.values))
		got, err := Floats(m, &e.Graph.Tensors[i])
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, error %v; want %v", test.name, got, err, want)
		}
		reread(t, m)
	}
}

func TestSparseRefuses(t *testing.T) {
	type sparse struct {
		shape []int32
		s     *model.Sparsity
		data  []byte
	}
	for _, test := range []struct {
		name   string
		change func(*sparse)
		want   string
	}{
		{"shape", func(x *sparse) { x.shape = []int32{-1, 2} }, "negative dimension"},
		{"huge", func(x *sparse) { x.shape = []int32{1 << 13, 1 << 13} }, "at most 33554432"},
		{"rank", func(x *sparse) { x.shape = []int32{2, 3, 1, 1, 1, 1, 1, 1, 1} }, "9 dimensions"},
		{"part of an element", func(x *sparse) { x.data = x.data[:5] }, "stores 5 bytes"},
		{"more than all", func(x *sparse) { x.data = make([]byte, 28) }, "stores 28 bytes"},
		{"no element", func(x *sparse) { x.shape = []int32{1 << 30, 0} }, "0 elements"},
		{"levels", func(x *sparse) { x.s.Dimensions = x.s.Dimensions[:1] }, "1 levels"},
		{"order", func(x *sparse) { x.s.TraversalOrder = []int32{0, 0} }, "lacks dimension 1"},
		{"negative order", func(x *sparse) { x.s.TraversalOrder = []int32{0, -1} }, "lacks dimension 1"},
		{"size of a level", func(x *sparse) { x.s.Dimensions[0].DenseSize = 3 }, "level 0: size 3, want 2"},
		{"index", func(x *sparse) { x.s.Dimensions[1].Indices.Values[1] = 3 }, "level 1: index 3 after 0"},
		{"negative index", func(x *sparse) { x.s.Dimensions[1].Indices.Values[0] = -1 }, "index -1"},
		{"index twice", func(x *sparse) { x.s.Dimensions[1].Indices.Values = []int32{0, 0, 1} }, "index 0 after 0"},
		{"too few segments", func(x *sparse) { x.s.Dimensions[1].Segments.Values = []int32{0, 3} }, "2 segments for 2 places"},
		{"segments fall", func(x *sparse) { x.s.Dimensions[1].Segments.Values = []int32{0, 4, 3} }, "segment 0 from 0 to 4"},
		{"negative segment", func(x *sparse) { x.s.Dimensions[1].Segments.Values = []int32{-1, 2, 3} }, "segment 0 from -1"},
		{"too little stored", func(x *sparse) { x.data = x.data[:8] }, "places for 3 elements and stores 2"},
		{"many places", func(x *sparse) {
			x.shape = []int32{1 << 20, 3}
			x.s.Dimensions[0].DenseSize = 1 << 20
		}, "1048576 places, but what follows describes at most 3"},
		{"block map", func(x *sparse) {
			*x.s = model.Sparsity{TraversalOrder: []int32{0, 1, 2}, BlockMap: []int32{2}, Dimensions: make([]model.DimensionMetadata, 3)}
		}, "block map [2]"},
		{"block map twice", func(x *sparse) {
			*x.s = model.Sparsity{TraversalOrder: []int32{0, 1, 2, 3}, BlockMap: []int32{0, 0}, Dimensions: slices.Repeat([]model.DimensionMetadata{denseLevel(1)}, 4)}
		}, "block map [0 0]"},
		{"block of nothing", func(x *sparse) {
			*x.s = model.Sparsity{TraversalOrder: []int32{0, 1, 2}, BlockMap: []int32{0}, Dimensions: make([]model.DimensionMetadata, 3)}
		}, "blocks of 0"},
		{"uneven blocks", func(x *sparse) {
			*x.s = model.Sparsity{TraversalOrder: []int32{0, 1, 2}, BlockMap: []int32{1}, Dimensions: slices.Repeat([]model.DimensionMetadata{denseLevel(2)}, 3)}
		}, "dimension 1 of 3 elements can't be cut into blocks of 2"},
	} {
		x := sparse{[]int32{2, 3}, &model.Sparsity{TraversalOrder: []int32{0, 1}, Dimensions: []model.DimensionMetadata{
			denseLevel(2), compressedLevel([]int32{0, 2, 3}, []int32{0, 2, 1})}}, make([]byte, 12)}
		test.change(&x)
		m, e := newModel()
		i := e.AddConstant(model.Tensor{Shape: x.shape, Sparsity: x.s}, x.data)
		if _, err := Floats(m, &e.Graph.Tensors[i]); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

// TestSparseProperty: what is encoded by the plainest means comes back.
func TestSparseProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blockRows, blockColumns := rapid.Int32Range(1, 3).Draw(t, "block rows"), rapid.Int32Range(1, 3).Draw(t, "block columns")
		rows, columns := blockRows*rapid.Int32Range(1, 4).Draw(t, "rows"), blockColumns*rapid.Int32Range(1, 4).Draw(t, "columns")
		n := int(rows * columns)
		want := rapid.SliceOfN(rapid.SampledFrom([]float32{0, 0, 0, 1, 2}), n, n).Draw(t, "matrix")
		segments, indices, values := []int32{0}, []int32{}, []float32{}
		for row := int32(0); row < rows; row += blockRows {
			for column := int32(0); column < columns; column += blockColumns {
				var block []float32
				for r := range blockRows {
					at := (row+r)*columns + column
					block = append(block, want[at:at+blockColumns]...)
				}
				if !slices.Equal(block, make([]float32, len(block))) {
					indices, values = append(indices, column/blockColumns), append(values, block...)
				}
			}
			segments = append(segments, int32(len(indices)))
		}
		if len(values) == 0 {
			return // no constant
		}
		m, e := newModel()
		i := e.AddConstant(model.Tensor{Shape: []int32{rows, columns}, Sparsity: &model.Sparsity{
			TraversalOrder: []int32{0, 1, 2, 3}, BlockMap: []int32{0, 1},
			Dimensions: []model.DimensionMetadata{denseLevel(rows / blockRows), compressedLevel(segments, indices), denseLevel(blockRows), denseLevel(blockColumns)},
		}}, Float32Bytes(values))
		got, err := Floats(m, &e.Graph.Tensors[i])
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v, error %v; want %v", got, err, want)
		}
	})
}
