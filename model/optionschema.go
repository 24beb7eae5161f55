package model

// optionSchema lists the tables of the BuiltinOptions union in its order, one a
// line: the name, then the fields by slot as name:letter or name:letter=default.
// Letters: b one byte (bool, enum), i int32, l int64, f float; upper case is a
// vector of them. A string is a vector of bytes.
const optionSchema = `
Conv2DOptions padding:b stride_w:i stride_h:i fused_activation_function:b dilation_w_factor:i=1 dilation_h_factor:i=1 quantized_bias_type:b
DepthwiseConv2DOptions padding:b stride_w:i stride_h:i depth_multiplier:i fused_activation_function:b dilation_w_factor:i=1 dilation_h_factor:i=1
ConcatEmbeddingsOptions num_channels:i num_columns_per_channel:I embedding_dim_per_channel:I
LSHProjectionOptions type:b
Pool2DOptions padding:b stride_w:i stride_h:i filter_width:i filter_height:i fused_activation_function:b
SVDFOptions rank:i fused_activation_function:b asymmetric_quantize_inputs:b
RNNOptions fused_activation_function:b asymmetric_quantize_inputs:b
FullyConnectedOptions fused_activation_function:b weights_format:b keep_num_dims:b asymmetric_quantize_inputs:b quantized_bias_type:b
SoftmaxOptions beta:f
ConcatenationOptions axis:i fused_activation_function:b
AddOptions fused_activation_function:b pot_scale_int16:b=1
L2NormOptions fused_activation_function:b
LocalResponseNormalizationOptions radius:i bias:f alpha:f beta:f
LSTMOptions fused_activation_function:b cell_clip:f proj_clip:f kernel_type:b asymmetric_quantize_inputs:b
ResizeBilinearOptions new_height:i new_width:i align_corners:b half_pixel_centers:b
CallOptions subgraph:i
ReshapeOptions new_shape:I
SkipGramOptions ngram_size:i max_skip_size:i include_all_ngrams:b
SpaceToDepthOptions block_size:i
EmbeddingLookupSparseOptions combiner:b
MulOptions fused_activation_function:b
PadOptions
GatherOptions axis:i batch_dims:i
BatchToSpaceNDOptions
SpaceToBatchNDOptions
TransposeOptions
ReducerOptions keep_dims:b
SubOptions fused_activation_function:b pot_scale_int16:b=1
DivOptions fused_activation_function:b
SqueezeOptions squeeze_dims:I
SequenceRNNOptions time_major:b fused_activation_function:b asymmetric_quantize_inputs:b
StridedSliceOptions begin_mask:i end_mask:i ellipsis_mask:i new_axis_mask:i shrink_axis_mask:i offset:b
ExpOptions
TopKV2Options
SplitOptions num_splits:i
LogSoftmaxOptions
CastOptions in_data_type:b out_data_type:b
DequantizeOptions
MaximumMinimumOptions
ArgMaxOptions output_type:b
LessOptions
NegOptions
PadV2Options
GreaterOptions
GreaterEqualOptions
LessEqualOptions
SelectOptions
SliceOptions
TransposeConvOptions padding:b stride_w:i stride_h:i fused_activation_function:b quantized_bias_type:b
SparseToDenseOptions validate_indices:b
TileOptions
ExpandDimsOptions
EqualOptions
NotEqualOptions
ShapeOptions out_type:b
PowOptions
ArgMinOptions output_type:b
FakeQuantOptions min:f max:f num_bits:i narrow_range:b
PackOptions values_count:i axis:i
LogicalOrOptions
OneHotOptions axis:i
LogicalAndOptions
LogicalNotOptions
UnpackOptions num:i axis:i
FloorDivOptions
SquareOptions
ZerosLikeOptions
FillOptions
BidirectionalSequenceLSTMOptions fused_activation_function:b cell_clip:f proj_clip:f merge_outputs:b time_major:b=1 asymmetric_quantize_inputs:b
BidirectionalSequenceRNNOptions time_major:b fused_activation_function:b merge_outputs:b asymmetric_quantize_inputs:b
UnidirectionalSequenceLSTMOptions fused_activation_function:b cell_clip:f proj_clip:f time_major:b asymmetric_quantize_inputs:b diagonal_recurrent_tensors:b
FloorModOptions
RangeOptions
ResizeNearestNeighborOptions align_corners:b half_pixel_centers:b
LeakyReluOptions alpha:f
SquaredDifferenceOptions
MirrorPadOptions mode:b
AbsOptions
SplitVOptions num_splits:i
UniqueOptions idx_out_type:b=2
ReverseV2Options
AddNOptions
GatherNdOptions
CosOptions
WhereOptions
RankOptions
ReverseSequenceOptions seq_dim:i batch_dim:i
MatrixDiagOptions
QuantizeOptions
MatrixSetDiagOptions
HardSwishOptions
IfOptions then_subgraph_index:i else_subgraph_index:i
WhileOptions cond_subgraph_index:i body_subgraph_index:i
DepthToSpaceOptions block_size:i
NonMaxSuppressionV4Options
NonMaxSuppressionV5Options
ScatterNdOptions
SelectV2Options
DensifyOptions
SegmentSumOptions
BatchMatMulOptions adj_x:b adj_y:b asymmetric_quantize_inputs:b
CumsumOptions exclusive:b reverse:b
CallOnceOptions init_subgraph_index:i
BroadcastToOptions
Rfft2dOptions
Conv3DOptions padding:b stride_d:i stride_w:i stride_h:i fused_activation_function:b dilation_d_factor:i=1 dilation_w_factor:i=1 dilation_h_factor:i=1
HashtableOptions table_id:i key_dtype:b value_dtype:b
HashtableFindOptions
HashtableImportOptions
HashtableSizeOptions
VarHandleOptions container:B shared_name:B
ReadVariableOptions
AssignVariableOptions
RandomOptions seed:l seed2:l
BucketizeOptions boundaries:F
GeluOptions approximate:b
DynamicUpdateSliceOptions
UnsortedSegmentProdOptions
UnsortedSegmentMaxOptions
UnsortedSegmentMinOptions
UnsortedSegmentSumOptions
ATan2Options
SignOptions
BitcastOptions
BitwiseXorOptions
RightShiftOptions
`

