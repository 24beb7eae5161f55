package model

func (w *writer) subgraph(g *Subgraph) offset {
	tensors := all(w, g.Tensors, w.tensor)
	operators := all(w, g.Operators, w.operator)
	inputs, outputs := w.int32s(g.Inputs), w.int32s(g.Outputs)
	name := w.text(g.Name)
	w.StartObject(graphSlots)
	w.PrependUOffsetTSlot(graphTensors.Slot, tensors, 0)
	w.PrependUOffsetTSlot(graphInputs.Slot, inputs, 0)
	w.PrependUOffsetTSlot(graphOutputs.Slot, outputs, 0)
	w.PrependUOffsetTSlot(graphOperators.Slot, operators, 0)
	w.PrependUOffsetTSlot(graphName.Slot, name, 0)
	return w.EndObject()
}

func (w *writer) operator(op *Operator) offset {
	inputs, outputs := w.int32s(op.Inputs), w.int32s(op.Outputs)
	intermediates, mutating := w.int32s(op.Intermediates), w.bools(op.MutatingInputs)
	custom := w.bytes(op.CustomOptions, 1)
	options := w.options(op.Options)
	w.StartObject(opSlots)
	w.PrependUint32Slot(opCode.Slot, op.Opcode, 0)
	w.PrependUOffsetTSlot(opInputs.Slot, inputs, 0)
	w.PrependUOffsetTSlot(opOutputs.Slot, outputs, 0)
	kindSlot, slot := opOptionsType.Slot, opOptions.Slot
	if op.Options.Kind >= secondUnion {
		kindSlot, slot = opOptions2Type.Slot, opOptions2.Slot
	}
	w.PrependUint8Slot(kindSlot, uint8(op.Options.Kind%secondUnion), 0)
	w.PrependUOffsetTSlot(slot, options, 0)
	w.PrependUOffsetTSlot(opCustom.Slot, custom, 0)
	w.PrependUint8Slot(opCustomFormat.Slot, op.CustomOptionFormat, 0)
	w.PrependUOffsetTSlot(opMutating.Slot, mutating, 0)
	w.PrependUOffsetTSlot(opIntermediates.Slot, intermediates, 0)
	return w.EndObject()
}

// options writes the fields of an options table as they were read.
func (w *writer) options(o Options) offset {
	if o.Fields == nil {
		return 0
	}
	fields := optionTables()[o.Kind].fields
	vectors := make([]offset, len(o.Fields))
	for i, b := range o.Fields {
		if b != nil && fields[i].vector {
			vectors[i] = w.elements(b, fields[i].size)
		}
	}
	w.StartObject(len(o.Fields))
	for i, b := range o.Fields {
		switch {
		case b == nil:
		case fields[i].vector:
			w.PrependUOffsetTSlot(i, vectors[i], 0)
		default:
			w.Prep(len(b), 0)
			w.place(b)
			w.Slot(i)
		}
	}
	return w.EndObject()
}

// elements writes the bytes of a vector; a string, which is a vector of bytes, gets
// the zero behind it that readers in C expect.
func (w *writer) elements(b []byte, size int) offset {
	if size == 1 {
		return w.CreateByteString(b)
	}
	w.StartVector(size, len(b)/size, size)
	w.place(b)
	return w.EndVector(len(b) / size)
}

// place writes bytes as they are; the space must have been prepared.
func (w *writer) place(b []byte) {
	for i := len(b) - 1; i >= 0; i-- {
		w.PlaceByte(b[i])
	}
}

func (w *writer) tensor(t *Tensor) offset {
	shape, signature := w.int32s(t.Shape), w.int32s(t.ShapeSignature)
	quantization, sparsity := w.quantization(t.Quantization), w.sparsity(t.Sparsity)
	variants := all(w, t.Variants, w.variantType)
	name := w.text(t.Name)
	w.StartObject(tensorSlots)
	w.PrependUOffsetTSlot(tensorShape.Slot, shape, 0)
	w.PrependUint8Slot(tensorType.Slot, uint8(t.Type), 0)
	w.PrependUint32Slot(tensorBuffer.Slot, t.Buffer, 0)
	w.PrependUOffsetTSlot(tensorName.Slot, name, 0)
	w.PrependUOffsetTSlot(tensorQuantization.Slot, quantization, 0)
	w.PrependBoolSlot(tensorVariable.Slot, t.IsVariable, false)
	w.PrependUOffsetTSlot(tensorSparsity.Slot, sparsity, 0)
	w.PrependUOffsetTSlot(tensorSignature.Slot, signature, 0)
	w.PrependBoolSlot(tensorHasRank.Slot, t.HasRank, false)
	w.PrependUOffsetTSlot(tensorVariants.Slot, variants, 0)
	return w.EndObject()
}

