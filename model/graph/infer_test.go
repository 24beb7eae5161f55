package graph

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"atoll/model"
)

// TestInferFiles: without the shapes of their results the files get back exactly
// those that their converters wrote.
func TestInferFiles(t *testing.T) {
	for _, name := range realModels {
		want, got := readModel(t, name), readModel(t, name)
		forgetShapes(got)
		if reflect.DeepEqual(got.Subgraphs, want.Subgraphs) {
			t.Fatalf("%s: no shape was forgotten", name)
		}
		if err := Infer(got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range got.Subgraphs[0].Tensors {
			if got, want := got.Subgraphs[0].Tensors[i].Shape, want.Subgraphs[0].Tensors[i].Shape; !slices.Equal(got, want) {
				t.Errorf("%s: tensor %d has shape %v, want %v", name, i, got, want)
			}
		}
	}
}

// forgetShapes clears the shapes of all results.
func forgetShapes(m *model.Model) {
	for i := range m.Subgraphs {
		g := &m.Subgraphs[i]
		for o := range g.Operators {
			for _, t := range g.Operators[o].Outputs {
				g.Tensors[t].Shape = nil
			}
		}
	}
}

// TestInferUnchanged: right shapes stay as they are, signatures too.
func TestInferUnchanged(t *testing.T) {
	for _, name := range realModels {
		want, got := readModel(t, name), readModel(t, name)
		if err := Infer(got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the model changed, error %v", name, err)
		}
	}
}

// convNet is a convolution, an activation, a pool and a layer that mixes channels.
func convNet(channels int32) (*model.Model, Editor) {
	m, e := newModel()
	x := e.AddTensor(model.Tensor{Shape: []int32{1, 8, 8, 3}, ShapeSignature: []int32{-1, 8, 8, 3}})
	kernel := e.AddConstant(model.Tensor{Shape: []int32{channels, 3, 3, 3}}, make([]byte, channels*27*4))
	y := e.AddTensor(model.Tensor{ShapeSignature: []int32{-1, 4, 4, 1}})
	e.op(model.OpConv2D, []int32{x, kernel, -1}, y)
	e.Graph.Operators[0].Options = model.NewOptions("Conv2DOptions", map[string]int64{"stride_h": 2, "stride_w": 2})
	z := e.AddTensor(model.Tensor{ShapeSignature: []int32{1}})
	e.op(model.OpRelu, []int32{y}, z)
	out := e.AddTensor(model.Tensor{})
	mix := e.AddConstant(model.Tensor{Shape: []int32{2, 1, 1, 4}}, make([]byte, 32))
	e.op(model.OpConv2D, []int32{z, mix}, out)
	e.Graph.Operators[2].Options = model.NewOptions("Conv2DOptions", map[string]int64{"stride_h": 1, "stride_w": 1})
	e.Graph.Inputs, e.Graph.Outputs = []int32{x}, []int32{out}
	return m, e
}

func TestInferPropagates(t *testing.T) {
	m, e := convNet(4)
	if err := Infer(m); err != nil {
		t.Fatal(err)
	}
	tensors := e.Graph.Tensors
	for i, want := range map[int][]int32{2: {1, 4, 4, 4}, 3: {1, 4, 4, 4}, 4: {1, 4, 4, 2}} {
		if got := tensors[i].Shape; !slices.Equal(got, want) {
			t.Errorf("tensor %d has shape %v, want %v", i, got, want)
		}
	}
	if got, want := tensors[2].ShapeSignature, []int32{-1, 4, 4, 4}; !slices.Equal(got, want) {
		t.Errorf("signature %v, want %v", got, want)
	}
	if tensors[3].ShapeSignature != nil {
		t.Errorf("signature %v of another rank stayed", tensors[3].ShapeSignature)
	}
}

func TestInferContradiction(t *testing.T) {
	m, e := convNet(6)
	err := Infer(m)
	var fault *ShapeError
	if !errors.As(err, &fault) || fault.Operator != 2 || fault.Name != "CONV_2D" || !strings.Contains(err.Error(), "for 6 channels") {
		t.Errorf("error %v, want a *ShapeError of operator 2", err)
	}
	if got := e.Graph.Tensors[2].Shape; got != nil {
		t.Errorf("after an error the first result has shape %v", got)
	}
	// Sound of another length contradicts the constants of RESHAPE.
	m = readModel(t, "silero_vad_f32")
	m.Subgraphs[0].Tensors[m.Subgraphs[0].Inputs[0]].Shape[1] = 600
	if err := Infer(m); !errors.As(err, &fault) || fault.Name != "RESHAPE" {
		t.Errorf("error %v, want one of RESHAPE", err)
	}
}

func TestInferUnknown(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(e Editor)
		want   string
	}{
		{"control flow", func(e Editor) { e.Graph.Operators[1].Opcode = e.Code(model.OpIf, 1) }, "operator 1, IF: the shape of what IF makes is not known: there is no rule"},
		{"custom", func(e Editor) {
			e.Graph.Operators[1].Opcode = e.Code(model.OpCustom, 1)
			e.Model.OperatorCodes[len(e.Model.OperatorCodes)-1].Custom = "RELU"
		}, "operator 1, RELU"},
		{"newer", func(e Editor) { e.Graph.Operators[1].Opcode = e.Code(900, 1) }, "BUILTIN_900"},
		{"shape at run time", func(e Editor) {
			e.Graph.Operators[1].Opcode = e.Code(model.OpReshape, 1)
			e.Graph.Operators[1].Inputs = []int32{2, 0}
		}, "values of input 1, which is no constant"},
	} {
		m, e := convNet(4)
		test.change(e)
		err := Infer(m)
		var unknown *UnknownShapeError
		if !errors.As(err, &unknown) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want an *UnknownShapeError with %q", test.name, err, test.want)
		}
	}
}

