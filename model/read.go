package model

import (
	"bytes"
	"fmt"

	"atoll/model/flat"
)

// Read parses a .tflite file and checks it: identifier, offsets, indices, and the
// size of every constant against its shape. The file may be hostile; the work and
// memory are bounded by its length. The model's buffers are parts of data, which
// must not change afterwards.
func Read(data []byte) (*Model, error) {
	r := &reader{Reader: flat.NewReader(data, identifier)}
	m := r.model(r.Root())
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("not a valid .tflite file: %w", err)
	}
	if r.err != nil {
		return nil, fmt.Errorf("not a valid .tflite file: %w", r.err)
	}
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("not a valid .tflite file: %w", err)
	}
	m.source, m.unknown = data, r.unknown
	m.AssociatedFiles = archive(data[r.End():])
	return m, nil
}

// archive returns the ZIP archive that metadata tools append to the FlatBuffer, nil
// if there is none. Up to a vector's alignment may lie between.
func archive(tail []byte) []byte {
	at := bytes.Index(tail[:min(len(tail), 64)], []byte("PK\x03\x04"))
	if at < 0 {
		return nil
	}
	return tail[at:]
}

// reader turns tables into a model. Faults of the FlatBuffer stick in flat.Reader,
// faults of the schema's rules in err.
type reader struct {
	*flat.Reader
	err     error
	unknown string
}

// known notes a table that has more slots than this package knows.
func (r *reader) known(name string, t flat.Table, slots int) {
	for slot := slots; slot < t.Slots() && r.unknown == ""; slot++ {
		if t.Has(flat.Field{Slot: slot, Name: name}) {
			r.unknown = fmt.Sprintf("field %d of %s", slot, name)
		}
	}
}

// failf records the first breach of the schema's rules.
func (r *reader) failf(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// each reads a vector of tables with one function; nil stays nil.
func each[T any](r *reader, t flat.Table, f flat.Field, read func(flat.Table) T) []T {
	tables := t.Tables(f)
	if tables == nil {
		return nil
	}
	list := make([]T, len(tables))
	for i, table := range tables {
		if r.Err() != nil || r.err != nil {
			return nil
		}
		list[i] = read(table)
	}
	return list
}

func (r *reader) model(t flat.Table) *Model {
	r.known("Model", t, modelSlots)
	return &Model{
		Version:         t.Uint32(modelVersion),
		Description:     t.String(modelDescription),
		OperatorCodes:   each(r, t, modelCodes, r.operatorCode),
		Buffers:         each(r, t, modelBuffers, r.buffer),
		Subgraphs:       each(r, t, modelSubgraphs, r.subgraph),
		MetadataBuffers: t.Int32s(modelMetaBuffers),
		Metadata:        each(r, t, modelMetadata, r.metadata),
		SignatureDefs:   each(r, t, modelSignatures, r.signature),
	}
}

// operatorCode applies the schema's rule for its two code fields: old files have
// only the one-byte one, and in new ones the larger of both counts.
func (r *reader) operatorCode(t flat.Table) OperatorCode {
	r.known("OperatorCode", t, codeSlots)
	old := int32(int8(t.Uint8(codeDeprecated)))
	return OperatorCode{
		Builtin: BuiltinOperator(max(old, t.Int32(codeBuiltin, 0))),
		Custom:  t.String(codeCustom),
		Version: t.Int32(codeVersion, 1),
	}
}

// buffer returns a buffer's bytes, from behind the FlatBuffer in files of more
// than 2 GB.
func (r *reader) buffer(t flat.Table) []byte {
	r.known("Buffer", t, bufferSlots)
	if offset := t.Uint64(bufferOffset); offset > 1 {
		return r.Range(offset, t.Uint64(bufferSize), bufferOffset.Name)
	}
	return t.Vector(bufferData, 1)
}

func (r *reader) metadata(t flat.Table) Metadata {
	r.known("Metadata", t, metaSlots)
	return Metadata{Name: t.String(metaName), Buffer: t.Uint32(metaBuffer)}
}

func (r *reader) signature(t flat.Table) SignatureDef {
	r.known("SignatureDef", t, signatureSlots)
	return SignatureDef{
		Key:      t.String(signatureKey),
		Subgraph: t.Uint32(signatureSubgraph),
		Inputs:   each(r, t, signatureInputs, r.tensorMap),
		Outputs:  each(r, t, signatureOutputs, r.tensorMap),
	}
}

func (r *reader) tensorMap(t flat.Table) TensorMap {
	r.known("TensorMap", t, mapSlots)
	return TensorMap{Name: t.String(mapName), Tensor: t.Uint32(mapTensor)}
}

func (r *reader) subgraph(t flat.Table) Subgraph {
	r.known("SubGraph", t, graphSlots)
	return Subgraph{
		Name:      t.String(graphName),
		Tensors:   each(r, t, graphTensors, r.tensor),
		Inputs:    t.Int32s(graphInputs),
		Outputs:   t.Int32s(graphOutputs),
		Operators: each(r, t, graphOperators, r.operator),
	}
}

func (r *reader) operator(t flat.Table) Operator {
	r.known("Operator", t, opSlots)
	op := Operator{
		Opcode:             t.Uint32(opCode),
		Inputs:             t.Int32s(opInputs),
		Outputs:            t.Int32s(opOutputs),
		Intermediates:      t.Int32s(opIntermediates),
		MutatingInputs:     t.Bools(opMutating),
		Options:            r.options(t),
		CustomOptions:      t.Vector(opCustom, 1),
		CustomOptionFormat: t.Uint8(opCustomFormat),
	}
	if offset := t.Uint64(opLargeOffset); offset > 1 {
		op.CustomOptions = r.Range(offset, t.Uint64(opLargeSize), opLargeOffset.Name)
	}
	return op
}

// options reads whichever of the two option unions is set.
func (r *reader) options(t flat.Table) Options {
	first, second := t.Uint8(opOptionsType), t.Uint8(opOptions2Type)
	switch {
	case first != 0 && second != 0:
		r.failf("an operator has two kinds of options, %d and %d", first, second)
	case first != 0:
		return r.optionTable(OptionsKind(first), t.Table(opOptions))
	case second != 0:
		return r.optionTable(secondUnion+OptionsKind(second), t.Table(opOptions2))
	}
	return Options{}
}

// optionTable copies the fields of one options table.
func (r *reader) optionTable(kind OptionsKind, t flat.Table) Options {
	o := Options{Kind: kind}
	fields := optionTables()[kind].fields
	r.known(kind.String(), t, len(fields))
	if !t.Exists() {
		return o
	}
	o.Fields = make([][]byte, len(fields))
	for i, f := range fields {
		if f.vector {
			o.Fields[i] = t.Vector(f.Field, f.size)
		} else {
			o.Fields[i] = t.Scalar(f.Field, f.size)
		}
	}
	return o
}
