package model

import (
	"fmt"
	"math"
)

// TensorType is the type of a tensor's elements.
type TensorType uint8

// The types of the schema.
const (
	TypeFloat32 TensorType = iota
	TypeFloat16
	TypeInt32
	TypeUint8
	TypeInt64
	TypeString
	TypeBool
	TypeInt16
	TypeComplex64
	TypeInt8
	TypeFloat64
	TypeComplex128
	TypeUint64
	TypeResource
	TypeVariant
	TypeUint32
	TypeUint16
	TypeInt4
)

// tensorTypes has the names of the types and the bits of an element, 0 where
// elements have no fixed size.
var tensorTypes = [...]struct {
	name string
	bits int64
}{
	TypeFloat32: {"float32", 32}, TypeFloat16: {"float16", 16}, TypeInt32: {"int32", 32}, TypeUint8: {"uint8", 8},
	TypeInt64: {"int64", 64}, TypeString: {"string", 0}, TypeBool: {"bool", 8}, TypeInt16: {"int16", 16},
	TypeComplex64: {"complex64", 64}, TypeInt8: {"int8", 8}, TypeFloat64: {"float64", 64}, TypeComplex128: {"complex128", 128},
	TypeUint64: {"uint64", 64}, TypeResource: {"resource", 0}, TypeVariant: {"variant", 0}, TypeUint32: {"uint32", 32},
	TypeUint16: {"uint16", 16}, TypeInt4: {"int4", 4},
}

// String returns the type's name, such as "float32".
func (t TensorType) String() string {
	if int(t) >= len(tensorTypes) {
		return fmt.Sprintf("type %d", uint8(t))
	}
	return tensorTypes[t].name
}

// ParseTensorType is the inverse of String.
func ParseTensorType(s string) (TensorType, error) {
	for t, info := range tensorTypes {
		if info.name == s {
			return TensorType(t), nil
		}
	}
	return 0, fmt.Errorf("unknown tensor type %q: use one such as float32, int32 or int8", s)
}

// MarshalText implements encoding.TextMarshaler.
func (t TensorType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *TensorType) UnmarshalText(text []byte) error {
	v, err := ParseTensorType(string(text))
	if err != nil {
		return err
	}
	*t = v
	return nil
}

// bits returns the size of an element, 0 if it has no fixed size or is unknown.
func (t TensorType) bits() int64 {
	if int(t) >= len(tensorTypes) {
		return 0
	}
	return tensorTypes[t].bits
}

// maxElements bounds the elements of one tensor. Sums over all tensors of a file
// stay in an int64.
const maxElements = math.MaxInt32

// Elements returns the product of a shape's dimensions, 1 for a scalar.
func Elements(shape []int32) (int64, error) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if n *= int64(d); n > maxElements {
			return 0, fmt.Errorf("shape %v has more than %d elements", shape, maxElements)
		}
	}
	return n, nil
}

// Bytes returns the size of the dense tensor, 0 if its elements have no fixed size
// or its shape is not valid.
func (t *Tensor) Bytes() int64 {
	n, err := Elements(t.Shape)
	if err != nil {
		return 0
	}
	return (n*t.Type.bits() + 7) / 8
}
