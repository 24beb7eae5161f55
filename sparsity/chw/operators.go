package chw

import (
	"encoding/binary"

	"atoll/model"
	"atoll/model/graph"
)

// convolution rewrites a larger convolution over the picture, and a 1x1 convolution
// whose result leaves the sparse part.
func (w *rewriter) convolution(op *model.Operator) (bool, error) {
	kernel, err := w.weights(op, 1)
	if err != nil || kernel == nil {
		return false, err
	}
	shape := w.Graph.Tensors[op.Inputs[1]].Shape
	o := op.Options
	switch {
	case o.Int("dilation_w_factor") != 1 || o.Int("dilation_h_factor") != 1 || o.Int("stride_w") != o.Int("stride_h"):
		return false, nil
	case len(shape) == 4 && shape[1] == 1 && shape[2] == 1 && o.Int("stride_w") == 1:
		return w.end(op, kernel, shape)
	case len(shape) == 4 && shape[3] == colours && o.Int("stride_w") == 2:
		return w.first(op, kernel, shape)
	}
	return false, nil
}

// end lets a 1x1 convolution read its input behind DEPTH_TO_SPACE, which is where the
// sparse part ends: four channels of a pixel become a square of pixels, and a 2x2
// kernel with stride 2 sees the same numbers.
func (w *rewriter) end(op *model.Operator, kernel []float32, shape []int32) (bool, error) {
	in, s := op.Inputs[0], w.shape(op.Inputs[0])
	if !w.leaves(op.Outputs[0]) || s == nil || s[3] != shape[3] || s[3]%4 != 0 || w.links.Producer[in] < 0 {
		return false, nil
	}
	space, ok := w.spaces[in]
	if !ok {
		space = w.image(w.Graph.Tensors[in].Name+"_space", 2*s[1], 2*s[2], s[3]/4)
		w.add(opDepthToSpace, model.NewOptions("DepthToSpaceOptions", map[string]int64{"block_size": 2}), space, in)
		w.spaces[in] = space
	}
	square := w.constant(w.Graph.Tensors[op.Inputs[1]].Name+"_square", kernel, shape[0], 2, 2, shape[3]/4)
	bias := int32(-1)
	if len(op.Inputs) > 2 {
		bias = op.Inputs[2]
	}
	w.convolve(space, square, bias, op.Outputs[0], 2, op.Options.Int("fused_activation_function"))
	w.changes.Ends++
	return true, nil
}

// first rewrites a convolution over the picture with stride 2 and SAME: on even sizes
// TensorFlow pads more at the end, where the sparse part starts with the same zeros on
// all sides.
func (w *rewriter) first(op *model.Operator, kernel []float32, shape []int32) (bool, error) {
	in, out := w.shape(op.Inputs[0]), w.shape(op.Outputs[0])
	if in == nil || out == nil || in[3] != colours || out[3] != shape[0] || in[1]%2 != 0 || in[2]%2 != 0 ||
		op.Options.Int("padding") != paddingSame || shape[1] != shape[2] {
		return false, nil
	}
	switch shape[1] {
	case 3:
		if err := w.shift(op, kernel); err != nil {
			return false, err
		}
	case 5:
		if terms := w.decompose(kernel, int(shape[0])); w.changes.Terms > 0 {
			w.sum(op, terms)
			break
		}
		return false, nil // nothing but zeros
	default:
		return false, nil
	}
	w.changes.First++
	return true, nil
}

// shift moves the picture up and left by a pixel, so that the zeros are where XNNPACK
// wants them: above and on the left, in place of the row and the column that go.
// Pixels count from the border's value, which makes it zero; the bias takes that back.
func (w *rewriter) shift(op *model.Operator, kernel []float32) error {
	in, border := op.Inputs[0], w.options.Border
	s, name := w.Graph.Tensors[in].Shape, w.Graph.Tensors[in].Name
	// As a matrix of rows: XNNPACK moves pictures of three channels pixel by pixel.
	rows, row := s[1], s[2]*s[3]
	x := w.reshape(in, name+"_rows", rows, row)
	cut := w.AddTensor(model.Tensor{Name: name + "_moved", Shape: []int32{rows - 1, row - s[3]}})
	w.add(opSlice, model.NewOptions("SliceOptions", nil), cut,
		x, w.ints(name+"_begin", []int32{2}, 1, s[3]), w.ints(name+"_size", []int32{2}, rows-1, row-s[3]))
	filled := cut
	if border != 0 { // SAME's own zeros
		filled = w.AddTensor(model.Tensor{Name: name + "_filled", Shape: []int32{rows, row}})
		w.add(model.OpPad, model.NewOptions("PadOptions", nil), filled, cut, w.ints(name+"_filling", []int32{2, 2}, 0, 1, 0, s[3]))
	}
	outputs := w.Graph.Tensors[op.Outputs[0]].Shape[3]
	bias, err := w.weights(op, 2)
	if err != nil {
		return err
	}
	sums := make([]float32, outputs)
	copy(sums, bias)
	if border != 0 {
		for i, v := range kernel {
			sums[i*len(sums)/len(kernel)] += border * v
		}
		x = w.AddTensor(model.Tensor{Name: name + "_from_border", Shape: []int32{rows, row}})
		w.add(model.OpAdd, model.NewOptions("AddOptions", nil), x, filled, w.constant(name+"_border", []float32{-border}, 1))
		filled = x
	}
	moved := w.reshape(filled, name+"_picture", 1, w.Graph.Tensors[filled].Shape[0], w.Graph.Tensors[filled].Shape[1]/s[3], s[3])
	w.convolve(w.pad(moved, 1), op.Inputs[1], w.constant(w.Graph.Tensors[op.Outputs[0]].Name+"_bias", sums, outputs), op.Outputs[0],
		2, op.Options.Int("fused_activation_function"))
	return nil
}

