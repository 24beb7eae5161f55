// Package encode writes weights with zeros as TensorFlow Lite's sparse tensors, and
// tells whether XNNPACK's sparse inference can take a model.
package encode

import (
	"errors"
	"fmt"
	"slices"

	"atoll/model"
	"atoll/model/graph"
)

// sparseFullyConnected is the version of FULLY_CONNECTED that takes sparse weights.
const sparseFullyConnected = 8

// direct is the only form that TensorFlow's converter leaves without DENSIFY for
// float32: FullyConnectedSparseWeight1x4 reads it.
var direct = Block{1, 4}

// Encoded is a weight tensor that became sparse.
type Encoded struct {
	Subgraph int
	Name     string
	Block    Block
	Zeros    float64 // share of the elements that are not stored
	Saved    int64   // bytes, less what describes the form
}

// Weights turns the constant weights of convolutions and fully connected layers into
// sparse tensors wherever that makes the file smaller, each in the smallest of the
// forms CSR, 1x4 and 4x1. It keeps values as they are, float16 and int8 too, and
// puts DENSIFY between them and what needs dense ones. What it returns has one entry
// for each tensor that changed. What the model doesn't need any longer goes.
//
// XNNPACK looks for its sparse inference only in models with DENSIFY; SparsePath
// tells whether it will find it.
func Weights(m *model.Model) ([]Encoded, error) {
	var all []Encoded
	for i := range m.Subgraphs {
		e := encoder{Editor: graph.Edit(m, i), subgraph: i}
		for _, t := range e.weights() {
			done, ok, err := e.tensor(t)
			if err != nil {
				return nil, fmt.Errorf("subgraph %d: weights %.64q: %w", i, e.Graph.Tensors[t].Name, err)
			}
			if ok {
				all = append(all, done)
			}
		}
	}
	if len(all) > 0 {
		graph.Clean(m) // the dense bytes go
	}
	return all, nil
}

// encoder changes one subgraph.
type encoder struct {
	graph.Editor
	subgraph int
}

// weights lists the dense constants of floats or int8 that are the weights of an
// operator, directly or behind DEQUANTIZE.
func (e encoder) weights() (list []int32) {
	links := graph.Link(e.Graph)
	for i := range e.Graph.Operators {
		op := &e.Graph.Operators[i]
		switch e.Builtin(op) {
		case model.OpConv2D, model.OpDepthwiseConv2D, model.OpTransposeConv, model.OpFullyConnected:
		default:
			continue
		}
		if len(op.Inputs) < 2 || op.Inputs[1] < 0 {
			continue
		}
		t := op.Inputs[1]
		if p := links.Producer[t]; p >= 0 && e.Builtin(&e.Graph.Operators[p]) == model.OpDequantize && len(e.Graph.Operators[p].Inputs) == 1 {
			t = e.Graph.Operators[p].Inputs[0]
		}
		if e.encodable(t) && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

// encodable leaves alone what the outside sees, and int8 with a zero point: what a
// sparse tensor doesn't store becomes 0, whatever stands for the real zero.
func (e encoder) encodable(index int32) bool {
	if index < 0 {
		return false
	}
	t := &e.Graph.Tensors[index]
	if q := t.Quantization; q != nil && (q.Custom != nil || slices.ContainsFunc(q.ZeroPoint, func(z int64) bool { return z != 0 })) {
		return false
	}
	return graph.IsConstant(e.Model, t) && t.Sparsity == nil && elementSizes[t.Type] > 0 && len(t.Shape) >= 2 &&
		!slices.Contains(e.Graph.Inputs, index) && !slices.Contains(e.Graph.Outputs, index)
}

// tensor encodes one constant if that saves bytes.
func (e encoder) tensor(index int32) (Encoded, bool, error) {
	t := &e.Graph.Tensors[index]
	dense := e.Model.Buffers[t.Buffer]
	best := Encoded{Subgraph: e.subgraph, Name: t.Name}
	var form *model.Sparsity
	var data []byte
	for _, block := range []Block{{1, 1}, {1, 4}, {4, 1}} {
		if int(t.Shape[0])%block.Rows != 0 || int(t.Shape[len(t.Shape)-1])%block.Columns != 0 {
			continue
		}
		s, kept, err := Compress(t.Type, t.Shape, dense, block)
		if errors.Is(err, ErrNoZeros) || errors.Is(err, ErrAllZeros) {
			continue
		}
		if err != nil {
			return best, false, err
		}
		saved := int64(len(dense)) - int64(len(kept)) - indexBytes(s) - e.overhead(index, s, block)
		if saved > best.Saved {
			best.Saved, best.Block, best.Zeros = saved, block, 1-float64(len(kept))/float64(len(dense))
			form, data = s, kept
		}
	}
	if form == nil {
		return best, false, nil
	}
	if e.takesSparse(index, best.Block) {
		e.raiseVersion(index)
	} else {
		e.densify(index)
	}
	e.SetConstant(index, data)
	e.Graph.Tensors[index].Sparsity = form
	return best, true, nil
}

// What the tables of a file take beside the lists: those of a sparsity with its
// levels, and of one more tensor and operator. Measured on files of this package's
// writer, rounded up for alignment.
const (
	levelBytes   = 64
	densifyBytes = 160
)

// overhead estimates what the description of a form takes.
func (e encoder) overhead(index int32, s *model.Sparsity, block Block) int64 {
	n := int64(levelBytes * len(s.Dimensions))
	if e.takesSparse(index, block) {
		return n
	}
	t := &e.Graph.Tensors[index]
	n += densifyBytes + int64(len(t.Name))
	if q := t.Quantization; q != nil { // the dense tensor has it too
		n += int64(4*(len(q.Scale)+len(q.Min)+len(q.Max)) + 8*len(q.ZeroPoint))
	}
	return n
}

// takesSparse reports whether all readers of a tensor are float32 FULLY_CONNECTED
// operators that have it as weights, and the form is theirs.
func (e encoder) takesSparse(index int32, block Block) bool {
	t := &e.Graph.Tensors[index]
	if t.Type != model.TypeFloat32 || len(t.Shape) != 2 || block != direct {
		return false
	}
	for i := range e.Graph.Operators {
		op := &e.Graph.Operators[i]
		for slot, in := range op.Inputs {
			if in == index && (slot != 1 || e.Builtin(op) != model.OpFullyConnected) {
				return false
			}
		}
	}
	return true
}

// raiseVersion marks the readers of a sparse tensor: older kernels don't know it, and
// XNNPACK leaves such operators to TensorFlow Lite.
func (e encoder) raiseVersion(index int32) {
	code := e.Code(model.OpFullyConnected, sparseFullyConnected)
	for i := range e.Graph.Operators {
		if op := &e.Graph.Operators[i]; slices.Contains(op.Inputs, index) {
			op.Opcode = code
		}
	}
}

// densify puts DENSIFY between a tensor and its readers.
func (e encoder) densify(index int32) {
	first := slices.IndexFunc(e.Graph.Operators, func(op model.Operator) bool { return slices.Contains(op.Inputs, index) })
	dense := e.Graph.Tensors[index]
	dense.Name, dense.Buffer = dense.Name+"_dense", 0
	out := e.AddTensor(dense)
	e.Redirect(index, out)
	e.InsertOperator(first, model.Operator{
		Opcode: e.Code(model.OpDensify, 1), Inputs: []int32{index}, Outputs: []int32{out},
		Options: model.NewOptions("DensifyOptions", nil),
	})
}