// optionSchema2 does the same for the BuiltinOptions2 union.
const optionSchema2 = `
StablehloConcatenateOptions dimension:l
StablehloBroadcastInDimOptions broadcast_dimensions:L
StablehloSliceOptions start_indices:L limit_indices:L strides:L
StablehloConvolutionOptions window_strides:L padding:L lhs_dilation:L rhs_dilation:L window_reversal:B input_batch_dimension:l input_feature_dimension:l input_spatial_dimensions:L kernel_input_feature_dimension:l kernel_output_feature_dimension:l kernel_spatial_dimensions:L output_batch_dimension:l output_feature_dimension:l output_spatial_dimensions:L feature_group_count:l batch_group_count:l precision_config:I
StablehloCustomCallOptions call_target_name:B has_side_effect:b backend_config:B api_version:i called_computations:I custom_attributes:B
StablehloReduceOptions dimensions:L body_subgraph_index:i
StablehloScatterOptions indices_are_sorted:b update_window_dims:L inserted_window_dims:L scatter_dims_to_operand_dims:L index_vector_dim:l unique_indices:b update_computation_subgraph_index:i
StablehloCompareOptions comparison_direction:i compare_type:i
StablehloDynamicSliceOptions slice_sizes:L
StablehloPadOptions edge_padding_low:L edge_padding_high:L interior_padding:L
StablehloIotaOptions iota_dimension:l
StablehloDotGeneralOptions lhs_batching_dimensions:L rhs_batching_dimensions:L lhs_contracting_dimensions:L rhs_contracting_dimensions:L precision_config:I
StablehloReduceWindowOptions window_dimensions:L window_strides:L base_dilations:L window_dilations:L padding:L body_subgraph_index:i
StablehloSortOptions dimension:l is_stable:b comparator_subgraph_index:i
StablehloWhileOptions cond_subgraph_index:i body_subgraph_index:i
StablehloGatherOptions offset_dims:L collapsed_slice_dims:L start_index_map:L index_vector_dim:l slice_sizes:L indices_are_sorted:b
StablehloTransposeOptions permutation:L
DilateOptions
StablehloRngBitGeneratorOptions algorithm:b
ReduceWindowOptions reduce_function:i
`
