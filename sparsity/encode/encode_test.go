package encode_test

import (
	"math"
	"slices"
	"testing"

	"atoll/engine"
	"atoll/engine/enginetest"
	"atoll/model"
	"atoll/model/graph"
	"atoll/sparsity/encode"
)

// layer is a model of one operator with weights of 64 rows and 64 columns.
type layer struct {
	code    model.BuiltinOperator
	kind    model.TensorType
	widened bool             // behind DEQUANTIZE
	pattern func(i int) bool // which weights are kept
	scales  int              // of int8
	zero    int64            // zero point of int8
}

// every keeps one of n weights of a row, in runs of that length, each row other ones.
func every(n, run int) func(i int) bool {
	return func(i int) bool { return (i/run+2*(i/64))%n == 0 }
}

func (l layer) model() *model.Model {
	m := &model.Model{Version: 3, Buffers: [][]byte{nil}, Subgraphs: make([]model.Subgraph, 1)}
	e := graph.Edit(m, 0)
	shape, image := []int32{64, 64}, []int32{1, 64}
	options := model.NewOptions("FullyConnectedOptions", nil)
	if l.code == model.OpConv2D {
		shape, image = []int32{64, 1, 1, 64}, []int32{1, 2, 2, 64}
		options = model.NewOptions("Conv2DOptions", map[string]int64{"stride_w": 1, "stride_h": 1})
	}
	values := make([]float32, 64*64)
	for i := range values {
		if l.pattern(i) {
			values[i] = float32(i%251) - 125.5
			if l.kind == model.TypeInt8 {
				values[i] = float32(i%125) + 1
			}
		}
	}
	in, out := e.AddTensor(model.Tensor{Name: "in", Shape: image}), e.AddTensor(model.Tensor{Name: "out", Shape: image})
	weights := model.Tensor{Name: "weights", Type: l.kind, Shape: shape}
	if l.kind == model.TypeInt8 {
		weights.Quantization = &model.Quantization{ZeroPoint: []int64{l.zero}}
		for i := range l.scales {
			weights.Quantization.Scale = append(weights.Quantization.Scale, 0.01*float32(i+1))
		}
		if l.scales > 1 {
			weights.Quantization.ZeroPoint = make([]int64, l.scales)
		}
	}
	w := e.AddConstant(weights, bytesOf(l.kind, values))
	if l.widened {
		wide := e.AddTensor(model.Tensor{Name: "wide", Shape: shape})
		version := int32(3)
		if l.scales > 1 {
			version = 5
		}
		e.InsertOperator(0, model.Operator{Opcode: e.Code(model.OpDequantize, version), Inputs: []int32{w}, Outputs: []int32{wide}})
		w = wide
	}
	bias := e.AddConstant(model.Tensor{Name: "bias", Shape: []int32{64}}, make([]byte, 256))
	e.InsertOperator(len(e.Graph.Operators), model.Operator{
		Opcode: e.Code(l.code, 1), Inputs: []int32{in, w, bias}, Outputs: []int32{out}, Options: options,
	})
	e.Graph.Inputs, e.Graph.Outputs = []int32{in}, []int32{out}
	return m
}

// operators lists the names of a model's operators.
func operators(m *model.Model) (names []string) {
	for _, op := range m.Subgraphs[0].Operators {
		names = append(names, m.OperatorCodes[op.Opcode].Name())
	}
	return names
}

// answer runs a model on a ramp.
func answer(t testing.TB, m *model.Model) []float32 {
	t.Helper()
	return enginetest.Answer(t, m, func(inputs []engine.Tensor) {
		for in, i := inputs[0].Float32s(), 0; i < len(in); i++ {
			in[i] = float32(i%17)/8 - 1
		}
	})
}

