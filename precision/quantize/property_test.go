package quantize

import (
	"testing"

	"pgregory.net/rapid"

	"atoll/model"
)

// TestDamagedProperty: valid files with anything changed that Check allows are refused or
// converted to valid ones. FuzzConvert does the same from bytes.
func TestDamagedProperty(t *testing.T) {
	codes := []model.BuiltinOperator{model.OpConv2D, model.OpDepthwiseConv2D, model.OpFullyConnected, model.OpGather, model.OpRelu, model.OpRelu6}
	for code := range rules {
		if code != model.OpAdd {
			codes = append(codes, code)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		n := newNet()
		x := n.conv("first", n.input("x", 1, 4, 4, 4), 1, 4, 4, 0)
		for range rapid.IntRange(0, 4).Draw(r, "operators") {
			x = rapid.SampledFrom(steps).Draw(r, "step")(n, "t", x, x)
		}
		m, g := n.output(x), n.Graph
		last := int32(len(g.Tensors) - 1)
		for range rapid.IntRange(1, 6).Draw(r, "changes") {
			op := &g.Operators[rapid.IntRange(0, len(g.Operators)-1).Draw(r, "operator")]
			tensor := &g.Tensors[rapid.Int32Range(0, last).Draw(r, "tensor")]
			switch rapid.IntRange(0, 7).Draw(r, "change") {
			case 0:
				op.Inputs = rapid.SliceOfN(rapid.Int32Range(-1, last), 0, 4).Draw(r, "inputs")
			case 1:
				op.Outputs = rapid.SliceOfN(rapid.Int32Range(0, last), 0, 2).Draw(r, "outputs")
			case 2:
				tensor.Shape = rapid.SliceOfN(rapid.Int32Range(0, 5), 0, 5).Draw(r, "shape")
			case 3:
				op.Opcode = n.Code(rapid.SampledFrom(codes).Draw(r, "code"), 1)
			case 4:
				op.Options = model.Options{}
			case 5:
				tensor.Type = rapid.SampledFrom([]model.TensorType{model.TypeFloat32, model.TypeInt32, model.TypeInt8, model.TypeBool}).Draw(r, "type")
			case 6:
				tensor.Buffer = rapid.Uint32Range(0, uint32(len(m.Buffers)-1)).Draw(r, "buffer")
			case 7:
				g.Inputs = rapid.SliceOfN(rapid.Int32Range(0, last), 0, 2).Draw(r, "graph inputs")
				g.Outputs = rapid.SliceOfN(rapid.Int32Range(0, last), 0, 2).Draw(r, "graph outputs")
			}
		}
		if m.Check() != nil {
			r.Skip("no valid file")
		}
		convertAll(r, "damaged", m)
	})
}
