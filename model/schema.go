package model

import "atoll/model/flat"

// identifier marks a FlatBuffer as a TensorFlow Lite model.
const identifier = "TFL3"

// The slots of the schema's tables. Each table's count of known slots follows it:
// a file with more was written by a newer schema.
var (
	modelVersion     = flat.Field{Slot: 0, Name: "version"}
	modelCodes       = flat.Field{Slot: 1, Name: "operator_codes"}
	modelSubgraphs   = flat.Field{Slot: 2, Name: "subgraphs"}
	modelDescription = flat.Field{Slot: 3, Name: "description"}
	modelBuffers     = flat.Field{Slot: 4, Name: "buffers"}
	modelMetaBuffers = flat.Field{Slot: 5, Name: "metadata_buffer"}
	modelMetadata    = flat.Field{Slot: 6, Name: "metadata"}
	modelSignatures  = flat.Field{Slot: 7, Name: "signature_defs"}

	codeDeprecated = flat.Field{Slot: 0, Name: "deprecated_builtin_code"}
	codeCustom     = flat.Field{Slot: 1, Name: "custom_code"}
	codeVersion    = flat.Field{Slot: 2, Name: "version"}
	codeBuiltin    = flat.Field{Slot: 3, Name: "builtin_code"}

	graphTensors   = flat.Field{Slot: 0, Name: "tensors"}
	graphInputs    = flat.Field{Slot: 1, Name: "inputs"}
	graphOutputs   = flat.Field{Slot: 2, Name: "outputs"}
	graphOperators = flat.Field{Slot: 3, Name: "operators"}
	graphName      = flat.Field{Slot: 4, Name: "name"}

	opCode          = flat.Field{Slot: 0, Name: "opcode_index"}
	opInputs        = flat.Field{Slot: 1, Name: "inputs"}
	opOutputs       = flat.Field{Slot: 2, Name: "outputs"}
	opOptionsType   = flat.Field{Slot: 3, Name: "builtin_options_type"}
	opOptions       = flat.Field{Slot: 4, Name: "builtin_options"}
	opCustom        = flat.Field{Slot: 5, Name: "custom_options"}
	opCustomFormat  = flat.Field{Slot: 6, Name: "custom_options_format"}
	opMutating      = flat.Field{Slot: 7, Name: "mutating_variable_inputs"}
	opIntermediates = flat.Field{Slot: 8, Name: "intermediates"}
	opLargeOffset   = flat.Field{Slot: 9, Name: "large_custom_options_offset"}
	opLargeSize     = flat.Field{Slot: 10, Name: "large_custom_options_size"}
	opOptions2Type  = flat.Field{Slot: 11, Name: "builtin_options_2_type"}
	opOptions2      = flat.Field{Slot: 12, Name: "builtin_options_2"}

	tensorShape        = flat.Field{Slot: 0, Name: "shape"}
	tensorType         = flat.Field{Slot: 1, Name: "type"}
	tensorBuffer       = flat.Field{Slot: 2, Name: "buffer"}
	tensorName         = flat.Field{Slot: 3, Name: "name"}
	tensorQuantization = flat.Field{Slot: 4, Name: "quantization"}
	tensorVariable     = flat.Field{Slot: 5, Name: "is_variable"}
	tensorSparsity     = flat.Field{Slot: 6, Name: "sparsity"}
	tensorSignature    = flat.Field{Slot: 7, Name: "shape_signature"}
	tensorHasRank      = flat.Field{Slot: 8, Name: "has_rank"}
	tensorVariants     = flat.Field{Slot: 9, Name: "variant_tensors"}

	variantShape   = flat.Field{Slot: 0, Name: "shape"}
	variantType    = flat.Field{Slot: 1, Name: "type"}
	variantHasRank = flat.Field{Slot: 2, Name: "has_rank"}

	quantMin         = flat.Field{Slot: 0, Name: "min"}
	quantMax         = flat.Field{Slot: 1, Name: "max"}
	quantScale       = flat.Field{Slot: 2, Name: "scale"}
	quantZeroPoint   = flat.Field{Slot: 3, Name: "zero_point"}
	quantDetailsType = flat.Field{Slot: 4, Name: "details_type"}
	quantDetails     = flat.Field{Slot: 5, Name: "details"}
	quantDimension   = flat.Field{Slot: 6, Name: "quantized_dimension"}
	quantCustom      = flat.Field{Slot: 0, Name: "custom"}

	sparseTraversal  = flat.Field{Slot: 0, Name: "traversal_order"}
	sparseBlockMap   = flat.Field{Slot: 1, Name: "block_map"}
	sparseDimensions = flat.Field{Slot: 2, Name: "dim_metadata"}

	dimFormat       = flat.Field{Slot: 0, Name: "format"}
	dimDenseSize    = flat.Field{Slot: 1, Name: "dense_size"}
	dimSegmentsType = flat.Field{Slot: 2, Name: "array_segments_type"}
	dimSegments     = flat.Field{Slot: 3, Name: "array_segments"}
	dimIndicesType  = flat.Field{Slot: 4, Name: "array_indices_type"}
	dimIndices      = flat.Field{Slot: 5, Name: "array_indices"}
	indexValues     = flat.Field{Slot: 0, Name: "values"}

	bufferData   = flat.Field{Slot: 0, Name: "data"}
	bufferOffset = flat.Field{Slot: 1, Name: "offset"}
	bufferSize   = flat.Field{Slot: 2, Name: "size"}

	metaName   = flat.Field{Slot: 0, Name: "name"}
	metaBuffer = flat.Field{Slot: 1, Name: "buffer"}

	signatureInputs   = flat.Field{Slot: 0, Name: "inputs"}
	signatureOutputs  = flat.Field{Slot: 1, Name: "outputs"}
	signatureKey      = flat.Field{Slot: 2, Name: "signature_key"}
	signatureSubgraph = flat.Field{Slot: 4, Name: "subgraph_index"}
	mapName           = flat.Field{Slot: 0, Name: "name"}
	mapTensor         = flat.Field{Slot: 1, Name: "tensor_index"}
)

// The numbers of slots of the tables above.
const (
	modelSlots     = 8
	codeSlots      = 4
	graphSlots     = 5
	opSlots        = 13
	tensorSlots    = 10
	variantSlots   = 3
	quantSlots     = 7
	sparseSlots    = 3
	dimSlots       = 6
	bufferSlots    = 3
	metaSlots      = 2
	signatureSlots = 5
	mapSlots       = 2
)

// indexWidths are the bytes of an element in the members of the SparseIndexVector
// union, by union type.
var indexWidths = [...]uint8{0, 4, 2, 1}
