package model

import (
	"slices"

	"pgregory.net/rapid"
)

// genModel draws a valid model. Slices are nil, empty or filled, because the three
// mean different things in a file.
func genModel(t *rapid.T) *Model {
	m := &Model{
		Version:         3,
		Description:     rapid.String().Draw(t, "description"),
		OperatorCodes:   rapid.SliceOfN(rapid.Custom(genCode), 1, 4).Draw(t, "codes"),
		Buffers:         [][]byte{nil},
		MetadataBuffers: genSlice(t, rapid.Int32(), "metadata buffers"),
	}
	for range rapid.IntRange(1, 2).Draw(t, "subgraphs") {
		m.Subgraphs = append(m.Subgraphs, genSubgraph(t, m))
	}
	for range rapid.IntRange(0, 2).Draw(t, "metadata") {
		m.Metadata = append(m.Metadata, Metadata{
			Name:   rapid.String().Draw(t, "name"),
			Buffer: rapid.Uint32Range(0, uint32(len(m.Buffers)-1)).Draw(t, "buffer"),
		})
	}
	if tensors := len(m.Subgraphs[0].Tensors); rapid.Bool().Draw(t, "signature") {
		m.SignatureDefs = []SignatureDef{{
			Key: rapid.String().Draw(t, "key"), Inputs: genMaps(t, tensors), Outputs: genMaps(t, tensors),
		}}
	}
	return m
}

// genSlice draws nil, an empty slice or a short one.
func genSlice[T any](t *rapid.T, element *rapid.Generator[T], label string) []T {
	if rapid.Bool().Draw(t, label+" absent") {
		return nil
	}
	return rapid.SliceOfN(element, 0, 4).Draw(t, label)
}

func genCode(t *rapid.T) OperatorCode {
	return OperatorCode{
		Builtin: BuiltinOperator(rapid.Int32Range(0, 300).Draw(t, "builtin")),
		Custom:  rapid.String().Draw(t, "custom"),
		Version: rapid.Int32().Draw(t, "version"),
	}
}

func genMaps(t *rapid.T, tensors int) []TensorMap {
	return genSlice(t, rapid.Custom(func(t *rapid.T) TensorMap {
		return TensorMap{Name: rapid.String().Draw(t, "name"), Tensor: rapid.Uint32Range(0, uint32(tensors-1)).Draw(t, "tensor")}
	}), "maps")
}

func genSubgraph(t *rapid.T, m *Model) Subgraph {
	g := Subgraph{Name: rapid.String().Draw(t, "name")}
	for range rapid.IntRange(1, 4).Draw(t, "tensors") {
		g.Tensors = append(g.Tensors, genTensor(t, m))
	}
	index := rapid.Int32Range(0, int32(len(g.Tensors)-1))
	optional := rapid.Int32Range(-1, int32(len(g.Tensors)-1))
	g.Inputs, g.Outputs = genSlice(t, index, "inputs"), genSlice(t, index, "outputs")
	for range rapid.IntRange(0, 3).Draw(t, "operators") {
		g.Operators = append(g.Operators, Operator{
			Opcode:             rapid.Uint32Range(0, uint32(len(m.OperatorCodes)-1)).Draw(t, "code"),
			Inputs:             genSlice(t, optional, "inputs"),
			Outputs:            genSlice(t, index, "outputs"),
			Intermediates:      genSlice(t, optional, "intermediates"),
			MutatingInputs:     genSlice(t, rapid.Bool(), "mutating"),
			Options:            genOptions(t),
			CustomOptions:      genSlice(t, rapid.Byte(), "custom options"),
			CustomOptionFormat: rapid.Byte().Draw(t, "format"),
		})
	}
	return g
}

// genOptions draws any table of the schema with any of its fields.
func genOptions(t *rapid.T) Options {
	kinds := []OptionsKind{0}
	for kind := range optionTables() {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	o := Options{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	if o.Kind == 0 || rapid.Bool().Draw(t, "no table") {
		return o
	}
	fields := optionTables()[o.Kind].fields
	o.Fields = make([][]byte, len(fields))
	for i, f := range fields {
		switch {
		case rapid.Bool().Draw(t, "absent"):
		case f.vector:
			n := f.size * rapid.IntRange(0, 3).Draw(t, "elements")
			o.Fields[i] = rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, f.Name)
		default:
			o.Fields[i] = rapid.SliceOfN(rapid.Byte(), f.size, f.size).Draw(t, f.Name)
		}
	}
	return o
}

func genTensor(t *rapid.T, m *Model) Tensor {
	x := Tensor{
		Name:           rapid.String().Draw(t, "name"),
		Type:           TensorType(rapid.Uint8Range(0, 20).Draw(t, "type")),
		Shape:          genSlice(t, rapid.Int32Range(0, 5), "shape"),
		ShapeSignature: genSlice(t, rapid.Int32Range(-1, 5), "signature"),
		HasRank:        rapid.Bool().Draw(t, "has rank"),
		IsVariable:     rapid.Bool().Draw(t, "variable"),
		Quantization:   genQuantization(t),
		Variants: genSlice(t, rapid.Custom(func(t *rapid.T) VariantType {
			return VariantType{genSlice(t, rapid.Int32(), "shape"), TensorType(rapid.Byte().Draw(t, "type")), rapid.Bool().Draw(t, "has rank")}
		}), "variants"),
	}
	size := int(x.Bytes())
	if rapid.Bool().Draw(t, "sparse") {
		x.Sparsity = genSparsity(t, len(x.Shape))
		size = rapid.IntRange(0, size).Draw(t, "stored")
	}
	if rapid.Bool().Draw(t, "constant") {
		m.Buffers = append(m.Buffers, rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "data"))
		x.Buffer = uint32(len(m.Buffers) - 1)
	}
	return x
}

func genQuantization(t *rapid.T) *Quantization {
	if rapid.Bool().Draw(t, "not quantized") {
		return nil
	}
	return &Quantization{
		Min:       genSlice(t, rapid.Float32(), "min"),
		Max:       genSlice(t, rapid.Float32(), "max"),
		Scale:     rapid.SampledFrom([][]float32{nil, {}, {0.5}}).Draw(t, "scale"),
		ZeroPoint: rapid.SampledFrom([][]int64{nil, {}, {-3}}).Draw(t, "zero point"),
		Dimension: rapid.Int32().Draw(t, "dimension"),
		Custom:    genSlice(t, rapid.Byte(), "custom"),
	}
}

func genSparsity(t *rapid.T, rank int) *Sparsity {
	s := &Sparsity{}
	if rank > 0 {
		s.BlockMap = genSlice(t, rapid.Int32Range(0, int32(rank-1)), "block map")
	}
	for i := range rank + len(s.BlockMap) {
		s.TraversalOrder = append(s.TraversalOrder, int32(i))
		d := DimensionMetadata{DenseSize: rapid.Int32Range(0, 9).Draw(t, "size")}
		if rapid.Bool().Draw(t, "compressed") {
			d.Compressed = true
			d.Indices = genIndices(t, rapid.SliceOfN(rapid.Int32Range(0, 255), 0, 4).Draw(t, "indices"))
			d.Segments = genIndices(t, []int32{0, int32(len(d.Indices.Values))})
		}
		s.Dimensions = append(s.Dimensions, d)
	}
	return s
}

func genIndices(t *rapid.T, values []int32) IndexVector {
	return IndexVector{Width: rapid.SampledFrom([]uint8{1, 2, 4}).Draw(t, "width"), Values: values}
}
