package model

import (
	"fmt"
	"strings"
)

// BuiltinOperator is the code of an operator in the schema.
type BuiltinOperator int32

// The operators that this project writes, counts or changes.
const (
	OpAdd                  BuiltinOperator = 0
	OpAveragePool2D        BuiltinOperator = 1
	OpConcatenation        BuiltinOperator = 2
	OpConv2D               BuiltinOperator = 3
	OpDepthwiseConv2D      BuiltinOperator = 4
	OpDequantize           BuiltinOperator = 6
	OpFullyConnected       BuiltinOperator = 9
	OpLogistic             BuiltinOperator = 14
	OpMul                  BuiltinOperator = 18
	OpMaxPool2D            BuiltinOperator = 17
	OpRelu                 BuiltinOperator = 19
	OpReluN1To1            BuiltinOperator = 20
	OpRelu6                BuiltinOperator = 21
	OpReshape              BuiltinOperator = 22
	OpResizeBilinear       BuiltinOperator = 23
	OpSoftmax              BuiltinOperator = 25
	OpTanh                 BuiltinOperator = 28
	OpCall                 BuiltinOperator = 31
	OpCustom               BuiltinOperator = 32
	OpPad                  BuiltinOperator = 34
	OpGather               BuiltinOperator = 36
	OpTranspose            BuiltinOperator = 39
	OpMean                 BuiltinOperator = 40
	OpSub                  BuiltinOperator = 41
	OpSqueeze              BuiltinOperator = 43
	OpStridedSlice         BuiltinOperator = 45
	OpSplit                BuiltinOperator = 49
	OpDelegate             BuiltinOperator = 51
	OpTransposeConv        BuiltinOperator = 67
	OpExpandDims           BuiltinOperator = 70
	OpSqrt                 BuiltinOperator = 75
	OpMirrorPad            BuiltinOperator = 100
	OpQuantize             BuiltinOperator = 114
	OpIf                   BuiltinOperator = 118
	OpWhile                BuiltinOperator = 119
	OpDensify              BuiltinOperator = 124
	OpPlaceholder          BuiltinOperator = 127 // in the old one-byte field: see the wider one
	OpCallOnce             BuiltinOperator = 129
	OpHashtable            BuiltinOperator = 136
	OpHashtableFind        BuiltinOperator = 137
	OpHashtableImport      BuiltinOperator = 138
	OpHashtableSize        BuiltinOperator = 139
	OpVarHandle            BuiltinOperator = 142
	OpReadVariable         BuiltinOperator = 143
	OpAssignVariable       BuiltinOperator = 144
	OpRandomStandardNormal BuiltinOperator = 146
	OpRandomUniform        BuiltinOperator = 148
	OpMultinomial          BuiltinOperator = 149
	OpRightShift           BuiltinOperator = 161
)

// operatorNames lists the names by code, from 0 on.
var operatorNames = strings.Fields(`
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP
FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION
LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR
RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL
CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE
MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP
TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL
SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL
NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN
FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT
UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD
RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE
CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU
REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES
CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS
HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE
ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE
RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST
BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE
STABLEHLO_CLAMP STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS
STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR
STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE
STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT
STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT
STABLEHLO_CBRT STABLEHLO_CASE
`)

// String returns the schema's name of the operator, such as "CONV_2D".
func (b BuiltinOperator) String() string {
	if b < 0 || int(b) >= len(operatorNames) {
		return fmt.Sprintf("BUILTIN_%d", int32(b))
	}
	return operatorNames[b]
}
