package onnx

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// msg builds a message field by field.
type msg []byte

func (m msg) bytes(num protowire.Number, b []byte) msg {
	return protowire.AppendBytes(protowire.AppendTag(m, num, protowire.BytesType), b)
}

func (m msg) text(num protowire.Number, s string) msg { return m.bytes(num, []byte(s)) }

func (m msg) varint(num protowire.Number, v uint64) msg {
	return protowire.AppendVarint(protowire.AppendTag(m, num, protowire.VarintType), v)
}

func (m msg) fixed32(num protowire.Number, v uint32) msg {
	return protowire.AppendFixed32(protowire.AppendTag(m, num, protowire.Fixed32Type), v)
}

// file wraps a graph.
func file(graph msg) []byte { return msg(nil).text(2, "maker").text(3, "1.2").bytes(7, graph) }

// constant is a Constant node with a tensor.
func constant(tensor msg) msg {
	attribute := msg(nil).text(1, "value").bytes(5, tensor)
	return msg(nil).text(2, "out").text(4, "Constant").bytes(5, attribute)
}

func sample() []byte {
	raw := binary.LittleEndian.AppendUint32(nil, math.Float32bits(1.5))
	raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(-2))
	tensor := msg(nil).varint(1, 1).varint(1, 2).varint(2, uint64(Float32)).bytes(9, raw).text(8, "w")
	ints := msg(nil).bytes(1, []byte{3}).varint(2, uint64(Int64)).bytes(7, []byte{1, 2, 3}).text(8, "n")
	inner := msg(nil).text(2, "inner").bytes(1, msg(nil).text(4, "Relu").text(1, "a").text(1, "").text(2, "b"))
	branch := msg(nil).text(1, "then_branch").bytes(6, inner)
	strides := msg(nil).text(1, "strides").varint(8, 2).bytes(8, []byte{3})
	group := msg(nil).text(1, "group").varint(3, 4)
	alpha := msg(nil).text(1, "alpha").fixed32(2, math.Float32bits(0.25)).text(4, "mode")
	graph := msg(nil).text(2, "outer").
		bytes(1, constant(tensor)).
		bytes(1, msg(nil).text(3, "cond").text(4, "If").bytes(5, branch)).
		bytes(1, msg(nil).text(4, "Conv").bytes(5, strides).bytes(5, group).bytes(5, alpha)).
		bytes(5, ints).
		bytes(11, msg(nil).text(1, "x")).
		bytes(12, msg(nil).text(1, "y")).
		fixed32(99, 7) // a field of a later schema
	return file(graph)
}

func TestRead(t *testing.T) {
	m, err := Read(sample())
	if err != nil {
		t.Fatal(err)
	}
	g := m.Graph
	if m.ProducerName != "maker" || m.ProducerVersion != "1.2" || g.Name != "outer" || len(g.Nodes) != 3 {
		t.Fatalf("model %+v", m)
	}
	if !slices.Equal(g.Inputs, []string{"x"}) || !slices.Equal(g.Outputs, []string{"y"}) {
		t.Errorf("inputs %v, outputs %v", g.Inputs, g.Outputs)
	}
	w := g.Nodes[0].Attribute("value").Tensor
	if v, err := w.Float32s(); err != nil || !slices.Equal(v, []float32{1.5, -2}) {
		t.Errorf("floats %v, error %v", v, err)
	}
	if v, err := g.Initializers[0].Int64s(); err != nil || !slices.Equal(v, []int64{1, 2, 3}) {
		t.Errorf("ints %v, error %v", v, err)
	}
	inner := g.Nodes[1].Attribute("then_branch").Graph
	if inner.Name != "inner" || !slices.Equal(inner.Nodes[0].Inputs, []string{"a", ""}) {
		t.Errorf("inner graph %+v", inner)
	}
	conv := &g.Nodes[2]
	if got := conv.Ints("strides"); !slices.Equal(got, []int64{2, 3}) {
		t.Errorf("strides %v", got)
	}
	if conv.Int("group", 1) != 4 || conv.Int("axis", -1) != -1 || conv.Ints("pads") != nil {
		t.Error("integer attributes are wrong")
	}
	if a := conv.Attribute("alpha"); a.Float != 0.25 || a.String != "mode" {
		t.Errorf("alpha %+v", a)
	}
}

