package onnx

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// graph reads a GraphProto.
func (r *reader) graph(f field) (*Graph, error) {
	if err := f.want(protowire.BytesType); err != nil {
		return nil, err
	}
	if r.depth++; r.depth > maxDepth {
		return nil, fmt.Errorf("graphs are nested deeper than %d", maxDepth)
	}
	defer func() { r.depth-- }()
	g := &Graph{}
	err := r.message("graph", f.bytes, func(f field) (err error) {
		switch f.num {
		case 1:
			g.Nodes, err = appendRead(g.Nodes, f, r.node)
		case 2:
			g.Name, err = r.text(f)
		case 5:
			g.Initializers, err = appendRead(g.Initializers, f, r.tensor)
		case 11:
			g.Inputs, err = appendRead(g.Inputs, f, r.valueName)
		case 12:
			g.Outputs, err = appendRead(g.Outputs, f, r.valueName)
		}
		return err
	})
	return g, err
}

// appendRead reads one element of a repeated field and adds it to the list.
func appendRead[T any](list []T, f field, read func(field) (T, error)) ([]T, error) {
	if err := f.want(protowire.BytesType); err != nil {
		return nil, err
	}
	v, err := read(f)
	return append(list, v), err
}

// valueName reads the name of a ValueInfoProto; its type is not needed.
func (r *reader) valueName(f field) (name string, err error) {
	err = r.message("value", f.bytes, func(f field) (err error) {
		if f.num == 1 {
			name, err = r.text(f)
		}
		return err
	})
	return name, err
}

// node reads a NodeProto.
func (r *reader) node(f field) (n Node, err error) {
	err = r.message("node", f.bytes, func(f field) (err error) {
		switch f.num {
		case 1:
			n.Inputs, err = appendRead(n.Inputs, f, r.text)
		case 2:
			n.Outputs, err = appendRead(n.Outputs, f, r.text)
		case 3:
			n.Name, err = r.text(f)
		case 4:
			n.OpType, err = r.text(f)
		case 5:
			n.Attributes, err = appendRead(n.Attributes, f, r.attribute)
		}
		return err
	})
	return n, err
}

// attribute reads an AttributeProto.
func (r *reader) attribute(f field) (a Attribute, err error) {
	err = r.message("attribute", f.bytes, func(f field) (err error) {
		switch f.num {
		case 1:
			a.Name, err = r.text(f)
		case 2:
			a.Float, err = math.Float32frombits(uint32(f.value)), f.want(protowire.Fixed32Type)
		case 3:
			a.Int, err = f.varint()
		case 4:
			a.String, err = r.text(f)
		case 5:
			var t Tensor
			t, err = r.tensor(f)
			a.Tensor = &t
		case 6:
			a.Graph, err = r.graph(f)
		case 8:
			a.Ints, err = appendInts(a.Ints, f)
		}
		return err
	})
	return a, err
}

// tensor reads a TensorProto.
func (r *reader) tensor(f field) (t Tensor, err error) {
	if err := f.want(protowire.BytesType); err != nil {
		return t, err
	}
	err = r.message("tensor", f.bytes, func(f field) (err error) {
		var v int64
		switch f.num {
		case 1:
			t.Dims, err = appendInts(t.Dims, f)
		case 2:
			v, err = f.varint()
			t.Type = DataType(v)
		case 4:
			t.floats, err = appendFloats(t.floats, f)
		case 7:
			t.ints, err = appendInts(t.ints, f)
		case 8:
			t.Name, err = r.text(f)
		case 9:
			t.raw, err = f.bytes, f.want(protowire.BytesType)
		case 14:
			v, err = f.varint()
			t.external = v != 0
		}
		return err
	})
	return t, err
}
