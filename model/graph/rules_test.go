package graph

import (
	"reflect"
	"strings"
	"testing"

	"atoll/model"
)

// shaped is an input of which only the shape is known, ints a constant vector,
// scalar a constant scalar. A nil input is left out.
type (
	shaped []int32
	ints   []int32
	scalar int32
)

// inferOne infers the shapes of one operator's results.
func inferOne(t *testing.T, name string, options model.Options, inputs []any, outputs int) ([][]int32, error) {
	t.Helper()
	m, e := newModel()
	op := model.Operator{Options: options}
	for _, in := range inputs {
		index := int32(-1)
		switch v := in.(type) {
		case shaped:
			index = e.AddTensor(model.Tensor{Shape: v})
		case ints:
			index = e.AddConstant(model.Tensor{Type: model.TypeInt32, Shape: []int32{int32(len(v))}}, Int32Bytes(v))
		case scalar:
			index = e.AddConstant(model.Tensor{Type: model.TypeInt32, Shape: []int32{}}, Int32Bytes([]int32{int32(v)}))
		}
		op.Inputs = append(op.Inputs, index)
	}
	for range outputs {
		op.Outputs = append(op.Outputs, e.AddTensor(model.Tensor{}))
	}
	m.OperatorCodes = []model.OperatorCode{{Builtin: builtin(t, name)}}
	e.InsertOperator(0, op)
	if err := Infer(m); err != nil {
		return nil, err
	}
	var shapes [][]int32
	for _, index := range op.Outputs {
		shapes = append(shapes, append([]int32{}, e.Graph.Tensors[index].Shape...))
	}
	return shapes, nil
}

func builtin(t *testing.T, name string) model.BuiltinOperator {
	t.Helper()
	for b := range model.BuiltinOperator(210) {
		if b.String() == name {
			return b
		}
	}
	t.Fatalf("no operator %s", name)
	return 0
}

func set(table string, pairs ...any) model.Options {
	values := make(map[string]int64)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i].(string)] = int64(pairs[i+1].(int))
	}
	return model.NewOptions(table, values)
}

// vector returns options with the first field a vector.
func vector(table string, values ...int32) model.Options {
	o := model.NewOptions(table, nil)
	o.Fields[0] = Int32Bytes(values)
	return o
}

