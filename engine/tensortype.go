package engine

import "fmt"

// TensorType is the type of a tensor's elements, numbered as TfLiteType of
// TensorFlow Lite's C API (which differs from the numbers in model files).
type TensorType uint8

// The types that the models of this project use.
const (
	Float32 TensorType = 1
	Int32   TensorType = 2
	Uint8   TensorType = 3
	Int64   TensorType = 4
	Int16   TensorType = 7
	Int8    TensorType = 9
)

var tensorTypes = map[TensorType]struct {
	name string
	size uint64 // bytes of one element
}{
	Float32: {"float32", 4}, Int32: {"int32", 4}, Uint8: {"uint8", 1},
	Int64: {"int64", 8}, Int16: {"int16", 2}, Int8: {"int8", 1},
}

// String returns the type's name, as "float32".
func (t TensorType) String() string {
	if known, ok := tensorTypes[t]; ok {
		return known.name
	}
	return fmt.Sprintf("type %d", uint8(t))
}

func (t TensorType) size() uint64 { return tensorTypes[t].size }
