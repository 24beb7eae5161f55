package probe

import (
	"encoding/binary"
	"fmt"

	"atoll/engine"
	"atoll/model"
)

// decoder turns the elements of one output into real numbers.
type decoder struct {
	data   []byte
	kind   model.TensorType
	scale  float32
	zero   int64
	values []float32 // for float32 the output's own memory
}

func newDecoder(t *model.Tensor, output *engine.Tensor) (decoder, error) {
	d := decoder{data: output.Data(), kind: t.Type, scale: 1}
	if t.Type == model.TypeFloat32 {
		d.values = output.Float32s()
		return d, nil
	}
	if q := t.Quantization; q != nil && len(q.Scale) > 0 {
		if len(q.Scale) > 1 {
			return d, fmt.Errorf("tensor %q has a scale for each channel: only constants can be shown so", t.Name)
		}
		d.scale = q.Scale[0]
		if len(q.ZeroPoint) > 0 {
			d.zero = q.ZeroPoint[0]
		}
	}
	size := 1
	switch t.Type {
	case model.TypeInt8, model.TypeUint8, model.TypeBool:
	case model.TypeInt32:
		size = 4
	default:
		return d, fmt.Errorf("tensor %q is %v: only floats and integers of up to 32 bits can be shown", t.Name, t.Type)
	}
	d.values = make([]float32, len(d.data)/size)
	return d, nil
}

// read decodes the output of the latest run.
func (d *decoder) read() {
	for i := range d.values {
		switch d.kind {
		case model.TypeInt8:
			d.values[i] = d.scale * float32(int64(int8(d.data[i]))-d.zero)
		case model.TypeUint8, model.TypeBool:
			d.values[i] = d.scale * float32(int64(d.data[i])-d.zero)
		case model.TypeInt32:
			d.values[i] = d.scale * float32(int64(int32(binary.LittleEndian.Uint32(d.data[4*i:])))-d.zero)
		}
	}
}