func TestRules(t *testing.T) {
	none := model.Options{}
	conv := set("Conv2DOptions", "stride_h", 2, "stride_w", 1)
	for _, test := range []struct {
		name    string
		options model.Options
		inputs  []any
		want    [][]int32
	}{
		{"RELU", none, []any{shaped{2, 3}}, [][]int32{{2, 3}}},
		{"CAST", none, []any{shaped{}}, [][]int32{{}}},
		{"ADD", none, []any{shaped{2, 1, 3}, shaped{4, 1}}, [][]int32{{2, 4, 3}}},
		{"MUL", none, []any{shaped{3}, shaped{2, 0, 1}}, [][]int32{{2, 0, 3}}},
		{"SUB", none, []any{shaped{5}, shaped{}}, [][]int32{{5}}},
		{"MEAN", none, []any{shaped{2, 3, 4}, ints{1, -1}}, [][]int32{{2}}},
		{"SUM", set("ReducerOptions", "keep_dims", 1), []any{shaped{2, 3, 4}, scalar(1)}, [][]int32{{2, 1, 4}}},
		{"REDUCE_MAX", none, []any{shaped{2, 3}, ints{}}, [][]int32{{2, 3}}},
		{"ARG_MAX", none, []any{shaped{2, 3}, scalar(-1)}, [][]int32{{2}}},
		{"CONV_2D", conv, []any{shaped{1, 7, 7, 4}, shaped{8, 3, 3, 4}, shaped{8}}, [][]int32{{1, 4, 7, 8}}},
		{"CONV_2D", set("Conv2DOptions", "padding", 1, "stride_h", 2, "stride_w", 1, "dilation_w_factor", 2), []any{shaped{1, 8, 7, 4}, shaped{8, 3, 3, 2}, nil}, [][]int32{{1, 3, 3, 8}}},
		{"DEPTHWISE_CONV_2D", set("DepthwiseConv2DOptions", "stride_h", 1, "stride_w", 1, "depth_multiplier", 2), []any{shaped{1, 5, 5, 3}, shaped{1, 3, 3, 6}}, [][]int32{{1, 5, 5, 6}}},
		{"DEPTHWISE_CONV_2D", set("DepthwiseConv2DOptions", "padding", 1, "stride_h", 1, "stride_w", 1), []any{shaped{1, 5, 5, 3}, shaped{1, 3, 3, 3}}, [][]int32{{1, 3, 3, 3}}},
		{"TRANSPOSE_CONV", set("TransposeConvOptions", "stride_h", 2, "stride_w", 2), []any{ints{1, 8, 8, 2}, shaped{2, 2, 2, 3}, shaped{1, 4, 4, 3}}, [][]int32{{1, 8, 8, 2}}},
		{"FULLY_CONNECTED", none, []any{shaped{2, 2, 6}, shaped{5, 12}, shaped{5}}, [][]int32{{2, 5}}},
		{"FULLY_CONNECTED", set("FullyConnectedOptions", "keep_num_dims", 1), []any{shaped{2, 3, 6}, shaped{5, 6}}, [][]int32{{2, 3, 5}}},
		{"MAX_POOL_2D", set("Pool2DOptions", "padding", 1, "stride_h", 2, "stride_w", 2, "filter_height", 2, "filter_width", 2), []any{shaped{1, 5, 4, 3}}, [][]int32{{1, 2, 2, 3}}},
		{"AVERAGE_POOL_2D", set("Pool2DOptions", "stride_h", 2, "stride_w", 2, "filter_height", 2, "filter_width", 2), []any{shaped{1, 5, 4, 3}}, [][]int32{{1, 3, 2, 3}}},
		{"RESIZE_BILINEAR", none, []any{shaped{1, 5, 4, 3}, ints{10, 9}}, [][]int32{{1, 10, 9, 3}}},
		{"RESIZE_BILINEAR", set("ResizeBilinearOptions", "new_height", 2, "new_width", 3), []any{shaped{1, 5, 4, 3}}, [][]int32{{1, 2, 3, 3}}},
		{"PAD", none, []any{shaped{1, 2}, ints{0, 0, 1, 2}}, [][]int32{{1, 5}}},
		{"PADV2", none, []any{shaped{2}, ints{1, 2}, shaped{}}, [][]int32{{5}}},
		{"MIRROR_PAD", none, []any{shaped{3}, ints{2, 0}}, [][]int32{{5}}},
		{"MIRROR_PAD", set("MirrorPadOptions", "mode", 1), []any{shaped{3}, ints{3, 1}}, [][]int32{{7}}},
		{"RESHAPE", none, []any{shaped{2, 6}, ints{3, -1}}, [][]int32{{3, 4}}},
		{"RESHAPE", vector("ReshapeOptions", 12, 1), []any{shaped{2, 6}}, [][]int32{{12, 1}}},
		{"RESHAPE", none, []any{shaped{1, 1}, ints{}}, [][]int32{{}}},
		{"RESHAPE", none, []any{shaped{0, 6}, ints{2, 0}}, [][]int32{{2, 0}}},
		{"CONCATENATION", set("ConcatenationOptions", "axis", -1), []any{shaped{2, 3}, shaped{2, 4}, shaped{2, 0}}, [][]int32{{2, 7}}},
		{"PACK", set("PackOptions", "axis", -1), []any{shaped{2}, shaped{2}, shaped{2}}, [][]int32{{2, 3}}},
		{"UNPACK", none, []any{shaped{2, 3}}, [][]int32{{3}, {3}}},
		{"GATHER", none, []any{shaped{9, 4}, shaped{1, 5}}, [][]int32{{1, 5, 4}}},
		{"GATHER", set("GatherOptions", "axis", 1, "batch_dims", 1), []any{shaped{2, 9, 4}, shaped{2, 5}}, [][]int32{{2, 5, 4}}},
		{"SQUEEZE", none, []any{shaped{1, 3, 1}}, [][]int32{{3}}},
		{"SQUEEZE", vector("SqueezeOptions", -1), []any{shaped{1, 3, 1}}, [][]int32{{1, 3}}},
		{"EXPAND_DIMS", none, []any{shaped{2, 3}, scalar(-1)}, [][]int32{{2, 3, 1}}},
		{"TRANSPOSE", none, []any{shaped{2, 3, 4}, ints{2, 0, 1}}, [][]int32{{4, 2, 3}}},
		{"SLICE", none, []any{shaped{4, 5}, ints{1, 2}, ints{2, -1}}, [][]int32{{2, 3}}},
		{"STRIDED_SLICE", none, []any{shaped{4, 5, 6}, ints{0, 1}, ints{4, -1}, ints{2, 1}}, [][]int32{{2, 3, 6}}},
		{"STRIDED_SLICE", set("StridedSliceOptions", "begin_mask", 1, "end_mask", 3, "shrink_axis_mask", 4), []any{shaped{4, 5, 6}, ints{9, 4, -1}, ints{1, 9, 0}, ints{-3, -2, 1}}, [][]int32{{2, 3}}},
		{"STRIDED_SLICE", set("StridedSliceOptions", "offset", 1), []any{shaped{9}, ints{2}, ints{3}, ints{1}}, [][]int32{{3}}},
		{"STRIDED_SLICE", none, []any{shaped{4}, ints{3}, ints{1}, ints{1}}, [][]int32{{0}}},
		{"SPLIT", set("SplitOptions", "num_splits", 2), []any{scalar(1), shaped{3, 4}}, [][]int32{{3, 2}, {3, 2}}},
		{"SPLIT_V", none, []any{shaped{3, 5}, ints{2, -1}, scalar(1)}, [][]int32{{3, 2}, {3, 3}}},
		{"DEPTH_TO_SPACE", set("DepthToSpaceOptions", "block_size", 2), []any{shaped{1, 2, 3, 8}}, [][]int32{{1, 4, 6, 2}}},
		{"SPACE_TO_DEPTH", set("SpaceToDepthOptions", "block_size", 2), []any{shaped{1, 4, 6, 2}}, [][]int32{{1, 2, 3, 8}}},
		{"SHAPE", none, []any{shaped{2, 3, 4}}, [][]int32{{3}}},
	} {
		got, err := inferOne(t, test.name, test.options, test.inputs, len(test.want))
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s of %v: %v, error %v; want %v", test.name, test.inputs, got, err, test.want)
		}
	}
}

