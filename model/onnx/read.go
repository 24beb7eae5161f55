package onnx

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds of what Read accepts. The largest speech and vision networks for small
// boards stay far below them.
const (
	maxFile     = 256 << 20
	maxMessages = 1 << 17 // graphs, nodes, attributes, tensors and names together
	maxDepth    = 16      // nesting of graphs in attributes
)

// Read parses an ONNX file.
func Read(data []byte) (*Model, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("onnx: file of %d bytes is larger than the limit of %d", len(data), maxFile)
	}
	r := &reader{}
	m := &Model{}
	err := r.message("model", data, func(f field) (err error) {
		switch f.num {
		case 2:
			m.ProducerName, err = r.text(f)
		case 3:
			m.ProducerVersion, err = r.text(f)
		case 7:
			m.Graph, err = r.graph(f)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	if m.Graph == nil {
		return nil, errors.New("onnx: no graph in the file: is it an ONNX model?")
	}
	return m, nil
}

// reader counts what has been read, so that a small file can't make many objects.
type reader struct {
	messages int
	depth    int
}

// field is one field of a message: num and either a number or bytes.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	value uint64 // varint, fixed32 and fixed64
	bytes []byte // length-delimited
}

// count admits one more object.
func (r *reader) count() error {
	if r.messages++; r.messages > maxMessages {
		return fmt.Errorf("more than %d parts", maxMessages)
	}
	return nil
}

// message calls fn for every field of data; an error says which field and where
// in the message it lies.
func (r *reader) message(name string, data []byte, fn func(field) error) error {
	if err := r.count(); err != nil {
		return err
	}
	for pos := 0; pos < len(data); {
		f, n := consumeField(data[pos:])
		if n < 0 {
			return fmt.Errorf("%s: byte %d: %w", name, pos, protowire.ParseError(n))
		}
		if err := fn(f); err != nil {
			return fmt.Errorf("%s: byte %d, field %d: %w", name, pos, f.num, err)
		}
		pos += n
	}
	return nil
}

// consumeField reads one field and returns its length, negative for a fault.
func consumeField(data []byte) (f field, n int) {
	var tag int
	if f.num, f.typ, tag = protowire.ConsumeTag(data); tag < 0 {
		return f, tag
	}
	rest := data[tag:]
	switch f.typ {
	case protowire.VarintType:
		f.value, n = protowire.ConsumeVarint(rest)
	case protowire.Fixed64Type:
		f.value, n = protowire.ConsumeFixed64(rest)
	case protowire.Fixed32Type:
		var v uint32
		v, n = protowire.ConsumeFixed32(rest)
		f.value = uint64(v)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(rest)
	default: // groups are not part of ONNX
		n = protowire.ConsumeFieldValue(f.num, f.typ, rest)
	}
	if n < 0 {
		return f, n
	}
	return f, tag + n
}

func (f field) want(typ protowire.Type) error {
	if f.typ != typ {
		return fmt.Errorf("wire type %d, want %d", f.typ, typ)
	}
	return nil
}

func (r *reader) text(f field) (string, error) {
	if err := f.want(protowire.BytesType); err != nil {
		return "", err
	}
	return string(f.bytes), r.count()
}

func (f field) varint() (int64, error) {
	return int64(f.value), f.want(protowire.VarintType)
}

// appendInts adds a repeated int64 field, packed or single.
func appendInts(list []int64, f field) ([]int64, error) {
	if f.typ == protowire.VarintType {
		return append(list, int64(f.value)), nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return nil, err
	}
	for rest := f.bytes; len(rest) > 0; {
		v, n := protowire.ConsumeVarint(rest)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		list, rest = append(list, int64(v)), rest[n:]
	}
	return list, nil
}

// appendFloats adds a repeated float field, packed or single.
func appendFloats(list []float32, f field) ([]float32, error) {
	if f.typ == protowire.Fixed32Type {
		return append(list, math.Float32frombits(uint32(f.value))), nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return nil, err
	}
	for rest := f.bytes; len(rest) > 0; {
		v, n := protowire.ConsumeFixed32(rest)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		list, rest = append(list, math.Float32frombits(v)), rest[n:]
	}
	return list, nil
}
