package model

// Model is a TensorFlow Lite file as data. Its tables and fields are those of the
// public schema (tensorflow/lite/schema/schema.fbs, version 3).
//
// In every slice nil means that the file leaves the field out, which is not the
// same as an empty one: a scalar has an empty shape, an unranked tensor has none.
type Model struct {
	Version         uint32
	Description     string
	OperatorCodes   []OperatorCode
	Subgraphs       []Subgraph
	Buffers         [][]byte // the first is empty by convention
	MetadataBuffers []int32  // deprecated in favour of Metadata
	Metadata        []Metadata
	SignatureDefs   []SignatureDef
	AssociatedFiles []byte // a ZIP archive behind the FlatBuffer, with labels and the like

	source  []byte // the file that the model was read from, nil if from none
	unknown string // the first part of that file that this package can't rewrite
}

// OperatorCode is one kind of operator that the model uses.
type OperatorCode struct {
	Builtin BuiltinOperator
	Custom  string // the name if Builtin is OpCustom
	Version int32
}

// Name returns the name of the operator as the schema spells it; a custom one has
// its own.
func (c OperatorCode) Name() string {
	if c.Builtin == OpCustom {
		return c.Custom
	}
	return c.Builtin.String()
}

// Subgraph is a graph of operators in the order of execution. Tensors are known by
// their index.
type Subgraph struct {
	Name      string
	Tensors   []Tensor
	Inputs    []int32
	Outputs   []int32
	Operators []Operator
}

// Operator is one step of a subgraph.
type Operator struct {
	Opcode             uint32  // index into Model.OperatorCodes
	Inputs             []int32 // -1 is an optional input that is left out
	Outputs            []int32
	Intermediates      []int32
	MutatingInputs     []bool
	Options            Options
	CustomOptions      []byte
	CustomOptionFormat uint8
}

// Tensor is a constant, an input, an output or an intermediate result.
type Tensor struct {
	Name           string
	Type           TensorType
	Shape          []int32
	ShapeSignature []int32 // like Shape with -1 for what may change
	HasRank        bool
	IsVariable     bool
	Buffer         uint32 // index into Model.Buffers; an empty one means no constant
	Quantization   *Quantization
	Sparsity       *Sparsity
	Variants       []VariantType
}

// Quantization says how integers stand for real numbers: real = Scale × (q −
// ZeroPoint), with one pair for the whole tensor or one for each index of
// Dimension.
type Quantization struct {
	Min, Max  []float32
	Scale     []float32
	ZeroPoint []int64
	Dimension int32
	Custom    []byte // replaces all of the above if not nil
}

// Sparsity is the encoding of a tensor that stores only some of its elements, in
// the schema's form of the TACO format (Kjolstad et al., OOPSLA 2017).
type Sparsity struct {
	TraversalOrder []int32
	BlockMap       []int32
	Dimensions     []DimensionMetadata // in traversal order
}

// DimensionMetadata is one level of a sparse tensor: dense with a size, or
// compressed (CSR) with segments and indices.
type DimensionMetadata struct {
	Compressed bool
	DenseSize  int32
	Segments   IndexVector
	Indices    IndexVector
}

// IndexVector is a list of indices and the number of bytes that the file takes for
// each: 1, 2 or 4, or 0 if there is no list.
type IndexVector struct {
	Width  uint8
	Values []int32
}

// VariantType is the type that a tensor of type TypeVariant holds.
type VariantType struct {
	Shape   []int32
	Type    TensorType
	HasRank bool
}

// Metadata names a buffer with information for tools.
type Metadata struct {
	Name   string
	Buffer uint32
}

// SignatureDef gives names to the inputs and outputs of a subgraph.
type SignatureDef struct {
	Key      string
	Subgraph uint32
	Inputs   []TensorMap
	Outputs  []TensorMap
}

// TensorMap is a name for a tensor.
type TensorMap struct {
	Name   string
	Tensor uint32
}
