package graph

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"atoll/model"
)

// ShapeError says which operator's result Infer can't give a shape, and why. Err is
// an *UnknownShapeError, or the contradiction in the operator's inputs and options.
type ShapeError struct {
	Subgraph, Operator int
	Name               string // of the operator
	Err                error
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("subgraph %d: operator %d, %.64s: %v", e.Subgraph, e.Operator, e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *ShapeError) Unwrap() error { return e.Err }

// UnknownShapeError says that a shape can't be told without running the model, or not
// by this package.
type UnknownShapeError struct {
	Name   string // of the operator
	Reason string
}

func (e *UnknownShapeError) Error() string {
	return fmt.Sprintf("the shape of what %.64s makes is not known: %s", e.Name, e.Reason)
}

// Infer gives the result of every operator the shape that follows from the shapes of
// the subgraph's inputs and constants, as TensorFlow Lite does before it runs a
// model. What may change of a shape (-1 in its signature) stays so. Every error is a
// *ShapeError and leaves all shapes as they were.
func Infer(m *model.Model) error {
	inferred := make([]map[int32][]int32, len(m.Subgraphs))
	for i := range m.Subgraphs {
		inferred[i] = make(map[int32][]int32)
		e := Edit(m, i)
		for o := range e.Graph.Operators {
			op := &e.Graph.Operators[o]
			if err := inferOperator(e, op, inferred[i]); err != nil {
				return &ShapeError{Subgraph: i, Operator: o, Name: m.OperatorCodes[op.Opcode].Name(), Err: err}
			}
		}
	}
	for i, shapes := range inferred {
		for t, shape := range shapes {
			setShape(&m.Subgraphs[i].Tensors[t], shape)
		}
	}
	return nil
}

// setShape changes a tensor only if it has another shape: a scalar may have an empty
// one or none.
func setShape(t *model.Tensor, shape []int32) {
	if slices.Equal(t.Shape, shape) {
		return
	}
	t.Shape = shape
	if len(t.ShapeSignature) != len(shape) {
		t.ShapeSignature = nil
		return
	}
	t.ShapeSignature = slices.Clone(t.ShapeSignature)
	for d, n := range t.ShapeSignature {
		if n >= 0 {
			t.ShapeSignature[d] = shape[d]
		}
	}
}

// rule computes the shapes of an operator's results. It may rely on nothing: faults
// stick in the call, which then gives zeros.
type rule func(c *call) [][]int64

// rules has the rule of each operator by its name in the schema.
var rules = func() map[string]rule {
	all := map[string]rule{"SPLIT": split, "SPLIT_V": splitV, "UNPACK": unpack}
	for names, shape := range map[string]func(*call) []int64{
		`RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 LOGISTIC TANH SOFTMAX LOG_SOFTMAX HARD_SWISH ELU LEAKY_RELU GELU
		ABS NEG SQRT RSQRT SQUARE EXP LOG SIN COS FLOOR CEIL ROUND SIGN LOGICAL_NOT ZEROS_LIKE CAST DEQUANTIZE QUANTIZE
		FAKE_QUANT DENSIFY L2_NORMALIZATION LOCAL_RESPONSE_NORMALIZATION`: same,
		`ADD SUB MUL DIV POW MAXIMUM MINIMUM SQUARED_DIFFERENCE FLOOR_DIV FLOOR_MOD ATAN2 PRELU
		LESS LESS_EQUAL GREATER GREATER_EQUAL EQUAL NOT_EQUAL LOGICAL_AND LOGICAL_OR`: broadcast,
		"MEAN SUM REDUCE_MAX REDUCE_MIN REDUCE_PROD REDUCE_ANY REDUCE_ALL": reduce,
		"ARG_MAX ARG_MIN":                         argument,
		"MAX_POOL_2D AVERAGE_POOL_2D L2_POOL_2D":  pool,
		"RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR": resize,
		"CONV_2D":           conv,
		"DEPTHWISE_CONV_2D": depthwise,
		"TRANSPOSE_CONV":    transposeConv,
		"FULLY_CONNECTED":   fullyConnected,
		"PAD PADV2":         pad,
		"MIRROR_PAD":        mirrorPad,
		"RESHAPE":           reshape,
		"CONCATENATION":     concatenation,
		"PACK":              pack,
		"GATHER":            gather,
		"SQUEEZE":           squeeze,
		"EXPAND_DIMS":       expandDims,
		"TRANSPOSE":         transpose,
		"SLICE":             slice,
		"STRIDED_SLICE":     stridedSlice,
		"DEPTH_TO_SPACE":    depthToSpace,
		"SPACE_TO_DEPTH":    spaceToDepth,
		"SHAPE":             shapeOf,
	} {
		for _, name := range strings.Fields(names) {
			all[name] = func(c *call) [][]int64 { return [][]int64{shape(c)} }
		}
	}
	return all
}()

// inferOperator notes the shapes of an operator's results.
func inferOperator(e Editor, op *model.Operator, known map[int32][]int32) error {
	name := e.Model.OperatorCodes[op.Opcode].Name()
	c := &call{Editor: e, op: op, known: known}
	shapes := rules[name]
	if shapes == nil || e.Builtin(op) == model.OpCustom {
		return &UnknownShapeError{Name: name, Reason: "there is no rule for this operator"}
	}
	results := shapes(c)
	if c.err == nil && len(results) != len(op.Outputs) {
		c.failf("%d outputs, want %d", len(op.Outputs), len(results))
	}
	if c.err != nil {
		return c.err
	}
	for i, t := range op.Outputs {
		shape, err := narrow(results[i])
		if err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
		if err := fits(e, t, shape); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
		known[t] = shape
	}
	return nil
}

// fits refuses a new shape that the rest of the tensor contradicts.
func fits(e Editor, tensor int32, shape []int32) error {
	t := &e.Graph.Tensors[tensor]
	if slices.Equal(t.Shape, shape) {
		return nil
	}
	if len(e.Model.Buffers[t.Buffer]) > 0 || t.Sparsity != nil {
		return fmt.Errorf("shape %v for a constant of shape %v", shape, t.Shape)
	}
	if q := t.Quantization; q != nil && len(q.Scale) > 1 {
		if d := int(q.Dimension); d >= len(shape) || int(shape[d]) != len(q.Scale) {
			return fmt.Errorf("shape %v for %d scales along dimension %d", shape, len(q.Scale), d)
		}
	}
	return nil
}

// narrow converts a shape to the file's form and checks it.
func narrow(wide []int64) ([]int32, error) {
	if len(wide) > maxRank {
		return nil, fmt.Errorf("%d dimensions, at most %d are possible", len(wide), maxRank)
	}
	shape := make([]int32, len(wide))
	for d, n := range wide {
		if shape[d] = int32(n); int64(shape[d]) != n || n < 0 {
			return nil, fmt.Errorf("impossible shape %v", wide)
		}
	}
	_, err := model.Elements(shape)
	return shape, err
}

// call is one operator while its rule runs.
type call struct {
	Editor
	op    *model.Operator
	known map[int32][]int32 // shapes inferred so far, by tensor
	err   error             // the first fault
}

func (c *call) failf(format string, args ...any) { c.fail(fmt.Errorf(format, args...)) }

func (c *call) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// has reports whether the operator has that input.
func (c *call) has(i int) bool { return i < len(c.op.Inputs) && c.op.Inputs[i] >= 0 }

// in returns the shape of an input.
func (c *call) in(i int) []int64 {
	if !c.has(i) {
		c.failf("input %d is missing", i)
		return nil
	}
	index := c.op.Inputs[i]
	shape, ok := c.known[index]
	if !ok {
		shape = c.Graph.Tensors[index].Shape
	}
	if len(shape) > maxRank {
		c.failf("input %d has %d dimensions, at most %d are possible", i, len(shape), maxRank)
		return nil
	}
	wide := make([]int64, len(shape))
	for d, n := range shape {
		wide[d] = int64(n)
	}
	return wide
}

// in4 returns the shape of an input that must have four dimensions.
func (c *call) in4(i int) (shape [4]int64) {
	list := c.in(i)
	if c.err == nil && len(list) != 4 {
		c.failf("input %d has shape %v, want 4 dimensions", i, list)
	}
	copy(shape[:], list)
	return shape
}

// ints returns the values of an input that must be an integer constant.
func (c *call) ints(i int) []int64 {
	if !c.has(i) {
		c.failf("input %d is missing", i)
		return nil
	}
	t := &c.Graph.Tensors[c.op.Inputs[i]]
	data := c.Model.Buffers[t.Buffer]
	if n, err := model.Elements(t.Shape); err == nil && n == 0 {
		return nil
	}
	switch {
	case !IsConstant(c.Model, t) || t.Sparsity != nil:
		c.fail(&UnknownShapeError{Name: c.Builtin(c.op).String(), Reason: fmt.Sprintf("it depends on the values of input %d, which is no constant", i)})
		return nil
	case len(data) > 1<<10:
		c.failf("input %d has %d bytes, too many for dimensions", i, len(data))
		return nil
	}
	var list []int64
	switch t.Type {
	case model.TypeInt32:
		for ; len(data) >= 4; data = data[4:] {
			list = append(list, int64(int32(binary.LittleEndian.Uint32(data))))
		}
	case model.TypeInt64:
		for ; len(data) >= 8; data = data[8:] {
			list = append(list, int64(binary.LittleEndian.Uint64(data)))
		}
	default:
		c.failf("input %d has type %v, want integers", i, t.Type)
	}
	return list
}

// axis makes a dimension that may count from the end one from the start, 0 if there
// is no such dimension.
func (c *call) axis(axis int64, rank int) int {
	at := axis
	if at < 0 {
		at += int64(rank)
	}
	if at < 0 || at >= int64(rank) {
		c.failf("there is no dimension %d of %d", axis, rank)
		return 0
	}
	return int(at)
}

// oneAxis is the one dimension of a rank that the second input names, 0 after a failure.
func (c *call) oneAxis(rank int) int {
	axes := c.ints(1)
	if c.err == nil && len(axes) != 1 {
		c.failf("%d axes, want 1", len(axes))
	}
	if c.err != nil {
		return 0
	}
	return c.axis(axes[0], rank)
}

// option returns an option of the operator.
func (c *call) option(name string) int64 { return c.op.Options.Int(name) }

// positive returns an option that must be above zero, 1 if it isn't.
func (c *call) positive(name string) int64 {
	n := c.option(name)
	if n <= 0 {
		c.failf("%s is %d, want more than 0", name, n)
		return 1
	}
	return n
}