func TestWeightsAreWrittenInTheSmallestForm(t *testing.T) {
	conv, full := model.OpConv2D, model.OpFullyConnected
	densify, dequantize := "DENSIFY", "DEQUANTIZE"
	cases := []struct {
		name      string
		layer     layer
		block     encode.Block
		operators []string
	}{
		{"convolution", layer{code: conv, pattern: every(5, 1)}, encode.Block{Rows: 1, Columns: 1}, []string{densify, "CONV_2D"}},
		{"convolution in rows", layer{code: conv, pattern: every(4, 4)}, encode.Block{Rows: 1, Columns: 4}, []string{densify, "CONV_2D"}},
		{"convolution in columns", layer{code: conv, pattern: func(i int) bool { return (i/256+i%64)%5 == 0 }}, encode.Block{Rows: 4, Columns: 1}, []string{densify, "CONV_2D"}},
		{"float16", layer{code: conv, kind: model.TypeFloat16, widened: true, pattern: every(5, 1)}, encode.Block{Rows: 1, Columns: 1}, []string{densify, dequantize, "CONV_2D"}},
		{"int8 by channel", layer{code: conv, kind: model.TypeInt8, scales: 64, pattern: every(5, 4)}, encode.Block{Rows: 1, Columns: 4}, []string{densify, "CONV_2D"}},
		{"widened int8", layer{code: conv, kind: model.TypeInt8, scales: 1, widened: true, pattern: every(5, 4)}, encode.Block{Rows: 1, Columns: 4}, []string{densify, dequantize, "CONV_2D"}},
		{"fully connected", layer{code: full, pattern: every(5, 1)}, encode.Block{Rows: 1, Columns: 1}, []string{densify, "FULLY_CONNECTED"}},
		{"fully connected in rows", layer{code: full, pattern: every(4, 4)}, encode.Block{Rows: 1, Columns: 4}, []string{"FULLY_CONNECTED"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := c.layer.model()
			before, err := m.Write()
			if err != nil {
				t.Fatal(err)
			}
			want := answer(t, m)
			got, err := encode.Weights(m)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || got[0].Block != c.block || got[0].Name != "weights" {
				t.Fatalf("encoded %+v, want one tensor in blocks of %v", got, c.block)
			}
			if names := operators(m); !slices.Equal(names, c.operators) {
				t.Errorf("operators %q, want %q", names, c.operators)
			}
			after, err := m.Write()
			if err != nil {
				t.Fatal(err)
			}
			if saved := int64(len(before) - len(after)); saved < got[0].Saved || saved > got[0].Saved+400 {
				t.Errorf("the file lost %d bytes, %d were told", saved, got[0].Saved)
			}
			read, err := model.Read(after)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range answer(t, read) {
				if math.Abs(float64(v-want[i])) > 1e-4*(1+math.Abs(float64(want[i]))) {
					t.Fatalf("output %d is %v, dense %v", i, v, want[i])
				}
			}
			if again, err := encode.Weights(read); err != nil || len(again) != 0 {
				t.Errorf("a second time: %+v, %v", again, err)
			}
		})
	}
}

func TestWeightsThatStayDense(t *testing.T) {
	cases := []struct {
		name  string
		layer layer
	}{
		{"no zeros", layer{code: model.OpConv2D, pattern: every(1, 1)}},
		{"only zeros", layer{code: model.OpConv2D, pattern: func(int) bool { return false }}},
		{"few zeros", layer{code: model.OpConv2D, pattern: func(i int) bool { return (i+i/64)%8 != 0 }}},
		{"zero point", layer{code: model.OpConv2D, kind: model.TypeInt8, scales: 1, zero: 3, widened: true, pattern: every(5, 1)}},
	}
	for _, c := range cases {
		m := c.layer.model()
		before, err := m.Write()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := encode.Weights(m); err != nil || len(got) != 0 {
			t.Errorf("%s: encoded %+v, error %v", c.name, got, err)
		}
		if after, err := m.Write(); err != nil || string(after) != string(before) {
			t.Errorf("%s: the model changed (error %v)", c.name, err)
		}
	}
}

// A tensor that two operators read is stored once and made dense once.
func TestSharedWeightsAreDensifiedOnce(t *testing.T) {
	m := layer{code: model.OpConv2D, pattern: every(5, 1)}.model()
	e := graph.Edit(m, 0)
	second := e.Graph.Operators[0]
	first := e.AddTensor(model.Tensor{Name: "between", Shape: []int32{1, 2, 2, 64}})
	e.Graph.Operators[0].Outputs = []int32{first}
	second.Inputs = append([]int32{first}, second.Inputs[1:]...)
	e.InsertOperator(1, second)
	want := answer(t, m)
	if got, err := encode.Weights(m); err != nil || len(got) != 1 {
		t.Fatalf("encoded %+v, error %v", got, err)
	}
	if names := operators(m); !slices.Equal(names, []string{"DENSIFY", "CONV_2D", "CONV_2D"}) {
		t.Errorf("operators %q", names)
	}
	if got := answer(t, m); !slices.Equal(got, want) {
		t.Error("outputs differ")
	}
}
