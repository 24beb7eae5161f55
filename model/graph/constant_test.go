package graph

import (
	"slices"
	"strings"
	"testing"

	"atoll/model"
)

func TestFloats(t *testing.T) {
	perTensor := &model.Quantization{Scale: []float32{0.5}, ZeroPoint: []int64{2}}
	rows := &model.Quantization{Scale: []float32{1, 0.5}, ZeroPoint: []int64{0, 4}}
	columns := &model.Quantization{Scale: []float32{1, 0.5, 2}, Dimension: 1}
	one := &model.Quantization{Scale: []float32{1, 2}, ZeroPoint: []int64{1}}
	for _, test := range []struct {
		name   string
		tensor model.Tensor
		data   []byte
		want   []float32
	}{
		{"float32", model.Tensor{Type: model.TypeFloat32, Shape: []int32{2}}, []byte{0, 0, 128, 63, 0, 0, 0, 192}, []float32{1, -2}},
		{"scalar", model.Tensor{Type: model.TypeFloat32}, []byte{0, 0, 128, 63}, []float32{1}},
		{"float16", model.Tensor{Type: model.TypeFloat16, Shape: []int32{2}}, []byte{0, 0x3c, 1, 0x80}, []float32{1, -0x1p-24}},
		{"int8", model.Tensor{Type: model.TypeInt8, Shape: []int32{3}, Quantization: perTensor}, []byte{2, 255, 4}, []float32{0, -1.5, 1}},
		{"uint8", model.Tensor{Type: model.TypeUint8, Shape: []int32{2}, Quantization: perTensor}, []byte{0, 255}, []float32{-1, 126.5}},
		{"int16", model.Tensor{Type: model.TypeInt16, Shape: []int32{1}, Quantization: perTensor}, []byte{0, 0x80}, []float32{-16385}},
		{"int32", model.Tensor{Type: model.TypeInt32, Shape: []int32{1}, Quantization: perTensor}, []byte{255, 255, 255, 255}, []float32{-1.5}},
		{"rows", model.Tensor{Type: model.TypeInt8, Shape: []int32{2, 3}, Quantization: rows}, []byte{1, 2, 3, 4, 5, 6}, []float32{1, 2, 3, 0, 0.5, 1}},
		{"columns", model.Tensor{Type: model.TypeInt8, Shape: []int32{2, 3}, Quantization: columns}, []byte{1, 2, 3, 4, 5, 6}, []float32{1, 1, 6, 4, 2.5, 12}},
		{"one zero point", model.Tensor{Type: model.TypeInt8, Shape: []int32{2}, Quantization: one}, []byte{1, 2}, []float32{0, 2}},
	} {
		m, e := newModel()
		index := e.AddConstant(test.tensor, test.data)
		got, err := Floats(m, &e.Graph.Tensors[index])
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, error %v; want %v", test.name, got, err, test.want)
		}
	}
}

func TestFloatsRefuses(t *testing.T) {
	scales := func(n int, zeros int, dimension int32) *model.Quantization {
		return &model.Quantization{Scale: make([]float32, n), ZeroPoint: make([]int64, zeros), Dimension: dimension}
	}
	int8s := model.Tensor{Type: model.TypeInt8, Shape: []int32{2}}
	with := func(q *model.Quantization) model.Tensor { t := int8s; t.Quantization = q; return t }
	for _, test := range []struct {
		name   string
		tensor model.Tensor
		data   []byte
		want   string
	}{
		{"no data", model.Tensor{Shape: []int32{2}}, nil, "no constant"},
		{"variable", model.Tensor{Shape: []int32{1}, IsVariable: true}, make([]byte, 4), "no constant"},
		{"text", model.Tensor{Type: model.TypeString, Shape: []int32{1}}, make([]byte, 4), "type string"},
		{"unknown type", model.Tensor{Type: 99, Shape: []int32{1}}, make([]byte, 4), "type 99"},
		{"length", model.Tensor{Shape: []int32{2}}, make([]byte, 4), "4 bytes"},
		{"no scales", int8s, make([]byte, 2), "no scales"},
		{"empty scales", with(scales(0, 0, 0)), make([]byte, 2), "no scales"},
		{"custom scales", with(&model.Quantization{Scale: []float32{1}, Custom: []byte{}}), make([]byte, 2), "no scales"},
		{"scales", with(scales(3, 0, 0)), make([]byte, 2), "3 scales along dimension 0"},
		{"dimension", with(scales(2, 0, 1)), make([]byte, 2), "dimension 1"},
		{"negative dimension", with(scales(2, 0, -1)), make([]byte, 2), "dimension -1"},
		{"zero points", with(scales(1, 2, 0)), make([]byte, 2), "2 zero points"},
	} {
		m, e := newModel()
		test.tensor.Name = "weight"
		index := e.AddConstant(test.tensor, test.data)
		if _, err := Floats(m, &e.Graph.Tensors[index]); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `"weight"`) {
			t.Errorf("%s: error %v, want one with %q and the tensor's name", test.name, err, test.want)
		}
	}
	m, _ := newModel()
	m.Buffers[0] = make([]byte, 4) // buffer 0 stands for none
	if _, err := Floats(m, &model.Tensor{Shape: []int32{1}}); err == nil {
		t.Error("buffer 0 was taken for a constant")
	}
}

func TestBytes(t *testing.T) {
	for _, test := range []struct{ got, want []byte }{
		{Float32Bytes([]float32{1}), []byte{0, 0, 128, 63}},
		{Float16Bytes([]float32{1, -2}), []byte{0, 0x3c, 0, 0xc0}},
		{Int32Bytes([]int32{-2}), []byte{254, 255, 255, 255}},
		{Int8Bytes([]int8{-1, 127}), []byte{255, 127}},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("got %v, want %v", test.got, test.want)
		}
	}
}

func TestZeros(t *testing.T) {
	m, e := newModel()
	w := e.AddConstant(model.Tensor{Shape: []int32{2, 2}}, Float32Bytes([]float32{0, 1, 0, 0}))
	if zeros, n, err := Zeros(m, &e.Graph.Tensors[w]); zeros != 3 || n != 4 || err != nil {
		t.Errorf("%d zeros of %d, %v; want 3 of 4", zeros, n, err)
	}
	if _, _, err := Zeros(m, &model.Tensor{Shape: []int32{1}}); err == nil {
		t.Error("what is no constant has no error")
	}
}

func TestInt32s(t *testing.T) {
	_, e := newModel()
	axes := e.AddConstant(model.Tensor{Type: model.TypeInt32, Shape: []int32{2}}, Int32Bytes([]int32{1, -2}))
	floats := e.AddConstant(model.Tensor{Shape: []int32{2}}, Float32Bytes([]float32{1, 2}))
	computed := e.AddTensor(model.Tensor{Type: model.TypeInt32, Shape: []int32{2}})
	op := &model.Operator{Inputs: []int32{axes, floats, computed, -1}}
	for slot, want := range [][]int32{{1, -2}, nil, nil, nil, nil} {
		if got := e.Int32s(op, slot); !slices.Equal(got, want) {
			t.Errorf("input %d: %v, want %v", slot, got, want)
		}
	}
}
