package graph

import (
	"encoding/binary"
	"fmt"
	"math"

	"atoll/model"
	"atoll/model/half"
)

// IsConstant reports whether TensorFlow Lite takes the tensor for a constant: it has
// a buffer of its own. Buffer 0 stands for none, whatever it holds.
func IsConstant(m *model.Model, t *model.Tensor) bool {
	return t.Buffer != 0 && len(m.Buffers[t.Buffer]) > 0 && !t.IsVariable
}

// Floats returns the values of a constant in dense order: of float32 or float16, or
// of quantized int8, uint8, int16 or int32 with its scales applied. Sparse constants
// are made dense; what they don't store is zero.
func Floats(m *model.Model, t *model.Tensor) ([]float32, error) {
	data, err := denseBytes(m, t)
	if err != nil {
		return nil, fmt.Errorf("constant %.64q: %w", t.Name, err)
	}
	values, err := decode(t, data)
	if err != nil {
		return nil, fmt.Errorf("constant %.64q: %w", t.Name, err)
	}
	return values, nil
}

// elementSizes are the bytes of an element of the types that are constants of
// numbers.
var elementSizes = map[model.TensorType]int{
	model.TypeFloat32: 4, model.TypeFloat16: 2, model.TypeInt32: 4, model.TypeInt8: 1, model.TypeUint8: 1, model.TypeInt16: 2,
}

// denseBytes returns a constant's elements as bytes, those of a sparse one put in
// their places.
func denseBytes(m *model.Model, t *model.Tensor) ([]byte, error) {
	size := elementSizes[t.Type]
	switch {
	case size == 0:
		return nil, fmt.Errorf("elements of type %v are not supported", t.Type)
	case !IsConstant(m, t):
		return nil, fmt.Errorf("the tensor is no constant")
	}
	data := m.Buffers[t.Buffer]
	if t.Sparsity != nil {
		return densify(t, data, size)
	}
	if want := t.Bytes(); int64(len(data)) != want {
		return nil, fmt.Errorf("%d bytes, a %v tensor of shape %v needs %d", len(data), t.Type, t.Shape, want)
	}
	return data, nil
}

// decode turns dense elements into float32.
func decode(t *model.Tensor, data []byte) ([]float32, error) {
	values := make([]float32, len(data)/elementSizes[t.Type])
	switch t.Type {
	case model.TypeFloat32:
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		return values, nil
	case model.TypeFloat16:
		for i := range values {
			values[i] = half.ToFloat32(binary.LittleEndian.Uint16(data[2*i:]))
		}
		return values, nil
	}
	at, err := steps(t)
	if err != nil {
		return nil, err
	}
	for i := range values {
		scale, zero := at(i)
		values[i] = float32(float64(integer(t.Type, data, i)-zero) * float64(scale))
	}
	return values, nil
}

// integer reads element i.
func integer(t model.TensorType, data []byte, i int) int64 {
	switch t {
	case model.TypeInt8:
		return int64(int8(data[i]))
	case model.TypeUint8:
		return int64(data[i])
	case model.TypeInt16:
		return int64(int16(binary.LittleEndian.Uint16(data[2*i:])))
	}
	return int64(int32(binary.LittleEndian.Uint32(data[4*i:])))
}

// steps returns the scale and zero point of each element by its dense position.
func steps(t *model.Tensor) (at func(i int) (scale float32, zero int64), err error) {
	q := t.Quantization
	if q == nil || q.Custom != nil || len(q.Scale) == 0 {
		return nil, fmt.Errorf("a tensor of type %v has no scales", t.Type)
	}
	channels, inner := len(q.Scale), 1
	if z := len(q.ZeroPoint); z > 1 && z != channels {
		return nil, fmt.Errorf("%d zero points for %d scales", z, channels)
	}
	if channels > 1 {
		d := int(q.Dimension)
		if d < 0 || d >= len(t.Shape) || int(t.Shape[d]) != channels {
			return nil, fmt.Errorf("%d scales along dimension %d of shape %v", channels, d, t.Shape)
		}
		for _, n := range t.Shape[d+1:] {
			inner *= int(n)
		}
	}
	return func(i int) (float32, int64) {
		c := i / inner % channels
		switch len(q.ZeroPoint) {
		case 0:
			return q.Scale[c], 0
		case 1:
			return q.Scale[c], q.ZeroPoint[0]
		}
		return q.Scale[c], q.ZeroPoint[c]
	}, nil
}

// Int32s returns a constant input of type int32, as axes, paddings and shapes are; nil
// if the operator has none there or it is something else.
func (e Editor) Int32s(op *model.Operator, slot int) []int32 {
	if slot >= len(op.Inputs) || op.Inputs[slot] < 0 {
		return nil
	}
	t := &e.Graph.Tensors[op.Inputs[slot]]
	if t.Type != model.TypeInt32 || t.Sparsity != nil || !IsConstant(e.Model, t) {
		return nil
	}
	data := e.Model.Buffers[t.Buffer]
	list := make([]int32, len(data)/4)
	for i := range list {
		list[i] = int32(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return list
}

// Zeros counts the elements of a constant that are zero, and all.
func Zeros(m *model.Model, t *model.Tensor) (zeros, elements int, err error) {
	values, err := Floats(m, t)
	for _, v := range values {
		if v == 0 {
			zeros++
		}
	}
	return zeros, len(values), err
}

// Float32Bytes and the functions after it encode constants as a file wants them.
func Float32Bytes(values []float32) []byte {
	b := make([]byte, 0, 4*len(values))
	for _, f := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// Float16Bytes rounds to half precision.
func Float16Bytes(values []float32) []byte {
	b := make([]byte, 0, 2*len(values))
	for _, f := range values {
		b = binary.LittleEndian.AppendUint16(b, half.FromFloat32(f))
	}
	return b
}

// Int32Bytes encodes shapes, axes, indices and quantized biases.
func Int32Bytes(values []int32) []byte {
	b := make([]byte, 0, 4*len(values))
	for _, n := range values {
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	return b
}

// Int8Bytes encodes quantized weights.
func Int8Bytes(values []int8) []byte {
	b := make([]byte, len(values))
	for i, n := range values {
		b[i] = byte(n)
	}
	return b
}
