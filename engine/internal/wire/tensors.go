package wire

import (
	"encoding/binary"
	"fmt"
)

// Tensor describes one input or output as the worker's interpreter reports it.
type Tensor struct {
	Type  uint8 // TfLiteType of TensorFlow Lite's C API
	Name  string
	Shape []int32
	Bytes uint64
}

// Bounds on what a worker may report: far above any real model, far below harm.
const (
	MaxTensors = 64
	MaxDims    = 16
	maxName    = 255
)

// Tensors is a Load reply's payload.
type Tensors struct{ Inputs, Outputs []Tensor }

// Append encodes t after b. Names are cut at 255 bytes.
func (t Tensors) Append(b []byte) []byte {
	for _, list := range [][]Tensor{t.Inputs, t.Outputs} {
		b = append(b, byte(len(list)))
		for _, x := range list {
			name := x.Name[:min(len(x.Name), maxName)]
			b = append(b, x.Type, byte(len(x.Shape)), byte(len(name)))
			b = binary.LittleEndian.AppendUint64(b, x.Bytes)
			for _, d := range x.Shape {
				b = binary.LittleEndian.AppendUint32(b, uint32(d))
			}
			b = append(b, name...)
		}
	}
	return b
}

// ParseTensors is the inverse of Append. It trusts nothing: the worker that
// wrote b may be broken.
func ParseTensors(b []byte) (Tensors, error) {
	inputs, rest, err := parseList(b)
	if err != nil {
		return Tensors{}, fmt.Errorf("inputs: %w", err)
	}
	outputs, rest, err := parseList(rest)
	if err != nil {
		return Tensors{}, fmt.Errorf("outputs: %w", err)
	}
	if len(rest) != 0 {
		return Tensors{}, fmt.Errorf("%d bytes too many", len(rest))
	}
	return Tensors{inputs, outputs}, nil
}

func parseList(b []byte) (list []Tensor, rest []byte, err error) {
	if len(b) < 1 {
		return nil, nil, ErrShort
	}
	n := int(b[0])
	if n > MaxTensors {
		return nil, nil, fmt.Errorf("%d tensors: at most %d", n, MaxTensors)
	}
	b = b[1:]
	for range n {
		var t Tensor
		if t, b, err = parseTensor(b); err != nil {
			return nil, nil, err
		}
		list = append(list, t)
	}
	return list, b, nil
}

func parseTensor(b []byte) (t Tensor, rest []byte, err error) {
	const fixed = 11
	if len(b) < fixed {
		return t, nil, ErrShort
	}
	dims, name := int(b[1]), int(b[2])
	if dims > MaxDims {
		return t, nil, fmt.Errorf("%d dimensions: at most %d", dims, MaxDims)
	}
	if len(b) < fixed+4*dims+name {
		return t, nil, ErrShort
	}
	t.Type = b[0]
	t.Bytes = binary.LittleEndian.Uint64(b[3:])
	b = b[fixed:]
	for range dims {
		t.Shape = append(t.Shape, int32(binary.LittleEndian.Uint32(b)))
		b = b[4:]
	}
	t.Name = string(b[:name])
	return t, b[name:], nil
}