func (w *writer) variantType(v *VariantType) offset {
	shape := w.int32s(v.Shape)
	w.StartObject(variantSlots)
	w.PrependUOffsetTSlot(variantShape.Slot, shape, 0)
	w.PrependUint8Slot(variantType.Slot, uint8(v.Type), 0)
	w.PrependBoolSlot(variantHasRank.Slot, v.HasRank, false)
	return w.EndObject()
}

func (w *writer) quantization(q *Quantization) offset {
	if q == nil {
		return 0
	}
	details := offset(0)
	if q.Custom != nil {
		custom := w.bytes(q.Custom, bufferAlign)
		w.StartObject(1)
		w.PrependUOffsetTSlot(quantCustom.Slot, custom, 0)
		details = w.EndObject()
	}
	lowest, highest := w.float32s(q.Min), w.float32s(q.Max)
	scale, zero := w.float32s(q.Scale), w.int64s(q.ZeroPoint)
	w.StartObject(quantSlots)
	w.PrependUOffsetTSlot(quantMin.Slot, lowest, 0)
	w.PrependUOffsetTSlot(quantMax.Slot, highest, 0)
	w.PrependUOffsetTSlot(quantScale.Slot, scale, 0)
	w.PrependUOffsetTSlot(quantZeroPoint.Slot, zero, 0)
	if details != 0 {
		w.PrependUint8Slot(quantDetailsType.Slot, 1, 0)
		w.PrependUOffsetTSlot(quantDetails.Slot, details, 0)
	}
	w.PrependInt32Slot(quantDimension.Slot, q.Dimension, 0)
	return w.EndObject()
}

func (w *writer) sparsity(s *Sparsity) offset {
	if s == nil {
		return 0
	}
	order, blocks := w.int32s(s.TraversalOrder), w.int32s(s.BlockMap)
	dimensions := all(w, s.Dimensions, w.dimension)
	w.StartObject(sparseSlots)
	w.PrependUOffsetTSlot(sparseTraversal.Slot, order, 0)
	w.PrependUOffsetTSlot(sparseBlockMap.Slot, blocks, 0)
	w.PrependUOffsetTSlot(sparseDimensions.Slot, dimensions, 0)
	return w.EndObject()
}

func (w *writer) dimension(d *DimensionMetadata) offset {
	segmentsKind, segments := w.indices(d.Segments)
	indicesKind, indices := w.indices(d.Indices)
	w.StartObject(dimSlots)
	if d.Compressed {
		w.PrependUint8Slot(dimFormat.Slot, 1, 0)
	}
	w.PrependInt32Slot(dimDenseSize.Slot, d.DenseSize, 0)
	w.PrependUint8Slot(dimSegmentsType.Slot, segmentsKind, 0)
	w.PrependUOffsetTSlot(dimSegments.Slot, segments, 0)
	w.PrependUint8Slot(dimIndicesType.Slot, indicesKind, 0)
	w.PrependUOffsetTSlot(dimIndices.Slot, indices, 0)
	return w.EndObject()
}

// indices writes a member of the SparseIndexVector union and returns its type.
func (w *writer) indices(v IndexVector) (kind uint8, table offset) {
	if v.Width == 0 {
		return 0, 0
	}
	var values offset
	switch v.Width {
	case 4:
		kind, values = 1, w.int32s(v.Values)
	case 2:
		kind, values = 2, vector(w, v.Values, 2, func(n int32) { w.PrependUint16(uint16(n)) })
	case 1:
		kind, values = 3, vector(w, v.Values, 1, func(n int32) { w.PrependUint8(uint8(n)) })
	}
	w.StartObject(1)
	w.PrependUOffsetTSlot(indexValues.Slot, values, 0)
	return kind, w.EndObject()
}