// TestRuleNames: every rule is for an operator that there is.
func TestRuleNames(t *testing.T) {
	names := make(map[string]bool)
	for b := range model.BuiltinOperator(300) {
		names[b.String()] = true
	}
	for name := range rules {
		if !names[name] {
			t.Errorf("there is no operator %s", name)
		}
	}
}

// TestInferIntegers: dimensions may be int32 or int64, and nothing else.
func TestInferIntegers(t *testing.T) {
	for _, test := range []struct {
		kind model.TensorType
		data []byte
		want string // of the error
	}{
		{model.TypeInt32, []byte{1, 0, 0, 0, 3, 0, 0, 0}, ""},
		{model.TypeInt64, []byte{1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0}, ""},
		{model.TypeFloat32, make([]byte, 8), "type float32, want integers"},
	} {
		m, e := newModel()
		x, out := e.AddTensor(model.Tensor{Shape: []int32{3}}), e.AddTensor(model.Tensor{})
		e.op(model.OpReshape, []int32{x, e.AddConstant(model.Tensor{Type: test.kind, Shape: []int32{2}}, test.data)}, out)
		err := Infer(m)
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v: error %v, want one with %q", test.kind, err, test.want)
			}
			continue
		}
		if got, want := e.Graph.Tensors[out].Shape, []int32{1, 3}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: %v, error %v; want %v", test.kind, got, err, want)
		}
	}
}

// TestInferFits: a new shape must not contradict what else a tensor says of itself.
func TestInferFits(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(e Editor, out *model.Tensor)
		want   string
	}{
		{"constant", func(e Editor, out *model.Tensor) { e.SetConstant(1, make([]byte, 8)) }, "shape [3] for a constant of shape [2]"},
		{"sparse", func(_ Editor, out *model.Tensor) { out.Sparsity = &model.Sparsity{} }, "for a constant"},
		{"scales", func(_ Editor, out *model.Tensor) { out.Quantization = &model.Quantization{Scale: make([]float32, 2)} }, "for 2 scales along dimension 0"},
		{"dimension", func(_ Editor, out *model.Tensor) {
			out.Quantization = &model.Quantization{Scale: make([]float32, 3), Dimension: 1}
		}, "for 3 scales along dimension 1"},
	} {
		m, e := newModel()
		x := e.AddTensor(model.Tensor{Shape: []int32{3}})
		out := e.AddTensor(model.Tensor{Shape: []int32{2}})
		e.op(model.OpRelu, []int32{x}, out)
		test.change(e, &e.Graph.Tensors[out])
		if err := Infer(m); err == nil || !strings.Contains(err.Error(), "output 0: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}
