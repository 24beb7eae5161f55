package model

import (
	"bytes"
	"errors"
	"fmt"

	flatbuffers "github.com/google/flatbuffers/go"
)

// bufferAlign is the alignment of constants in the file, as the schema asks.
const bufferAlign = 16

// maxWritten keeps a file in reach of FlatBuffers' signed 32-bit offsets.
const maxWritten = 1<<31 - 1<<24

// ErrUnknown says that a changed model can't be written because its file has parts
// that this package doesn't know and would lose. They can't be copied: a field
// without a schema may be a number, or the offset of a part of unknown extent.
var ErrUnknown = errors.New("the file was written by a newer schema")

// Write serializes the model: the same bytes for the same model. One that was read
// and is as it was gives the bytes of its file. It checks the model first. The error
// is ErrUnknown if the model was changed and its file has parts that would be lost.
func (m *Model) Write() ([]byte, error) {
	data, err := m.serialize()
	if err != nil {
		return nil, fmt.Errorf("cannot write the model: %w", err)
	}
	if m.source == nil {
		return data, nil
	}
	// Two models are the same if they are written the same; unlike a comparison of
	// their numbers this holds for a scale that is no number too.
	if original, err := Read(m.source); err == nil {
		if same, err := original.serialize(); err == nil && bytes.Equal(same, data) {
			return bytes.Clone(m.source), nil
		}
	}
	if m.unknown != "" {
		return nil, fmt.Errorf("cannot rewrite the changed model, %w: %s would be lost", ErrUnknown, m.unknown)
	}
	return data, nil
}

// serialize builds the file from what the model has, without regard to its source.
func (m *Model) serialize() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	size := 1<<16 + len(m.AssociatedFiles)
	for _, b := range m.Buffers {
		size += len(b) + bufferAlign
	}
	if size > maxWritten {
		return nil, fmt.Errorf("%d bytes of constants are more than the 2 GB of a file", size)
	}
	w := &writer{Builder: flatbuffers.NewBuilder(size)}
	w.FinishWithFileIdentifier(w.model(m), []byte(identifier))
	return append(w.FinishedBytes(), m.AssociatedFiles...), nil
}

// offset is where a finished part lies; 0 stands for a part that is left out.
type offset = flatbuffers.UOffsetT

// writer builds the file from its end to its start: parts before what refers to
// them.
type writer struct {
	*flatbuffers.Builder
}

// all writes a vector of tables, 0 for nil.
func all[T any](w *writer, list []T, write func(*T) offset) offset {
	if list == nil {
		return 0
	}
	offsets := make([]offset, len(list))
	for i := range list {
		offsets[i] = write(&list[i])
	}
	w.StartVector(4, len(list), 4)
	for i := len(list) - 1; i >= 0; i-- {
		w.PrependUOffsetT(offsets[i])
	}
	return w.EndVector(len(list))
}

// vector writes n elements with one function from the last to the first.
func vector[T any](w *writer, list []T, size int, prepend func(T)) offset {
	if list == nil {
		return 0
	}
	w.StartVector(size, len(list), size)
	for i := len(list) - 1; i >= 0; i-- {
		prepend(list[i])
	}
	return w.EndVector(len(list))
}

func (w *writer) int32s(list []int32) offset     { return vector(w, list, 4, w.PrependInt32) }
func (w *writer) int64s(list []int64) offset     { return vector(w, list, 8, w.PrependInt64) }
func (w *writer) float32s(list []float32) offset { return vector(w, list, 4, w.PrependFloat32) }
func (w *writer) bools(list []bool) offset       { return vector(w, list, 1, w.PrependBool) }

// bytes writes a vector of bytes that starts at a multiple of align, 0 for nil.
func (w *writer) bytes(b []byte, align int) offset {
	if b == nil {
		return 0
	}
	w.Prep(align, len(b))
	return w.CreateByteVector(b)
}

// text writes a string, 0 for an empty one.
func (w *writer) text(s string) offset {
	if s == "" {
		return 0
	}
	return w.CreateString(s)
}

func (w *writer) model(m *Model) offset {
	buffers := all(w, m.Buffers, w.buffer)
	codes := all(w, m.OperatorCodes, w.operatorCode)
	subgraphs := all(w, m.Subgraphs, w.subgraph)
	metadata := all(w, m.Metadata, w.metadata)
	signatures := all(w, m.SignatureDefs, w.signature)
	metaBuffers := w.int32s(m.MetadataBuffers)
	description := w.text(m.Description)
	w.StartObject(modelSlots)
	w.PrependUint32Slot(modelVersion.Slot, m.Version, 0)
	w.PrependUOffsetTSlot(modelCodes.Slot, codes, 0)
	w.PrependUOffsetTSlot(modelSubgraphs.Slot, subgraphs, 0)
	w.PrependUOffsetTSlot(modelDescription.Slot, description, 0)
	w.PrependUOffsetTSlot(modelBuffers.Slot, buffers, 0)
	w.PrependUOffsetTSlot(modelMetaBuffers.Slot, metaBuffers, 0)
	w.PrependUOffsetTSlot(modelMetadata.Slot, metadata, 0)
	w.PrependUOffsetTSlot(modelSignatures.Slot, signatures, 0)
	return w.EndObject()
}

func (w *writer) buffer(b *[]byte) offset {
	data := w.bytes(*b, bufferAlign)
	w.StartObject(bufferSlots)
	w.PrependUOffsetTSlot(bufferData.Slot, data, 0)
	return w.EndObject()
}

// operatorCode fills both code fields, so that old readers find small codes and a
// placeholder for the rest.
func (w *writer) operatorCode(c *OperatorCode) offset {
	custom := w.text(c.Custom)
	w.StartObject(codeSlots)
	w.PrependInt8Slot(codeDeprecated.Slot, int8(min(c.Builtin, OpPlaceholder)), 0)
	w.PrependUOffsetTSlot(codeCustom.Slot, custom, 0)
	w.PrependInt32Slot(codeVersion.Slot, c.Version, 1)
	w.PrependInt32Slot(codeBuiltin.Slot, int32(c.Builtin), 0)
	return w.EndObject()
}

func (w *writer) metadata(m *Metadata) offset {
	name := w.text(m.Name)
	w.StartObject(metaSlots)
	w.PrependUOffsetTSlot(metaName.Slot, name, 0)
	w.PrependUint32Slot(metaBuffer.Slot, m.Buffer, 0)
	return w.EndObject()
}

func (w *writer) signature(s *SignatureDef) offset {
	inputs := all(w, s.Inputs, w.tensorMap)
	outputs := all(w, s.Outputs, w.tensorMap)
	key := w.text(s.Key)
	w.StartObject(signatureSlots)
	w.PrependUOffsetTSlot(signatureInputs.Slot, inputs, 0)
	w.PrependUOffsetTSlot(signatureOutputs.Slot, outputs, 0)
	w.PrependUOffsetTSlot(signatureKey.Slot, key, 0)
	w.PrependUint32Slot(signatureSubgraph.Slot, s.Subgraph, 0)
	return w.EndObject()
}

func (w *writer) tensorMap(e *TensorMap) offset {
	name := w.text(e.Name)
	w.StartObject(mapSlots)
	w.PrependUOffsetTSlot(mapName.Slot, name, 0)
	w.PrependUint32Slot(mapTensor.Slot, e.Tensor, 0)
	return w.EndObject()
}
