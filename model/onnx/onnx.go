// Package onnx reads the parts of an ONNX file that a converter needs: graphs,
// nodes, attributes and constant tensors.
//
// An ONNX file is one ModelProto message of onnx.proto3; the field numbers here
// are those of that public schema. Only protobuf's wire format is needed to read
// it. Files are treated as hostile: every length is checked, nesting and the
// number of messages are bounded, and any fault is an error, never a panic.
package onnx

import "fmt"

// DataType is TensorProto.DataType of the ONNX schema.
type DataType int32

// The element types that constants of speech and vision networks use.
const (
	Float32 DataType = 1
	Uint8   DataType = 2
	Int8    DataType = 3
	Int32   DataType = 6
	Int64   DataType = 7
	Bool    DataType = 9
	Float16 DataType = 10
	Float64 DataType = 11
)

var dataTypes = map[DataType]struct {
	name string
	size int
}{
	Float32: {"float32", 4}, Uint8: {"uint8", 1}, Int8: {"int8", 1}, Int32: {"int32", 4},
	Int64: {"int64", 8}, Bool: {"bool", 1}, Float16: {"float16", 2}, Float64: {"float64", 8},
}

// String returns the type's name, such as "float32".
func (t DataType) String() string {
	if d, ok := dataTypes[t]; ok {
		return d.name
	}
	return fmt.Sprintf("type %d", int32(t))
}

// Model is a whole ONNX file.
type Model struct {
	ProducerName    string
	ProducerVersion string
	Graph           *Graph
}

// Graph is a list of nodes in the order of execution. Values are known by name.
type Graph struct {
	Name         string
	Nodes        []Node
	Initializers []Tensor
	Inputs       []string
	Outputs      []string
}

// Node is one operator.
type Node struct {
	Name       string
	OpType     string
	Inputs     []string // an empty name is an optional input that is left out
	Outputs    []string
	Attributes []Attribute
}

// Attribute is a named constant of a node. The field that matters follows from the
// operator's definition; the others are zero.
type Attribute struct {
	Name   string
	Int    int64
	Float  float32
	String string
	Ints   []int64
	Tensor *Tensor
	Graph  *Graph
}

// Attribute returns the attribute of that name, or nil.
func (n *Node) Attribute(name string) *Attribute {
	for i := range n.Attributes {
		if n.Attributes[i].Name == name {
			return &n.Attributes[i]
		}
	}
	return nil
}

// Ints returns the integer list of an attribute, or nil where it is absent.
func (n *Node) Ints(name string) []int64 {
	if a := n.Attribute(name); a != nil {
		return a.Ints
	}
	return nil
}

// Int returns an integer attribute, or def where it is absent.
func (n *Node) Int(name string, def int64) int64 {
	if a := n.Attribute(name); a != nil {
		return a.Int
	}
	return def
}
