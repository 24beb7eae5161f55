package model

import "atoll/model/flat"

func (r *reader) tensor(t flat.Table) Tensor {
	r.known("Tensor", t, tensorSlots)
	return Tensor{
		Name:           t.String(tensorName),
		Type:           TensorType(t.Uint8(tensorType)),
		Shape:          t.Int32s(tensorShape),
		ShapeSignature: t.Int32s(tensorSignature),
		HasRank:        t.Bool(tensorHasRank),
		IsVariable:     t.Bool(tensorVariable),
		Buffer:         t.Uint32(tensorBuffer),
		Quantization:   r.quantization(t.Table(tensorQuantization)),
		Sparsity:       r.sparsity(t.Table(tensorSparsity)),
		Variants:       each(r, t, tensorVariants, r.variantType),
	}
}

func (r *reader) variantType(t flat.Table) VariantType {
	r.known("VariantSubType", t, variantSlots)
	return VariantType{
		Shape:   t.Int32s(variantShape),
		Type:    TensorType(t.Uint8(variantType)),
		HasRank: t.Bool(variantHasRank),
	}
}

func (r *reader) quantization(t flat.Table) *Quantization {
	if !t.Exists() {
		return nil
	}
	r.known("QuantizationParameters", t, quantSlots)
	q := &Quantization{
		Min:       t.Float32s(quantMin),
		Max:       t.Float32s(quantMax),
		Scale:     t.Float32s(quantScale),
		ZeroPoint: t.Int64s(quantZeroPoint),
		Dimension: t.Int32(quantDimension, 0),
	}
	switch kind := t.Uint8(quantDetailsType); kind {
	case 0:
	case 1:
		q.Custom = t.Table(quantDetails).Vector(quantCustom, 1)
	default:
		r.unknown = "quantization details of a newer schema"
	}
	return q
}

func (r *reader) sparsity(t flat.Table) *Sparsity {
	if !t.Exists() {
		return nil
	}
	r.known("SparsityParameters", t, sparseSlots)
	return &Sparsity{
		TraversalOrder: t.Int32s(sparseTraversal),
		BlockMap:       t.Int32s(sparseBlockMap),
		Dimensions:     each(r, t, sparseDimensions, r.dimension),
	}
}

func (r *reader) dimension(t flat.Table) DimensionMetadata {
	r.known("DimensionMetadata", t, dimSlots)
	format := t.Uint8(dimFormat)
	if format > 1 {
		r.failf("a sparse tensor has the unknown dimension format %d", format)
	}
	return DimensionMetadata{
		Compressed: format == 1,
		DenseSize:  t.Int32(dimDenseSize, 0),
		Segments:   r.indices(t.Uint8(dimSegmentsType), t.Table(dimSegments)),
		Indices:    r.indices(t.Uint8(dimIndicesType), t.Table(dimIndices)),
	}
}

// indices reads a member of the SparseIndexVector union.
func (r *reader) indices(kind uint8, t flat.Table) IndexVector {
	if int(kind) >= len(indexWidths) {
		r.failf("a sparse tensor has the unknown index type %d", kind)
		return IndexVector{}
	}
	v := IndexVector{Width: indexWidths[kind]}
	switch v.Width {
	case 4:
		v.Values = t.Int32s(indexValues)
	case 2:
		v.Values = widen(t.Uint16s(indexValues))
	case 1:
		v.Values = widen(t.Vector(indexValues, 1))
	}
	return v
}

// widen copies small indices to int32, nil to nil.
func widen[T uint8 | uint16](narrow []T) []int32 {
	if narrow == nil {
		return nil
	}
	v := make([]int32, len(narrow))
	for i, n := range narrow {
		v[i] = int32(n)
	}
	return v
}
