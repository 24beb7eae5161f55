package encode_test

import (
	"testing"

	"pgregory.net/rapid"

	"atoll/model"
	"atoll/model/graph"
	"atoll/sparsity/channels"
	"atoll/sparsity/chw"
	"atoll/sparsity/encode"
)

// damage changes a few things of a model so that it may still pass Check.
func damage(t *rapid.T, m *model.Model) {
	g := &m.Subgraphs[0]
	tensor := rapid.Int32Range(-1, int32(len(g.Tensors)-1))
	for range rapid.IntRange(1, 6).Draw(t, "changes") {
		op := &g.Operators[rapid.IntRange(0, len(g.Operators)-1).Draw(t, "operator")]
		switch rapid.IntRange(0, 5).Draw(t, "change") {
		case 0:
			op.Inputs = rapid.SliceOfN(tensor, 0, 3).Draw(t, "inputs")
		case 1:
			if len(op.Inputs) > 0 {
				op.Inputs = append([]int32(nil), op.Inputs...)
				op.Inputs[rapid.IntRange(0, len(op.Inputs)-1).Draw(t, "slot")] = tensor.Draw(t, "input")
			}
		case 2:
			op.Outputs = rapid.SliceOfN(rapid.Int32Range(0, int32(len(g.Tensors)-1)), 0, 2).Draw(t, "outputs")
		case 3:
			op.Opcode = uint32(rapid.IntRange(0, len(m.OperatorCodes)-1).Draw(t, "code"))
		case 4:
			x := &g.Tensors[rapid.IntRange(0, len(g.Tensors)-1).Draw(t, "tensor")]
			x.Shape = rapid.SliceOfN(rapid.SampledFrom([]int32{0, 1, 3, 8, 1 << 30}), 0, 5).Draw(t, "shape")
		case 5:
			x := &g.Tensors[rapid.IntRange(0, len(g.Tensors)-1).Draw(t, "tensor")]
			x.Buffer = uint32(rapid.IntRange(0, len(m.Buffers)-1).Draw(t, "buffer"))
		}
	}
}

// small is a model with one of everything that the packages of sparsity look at.
func small() *model.Model {
	d := newDetector()
	d.op(model.OpConv2D, window(2, 0), 8, 8, d.weights(8, 5, 5, 3), d.weights(8))
	d.unary(model.OpRelu)
	first := d.last
	d.depthwise(3, 1, 0).point()
	d.op(model.OpAdd, model.Options{}, 8, 8, first)
	d.op(model.OpMaxPool2D, model.NewOptions("Pool2DOptions", map[string]int64{
		"stride_w": 2, "stride_h": 2, "filter_width": 2, "filter_height": 2}), 4, 8)
	paddings := d.AddConstant(model.Tensor{Type: model.TypeInt32, Shape: []int32{4, 2}}, graph.Int32Bytes([]int32{0, 0, 0, 0, 0, 0, 0, 4}))
	d.op(model.OpPad, model.Options{}, 4, 12, paddings)
	d.op(model.OpConv2D, window(1, 0), 4, 8, d.weights(8, 1, 1, 12))
	return d.done()
}

func TestDamagedModelsDontPanic(t *testing.T) {
	valid := 0
	rapid.Check(t, func(t *rapid.T) {
		m := small()
		damage(t, m)
		if m.Check() != nil {
			return
		}
		data, err := m.Write()
		if err != nil {
			return
		}
		valid++
		read := func() *model.Model {
			m, err := model.Read(data)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		encode.SparsePath(read())
		if groups, err := channels.Groups(read()); err == nil {
			for _, g := range groups {
				cut := read()
				if g.Fixed != "" || len(g.Units) < 2 || channels.Remove(cut, g.Units[:1]) != nil {
					continue
				}
				if err := cut.Check(); err != nil {
					t.Fatalf("a channel less: %v", err)
				}
			}
		}
		for _, change := range []func(m *model.Model) error{
			func(m *model.Model) error { _, err := encode.Weights(m); return err },
			func(m *model.Model) error { _, err := chw.Rewrite(m, chw.Options{Border: 1}); return err },
		} {
			if m := read(); change(m) == nil {
				if err := m.Check(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	if valid == 0 {
		t.Error("no damaged model passed Check: nothing was tested")
	}
}