// reshape adds a RESHAPE.
func (w *rewriter) reshape(x int32, name string, shape ...int32) int32 {
	out := w.AddTensor(model.Tensor{Name: name, Shape: shape})
	w.add(model.OpReshape, model.NewOptions("ReshapeOptions", nil), out, x, w.ints(name+"_shape", []int32{int32(len(shape))}, shape...))
	return out
}

// ints adds an int32 constant.
func (w *rewriter) ints(name string, shape []int32, values ...int32) int32 {
	return w.AddConstant(model.Tensor{Name: name, Type: model.TypeInt32, Shape: shape}, graph.Int32Bytes(values))
}

// decompose finds the terms of each output of a 5x5 kernel, which SAME places from -1
// to 3.
func (w *rewriter) decompose(kernel []float32, outputs int) [][]term {
	terms := make([][]term, outputs)
	for o := range outputs {
		var target [window]float64
		for i, v := range kernel[o*len(kernel)/outputs : (o+1)*len(kernel)/outputs] {
			target[at(i/colours/5-1, i/colours%5-1, i%colours)] = float64(v)
		}
		found, loss := decompose(&target, w.options.Loss, uint64(o))
		terms[o], w.changes.Loss = found, max(w.changes.Loss, loss)
		w.changes.Terms += len(found)
	}
	return terms
}

// sum writes the terms: all first kernels in one convolution, all second ones in one
// depthwise convolution, and ones in a 1x1 convolution that adds those of an output.
func (w *rewriter) sum(op *model.Operator, terms [][]term) {
	name := w.Graph.Tensors[op.Outputs[0]].Name
	outputs, channels := len(terms), 0
	for _, list := range terms {
		channels += len(list)
	}
	var first []float32
	second, ones := make([]float32, taps*channels), make([]float32, outputs*channels)
	c := 0
	for o, list := range terms {
		for _, t := range list {
			for _, v := range t.first {
				first = append(first, float32(v))
			}
			for tap, v := range t.second {
				second[tap*channels+c] = float32(v)
			}
			ones[o*channels+c] = 1
			c++
		}
	}
	s, n := w.Graph.Tensors[op.Outputs[0]].Shape, int32(channels)
	strided := w.image(name+"_strided", s[1], s[2], n)
	w.convolve(w.pad(op.Inputs[0], 1), w.constant(name+"_first", first, n, 3, 3, colours),
		w.zeros(name+"_first_bias", n), strided, 2, 0)
	wide := w.image(name+"_terms", s[1], s[2], n)
	w.add(model.OpDepthwiseConv2D, depthwiseOptions(paddingSame, 1, 0), wide,
		strided, w.constant(name+"_second", second, 1, 3, 3, n), w.zeros(name+"_second_bias", n))
	bias := w.zeros(name+"_bias", int32(outputs))
	if len(op.Inputs) > 2 && op.Inputs[2] >= 0 {
		bias = op.Inputs[2]
	}
	w.convolve(wide, w.constant(name+"_ones", ones, int32(outputs), 1, 1, n), bias, op.Outputs[0],
		1, op.Options.Int("fused_activation_function"))
}