func TestRulesRefuse(t *testing.T) {
	none := model.Options{}
	conv := func(pairs ...any) model.Options {
		return set("Conv2DOptions", append([]any{"stride_h", 1, "stride_w", 1}, pairs...)...)
	}
	depth := set("DepthwiseConv2DOptions", "stride_h", 1, "stride_w", 1, "depth_multiplier", 2)
	pool := set("Pool2DOptions", "stride_h", 1, "stride_w", 1, "filter_height", 0, "filter_width", 1)
	for _, test := range []struct {
		name    string
		options model.Options
		inputs  []any
		outputs int
		want    string
	}{
		{"RELU", none, nil, 1, "input 0 is missing"},
		{"RELU", none, []any{nil}, 1, "input 0 is missing"},
		{"RELU", none, []any{shaped{1}}, 2, "2 outputs, want 1"},
		{"RELU", none, []any{shaped{1, 1, 1, 1, 1, 1, 1, 1, 1}}, 1, "9 dimensions"},
		{"ADD", none, []any{shaped{2, 3}, shaped{2}}, 1, "[2 3] and [2]"},
		{"MEAN", none, []any{shaped{2}, ints{1}}, 1, "no dimension 1 of 1"},
		{"MEAN", none, []any{shaped{}, ints{0}}, 1, "no dimension 0 of 0"},
		{"MEAN", none, []any{shaped{2}, shaped{1}}, 1, "no constant"},
		{"ARG_MIN", none, []any{shaped{2}, ints{0, 0}}, 1, "2 axes"},
		{"CONV_2D", conv(), []any{shaped{1, 8, 8}, shaped{4, 3, 3, 3}}, 1, "want 4 dimensions"},
		{"CONV_2D", conv(), []any{shaped{1, 8, 8, 4}, shaped{4, 3, 3, 3}}, 1, "for 4 channels"},
		{"CONV_2D", conv(), []any{shaped{1, 8, 8, 4}, shaped{3, 3, 3, 2}}, 1, "for 4 channels"},
		{"CONV_2D", conv(), []any{shaped{1, 8, 8, 0}, shaped{3, 3, 3, 0}}, 1, "for 0 channels"},
		{"CONV_2D", conv(), []any{shaped{1, 8, 8, 3}, shaped{4, 3, 3, 3}, shaped{5}}, 1, "bias of shape [5]"},
		{"CONV_2D", conv("stride_h", 0), []any{shaped{1, 8, 8, 3}, shaped{4, 3, 3, 3}}, 1, "stride_h is 0"},
		{"CONV_2D", conv("dilation_w_factor", -1), []any{shaped{1, 8, 8, 3}, shaped{4, 3, 3, 3}}, 1, "dilation_w_factor is -1"},
		{"CONV_2D", conv("padding", 2), []any{shaped{1, 8, 8, 3}, shaped{4, 3, 3, 3}}, 1, "unknown padding 2"},
		{"CONV_2D", conv("padding", 1), []any{shaped{1, 8, 2, 3}, shaped{4, 3, 3, 3}}, 1, "wider than 2"},
		{"CONV_2D", conv(), []any{shaped{1, 8, 8, 3}, shaped{4, 0, 3, 3}}, 1, "window of 0"},
		{"DEPTHWISE_CONV_2D", depth, []any{shaped{1, 8, 8, 3}, shaped{1, 3, 3, 3}}, 1, "depth multiplier 2 for 3 channels"},
		{"DEPTHWISE_CONV_2D", depth, []any{shaped{1, 8, 8, 3}, shaped{2, 3, 3, 6}}, 1, "kernel of shape [2 3 3 6]"},
		{"TRANSPOSE_CONV", set("TransposeConvOptions", "stride_h", 2, "stride_w", 2), []any{ints{1, 9, 8, 2}, shaped{2, 2, 2, 3}, shaped{1, 4, 4, 3}}, 1, "can't come of"},
		{"TRANSPOSE_CONV", none, []any{ints{1, 9}, shaped{2, 2, 2, 3}, shaped{1, 4, 4, 3}}, 1, "want 4 dimensions"},
		{"FULLY_CONNECTED", none, []any{shaped{5}, shaped{2, 3}}, 1, "kernel of shape [2 3] for an input of shape [5]"},
		{"FULLY_CONNECTED", none, []any{shaped{5}, shaped{2, 0}}, 1, "kernel of shape [2 0]"},
		{"FULLY_CONNECTED", none, []any{shaped{5}, shaped{5}}, 1, "want 2 dimensions"},
		{"FULLY_CONNECTED", set("FullyConnectedOptions", "keep_num_dims", 1), []any{shaped{}, shaped{2, 1}}, 1, "input of shape []"},
		{"MAX_POOL_2D", pool, []any{shaped{1, 8, 8, 3}}, 1, "window of 0"},
		{"RESIZE_BILINEAR", none, []any{shaped{1, 8, 8, 3}, ints{2}}, 1, "size [2]"},
		{"RESIZE_BILINEAR", none, []any{shaped{1, 8, 8, 3}}, 1, "size [0 0]"},
		{"PAD", none, []any{shaped{1}, ints{1}}, 1, "1 paddings"},
		{"PAD", none, []any{shaped{1}, ints{1, -1}}, 1, "padding -1"},
		{"PAD", none, []any{shaped{1 << 30}, ints{0, 1 << 30}}, 1, "impossible shape"},
		{"MIRROR_PAD", none, []any{shaped{3}, ints{0, 3}}, 1, "too few to mirror 3"},
		{"RESHAPE", none, []any{shaped{3}, ints{2, -1}}, 1, "don't fill"},
		{"RESHAPE", none, []any{shaped{3}, ints{-1, -1}}, 1, "impossible shape"},
		{"RESHAPE", none, []any{shaped{3}, ints{-2}}, 1, "impossible shape"},
		{"RESHAPE", none, []any{shaped{0}, ints{0, -1}}, 1, "don't fill"},
		{"RESHAPE", none, []any{shaped{3}, ints{1, 1, 1, 1, 1, 1, 1, 1, 3}}, 1, "9 dimensions"},
		{"RESHAPE", none, []any{shaped{1}, ints{1 << 30, 1 << 30, 1 << 30, 1 << 30}}, 1, "impossible shape"},
		{"RESHAPE", none, []any{shaped{300}, make(ints, 300)}, 1, "1200 bytes, too many"},
		{"CONCATENATION", none, []any{shaped{1, 2}, shaped{1, 3}}, 1, "can't be joined along dimension 0"},
		{"CONCATENATION", none, []any{shaped{1, 2}, shaped{1}}, 1, "can't be joined"},
		{"CONCATENATION", none, []any{shaped{}, shaped{}}, 1, "no dimension 0 of 0"},
		{"PACK", none, []any{shaped{1}, shaped{2}}, 1, "input 1 has shape [2]"},
		{"PACK", set("PackOptions", "axis", 2), []any{shaped{1}}, 1, "no dimension 2 of 2"},
		{"UNPACK", none, []any{shaped{3}}, 2, "2 outputs for dimension 0"},
		{"GATHER", set("GatherOptions", "axis", 1, "batch_dims", 1), []any{shaped{2, 9}, shaped{3, 5}}, 1, "1 batch dimensions"},
		{"GATHER", set("GatherOptions", "batch_dims", 1), []any{shaped{2, 9}, shaped{2, 5}}, 1, "1 batch dimensions"},
		{"SQUEEZE", vector("SqueezeOptions", 1), []any{shaped{1, 3}}, 1, "dimension 1 of shape [1 3] is not 1"},
		{"SQUEEZE", vector("SqueezeOptions", 0), []any{shaped{}}, 1, "no dimension 0 of 0"},
		{"EXPAND_DIMS", none, []any{shaped{2}, scalar(2)}, 1, "no dimension 2 of 2"},
		{"EXPAND_DIMS", none, []any{shaped{1, 1, 1, 1, 1, 1, 1, 1}, scalar(0)}, 1, "9 dimensions"},
		{"TRANSPOSE", none, []any{shaped{2, 3}, ints{0}}, 1, "1 dimensions in order"},
		{"TRANSPOSE", none, []any{shaped{2, 3}, ints{1, 1}}, 1, "twice"},
		{"SLICE", none, []any{shaped{4}, ints{3}, ints{2}}, 1, "reach beyond"},
		{"SLICE", none, []any{shaped{4}, ints{5}, ints{-1}}, 1, "reach beyond"},
		{"SLICE", none, []any{shaped{4}, ints{0, 0}, ints{1, 1}}, 1, "for shape [4]"},
		{"STRIDED_SLICE", none, []any{shaped{4}, ints{0}, ints{4}, ints{0}}, 1, "stride 0"},
		{"STRIDED_SLICE", none, []any{shaped{4}, ints{0, 0}, ints{4, 1}, ints{1, 1}}, 1, "for shape [4]"},
		{"STRIDED_SLICE", set("StridedSliceOptions", "shrink_axis_mask", 1), []any{shaped{4}, ints{4}, ints{5}, ints{1}}, 1, "index 4"},
		{"STRIDED_SLICE", set("StridedSliceOptions", "ellipsis_mask", 1), []any{shaped{4}, ints{0}, ints{4}, ints{1}}, 1, "ellipsis"},
		{"SPLIT", set("SplitOptions", "num_splits", 2), []any{scalar(0), shaped{3}}, 2, "into 2 parts"},
		{"SPLIT", set("SplitOptions", "num_splits", 2), []any{scalar(0), shaped{4}}, 3, "for 3 outputs"},
		{"SPLIT", none, []any{scalar(0), shaped{4}}, 1, "num_splits is 0"},
		{"SPLIT_V", none, []any{shaped{5}, ints{2, 2}, scalar(0)}, 2, "parts of [2 2]"},
		{"SPLIT_V", none, []any{shaped{5}, ints{6, -1}, scalar(0)}, 2, "impossible shape [-1]"},
		{"SPLIT_V", none, []any{shaped{5}, ints{7, -2}, scalar(0)}, 2, "a part of -2"},
		{"DEPTH_TO_SPACE", set("DepthToSpaceOptions", "block_size", 2), []any{shaped{1, 2, 3, 6}}, 1, "6 channels"},
		{"DEPTH_TO_SPACE", set("DepthToSpaceOptions", "block_size", 1<<20), []any{shaped{1, 2, 3, 0}}, 1, "blocks of"},
		{"SPACE_TO_DEPTH", set("SpaceToDepthOptions", "block_size", 2), []any{shaped{1, 3, 2, 6}}, 1, "3x2"},
	} {
		got, err := inferOne(t, test.name, test.options, test.inputs, test.outputs)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.name) {
			t.Errorf("%s of %v: %v, error %v; want one with %q", test.name, test.inputs, got, err, test.want)
		}
	}
}
