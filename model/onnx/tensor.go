package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Tensor is a constant. Its bytes are those of the file and must not be changed.
type Tensor struct {
	Name string
	Type DataType
	Dims []int64

	raw      []byte    // raw_data: little-endian elements
	floats   []float32 // float_data
	ints     []int64   // int64_data
	external bool      // the data lies in another file
}

// Elements returns the product of the dimensions, 1 for a scalar.
func (t *Tensor) Elements() (int, error) {
	n := int64(1)
	for _, d := range t.Dims {
		if d < 0 || (d > 0 && n > math.MaxInt32/d) {
			return 0, fmt.Errorf("tensor %.80q: shape %v is out of range", t.Name, t.Dims)
		}
		n *= d
	}
	return int(n), nil
}

// Float32s returns the elements of a float32 tensor in row-major order.
func (t *Tensor) Float32s() ([]float32, error) {
	if t.Type != Float32 {
		return nil, fmt.Errorf("tensor %.80q is %v, want float32", t.Name, t.Type)
	}
	if err := t.check(len(t.floats)); err != nil {
		return nil, err
	}
	if len(t.raw) == 0 {
		return t.floats, nil
	}
	v := make([]float32, len(t.raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.raw[4*i:]))
	}
	return v, nil
}

// Int64s returns the elements of an int64 tensor in row-major order.
func (t *Tensor) Int64s() ([]int64, error) {
	if t.Type != Int64 {
		return nil, fmt.Errorf("tensor %.80q is %v, want int64", t.Name, t.Type)
	}
	if err := t.check(len(t.ints)); err != nil {
		return nil, err
	}
	if len(t.raw) == 0 {
		return t.ints, nil
	}
	v := make([]int64, len(t.raw)/8)
	for i := range v {
		v[i] = int64(binary.LittleEndian.Uint64(t.raw[8*i:]))
	}
	return v, nil
}

// check compares the shape with what is stored: raw bytes, or else the given
// number of typed elements.
func (t *Tensor) check(typed int) error {
	if t.external {
		return fmt.Errorf("tensor %.80q keeps its data in another file: save the model as one file", t.Name)
	}
	n, err := t.Elements()
	if err != nil {
		return err
	}
	want, got, unit := n, typed, "elements"
	if len(t.raw) > 0 {
		want, got, unit = n*dataTypes[t.Type].size, len(t.raw), "bytes"
	}
	if got != want {
		return fmt.Errorf("tensor %.80q of shape %v holds %d %s, want %d", t.Name, t.Dims, got, unit, want)
	}
	return nil
}