// depthwise rewrites a 3x3 kernel with stride 2 and SAME: on even sizes TensorFlow
// pads at the end only, where XNNPACK wants the same on all sides. The kernel becomes
// the last corner of a 5x5 kernel.
func (w *rewriter) depthwise(op *model.Operator) (bool, error) {
	o, in := op.Options, w.shape(op.Inputs[0])
	kernel, err := w.weights(op, 1)
	if err != nil || kernel == nil || in == nil {
		return false, err
	}
	shape := w.Graph.Tensors[op.Inputs[1]].Shape
	if len(shape) != 4 || shape[1] != 3 || shape[2] != 3 || shape[3] != in[3] || in[1]%2 != 0 || in[2]%2 != 0 ||
		o.Int("stride_w") != 2 || o.Int("stride_h") != 2 || o.Int("padding") != paddingSame ||
		o.Int("dilation_w_factor") != 1 || o.Int("dilation_h_factor") != 1 {
		return false, nil
	}
	channels := int(in[3])
	wide := make([]float32, 25*channels)
	for tap := range taps {
		to := (tap/3+2)*5 + tap%3 + 2
		copy(wide[to*channels:(to+1)*channels], kernel[tap*channels:])
	}
	inputs := append([]int32{w.pad(op.Inputs[0], 2), w.constant(w.Graph.Tensors[op.Inputs[1]].Name+"_5x5", wide, 1, 5, 5, in[3])},
		op.Inputs[2:]...)
	w.add(model.OpDepthwiseConv2D, depthwiseOptions(paddingValid, 2, o.Int("fused_activation_function")), op.Outputs[0], inputs...)
	w.changes.Depthwise++
	return true, nil
}

// channelPad turns zeros added to the channels into a 1x1 convolution.
func (w *rewriter) channelPad(op *model.Operator) (bool, error) {
	in, out := w.shape(op.Inputs[0]), w.shape(op.Outputs[0])
	if len(op.Inputs) < 2 || op.Inputs[1] < 0 || in == nil || out == nil {
		return false, nil
	}
	p := &w.Graph.Tensors[op.Inputs[1]]
	if p.Type != model.TypeInt32 || !graph.IsConstant(w.Model, p) || w.links.Producer[op.Inputs[0]] < 0 {
		return false, nil
	}
	pads := int32s(w.Model.Buffers[p.Buffer])
	if len(pads) != 8 || out[0] != in[0] || out[1] != in[1] || out[2] != in[2] || out[3] == in[3] ||
		pads[6] < 0 || pads[6] > out[3]-in[3] {
		return false, nil
	}
	diagonal := make([]float32, out[3]*in[3])
	for c := range in[3] {
		diagonal[(c+pads[6])*in[3]+c] = 1
	}
	name := w.Graph.Tensors[op.Outputs[0]].Name
	w.convolve(op.Inputs[0], w.constant(name+"_diagonal", diagonal, out[3], 1, 1, in[3]), w.zeros(name+"_bias", out[3]),
		op.Outputs[0], 1, 0)
	w.changes.Pads++
	return true, nil
}

// maxPool says the maximum over squares of 2x2 with differences:
//
//	max(a, b, c, d) = d + relu(c-d) + relu((b-d) + relu(a-b) - relu(c-d))
//
// where depthwise convolutions with stride 2 pick the pixels of a square.
func (w *rewriter) maxPool(op *model.Operator) (bool, error) {
	o, in, s := op.Options, w.shape(op.Inputs[0]), w.shape(op.Outputs[0])
	if in == nil || s == nil || s[3] != in[3] || in[1]%2 != 0 || in[2]%2 != 0 || o.Int("filter_width") != 2 || o.Int("filter_height") != 2 ||
		o.Int("stride_w") != 2 || o.Int("stride_h") != 2 || o.Int("fused_activation_function") != 0 {
		return false, nil
	}
	x, out := op.Inputs[0], op.Outputs[0]
	name := w.Graph.Tensors[out].Name
	image := func(part string) int32 { return w.image(name+part, s[1], s[2], s[3]) }
	// With one row and column of zeros before, the square lies at the kernel's end.
	const a, b, c, d = 4, 5, 7, 8
	pick := func(part string, activation int64, plus, minus int) int32 {
		kernel := make([]float32, taps*s[3])
		for channel := range int(s[3]) {
			if kernel[plus*int(s[3])+channel] = 1; minus >= 0 {
				kernel[minus*int(s[3])+channel] = -1
			}
		}
		y := image(part)
		w.add(model.OpDepthwiseConv2D, depthwiseOptions(paddingValid, 2, activation), y, w.pad(x, 1),
			w.constant(name+part+"_kernel", kernel, 1, 3, 3, s[3]), w.zeros(name+part+"_bias", s[3]))
		return y
	}
	sum := func(y int32, activation int64, left, right int32) int32 {
		w.add(model.OpAdd, model.NewOptions("AddOptions", map[string]int64{"fused_activation_function": activation}), y, left, right)
		return y
	}
	upper := pick("_upper", activationRelu, a, b)
	lower := pick("_lower", activationRelu, c, d)
	right := pick("_right", 0, b, d)
	last := pick("_last", 0, d, -1)
	minus := image("_minus")
	w.add(opNeg, model.NewOptions("NegOptions", nil), minus, lower)
	rise := sum(image("_rise"), activationRelu, sum(image("_gap"), 0, right, upper), minus)
	sum(out, 0, sum(image("_below"), 0, last, lower), rise)
	w.changes.Pools++
	return true, nil
}

// int32s decodes a constant.
func int32s(b []byte) []int32 {
	list := make([]int32, len(b)/4)
	for i := range list {
		list[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return list
}