func TestReadRefuses(t *testing.T) {
	deep := msg(nil)
	for range maxDepth + 1 {
		deep = msg(nil).bytes(1, msg(nil).bytes(5, msg(nil).bytes(6, deep)))
	}
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "no graph"},
		{"not protobuf", []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "byte 0"},
		{"text", []byte("version = 1"), "onnx:"},
		{"length behind the end", []byte{7<<3 | 2, 200}, "byte 0"},
		{"graph is a number", msg(nil).varint(7, 1), "wire type"},
		{"node is a number", file(msg(nil).varint(1, 1)), "wire type"},
		{"name is a number", file(msg(nil).varint(2, 1)), "wire type"},
		{"op type is a number", file(msg(nil).bytes(1, msg(nil).varint(4, 1))), "field 4"},
		{"bad packed ints", file(msg(nil).bytes(5, msg(nil).bytes(1, []byte{0x80}))), "tensor"},
		{"bad packed floats", file(msg(nil).bytes(5, msg(nil).bytes(4, []byte{1, 2}))), "tensor"},
		{"dims are fixed32", file(msg(nil).bytes(5, msg(nil).fixed32(1, 1))), "wire type"},
		{"data type is text", file(msg(nil).bytes(5, msg(nil).text(2, "x"))), "wire type"},
		{"deep", file(deep), "nested deeper"},
		{"many", file([]byte(strings.Repeat("\x0a\x00", maxMessages))), "more than"},
	} {
		if _, err := Read(test.data); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

// TestReadTruncated: no prefix of a file makes Read panic, and a file that ends in
// the graph is refused.
func TestReadTruncated(t *testing.T) {
	data := sample()
	for n := range len(data) {
		if _, err := Read(data[:n]); err == nil {
			t.Errorf("first %d of %d bytes were accepted", n, len(data))
		}
	}
}

func TestTensorRefuses(t *testing.T) {
	floats := func(fields func(msg) msg) Tensor {
		m, err := Read(file(msg(nil).bytes(5, fields(msg(nil).varint(2, uint64(Float32))))))
		if err != nil {
			t.Fatal(err)
		}
		return m.Graph.Initializers[0]
	}
	for _, test := range []struct {
		name   string
		tensor Tensor
		want   string
	}{
		{"short raw", floats(func(m msg) msg { return m.varint(1, 2).bytes(9, make([]byte, 7)) }), "7 bytes, want 8"},
		{"long raw", floats(func(m msg) msg { return m.varint(1, 1).bytes(9, make([]byte, 8)) }), "8 bytes, want 4"},
		{"short typed", floats(func(m msg) msg { return m.varint(1, 2).fixed32(4, 0) }), "1 elements, want 2"},
		{"negative", floats(func(m msg) msg { return m.varint(1, math.MaxUint64) }), "out of range"},
		{"overflow", floats(func(m msg) msg { return m.varint(1, 1<<31).varint(1, 1<<33) }), "out of range"},
		{"external", floats(func(m msg) msg { return m.varint(14, 1) }), "another file"},
		{"type", Tensor{Type: Int64}, "is int64, want float32"},
	} {
		if _, err := test.tensor.Float32s(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
	if _, err := (&Tensor{Type: Float32}).Int64s(); err == nil || !strings.Contains(err.Error(), "want int64") {
		t.Errorf("Int64s of floats: error %v", err)
	}
	scalar := floats(func(m msg) msg { return m.fixed32(4, math.Float32bits(3)) })
	if v, err := scalar.Float32s(); err != nil || !slices.Equal(v, []float32{3}) {
		t.Errorf("scalar = %v, error %v", v, err)
	}
}

func TestDataTypeString(t *testing.T) {
	for v, want := range map[DataType]string{Float32: "float32", Bool: "bool", 99: "type 99"} {
		if got := v.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}

func FuzzONNX(f *testing.F) {
	f.Add(sample())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(data)
		if err != nil {
			return
		}
		for i := range m.Graph.Initializers {
			tensor := &m.Graph.Initializers[i]
			v, err := tensor.Float32s()
			if n, _ := tensor.Elements(); err == nil && len(v) != n {
				t.Errorf("%d floats for shape %v", len(v), tensor.Dims)
			}
			_, _ = tensor.Int64s()
		}
	})
}
