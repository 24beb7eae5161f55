package silero

import "atoll/model"

// Values of the schema's enums in operator options.
const (
	paddingSame    = 0
	paddingValid   = 1
	activationRelu = 1
	mirrorReflect  = 0
)

// build writes the network as a model. Everything but the first operator runs on
// XNNPACK. For its sake the transform sees the samples as 5 rows of 128 channels
// and its basis as a kernel of 2 rows: the same bytes as one channel and 256 taps,
// and the same sums, but whole rows at a time.
func build(w *weights, p Precision, description string) *model.Model {
	b := newBuilder(p)
	input := b.tensor("input", 1, frameLen)
	h := b.tensor("h", 1, hidden)
	c := b.tensor("c", 1, hidden)
	features := b.encode(w, b.spectrum(w, input))
	prob, hOut, cOut := b.decode(w, features, h, c)
	return b.finish(description, []int32{input, h, c}, []int32{prob, hOut, cOut})
}

// spectrum computes the magnitudes [1,1,4,129] of 4 overlapping windows.
func (b *builder) spectrum(w *weights, input int32) int32 {
	const rows = (frameLen + padLen) / hop
	padded := b.tensor("padded", 1, frameLen+padLen)
	b.op(model.OpMirrorPad, model.NewOptions("MirrorPadOptions", map[string]int64{"mode": mirrorReflect}),
		[]int32{input, b.ints("reflect", []int32{2, 2}, 0, 0, 0, padLen)}, padded)
	windows := b.reshape("windows", padded, 1, 1, rows, hop)
	spectrum := b.conv("stft", windows, w.basis, make([]float32, 2*bins), []int32{2 * bins, 1, 2, hop},
		convStep{padding: paddingValid, stride: 1, out: rows - 1})
	re, im := b.tensor("real", 1, 1, rows-1, bins), b.tensor("imaginary", 1, 1, rows-1, bins)
	b.op(model.OpSplit, model.NewOptions("SplitOptions", map[string]int64{"num_splits": 2}),
		[]int32{b.ints("channel_axis", nil, 3), spectrum}, re, im)
	power := b.add("power", b.mul("real_squared", re, re), b.mul("imaginary_squared", im, im))
	return b.unary(model.OpSqrt, "magnitude", power)
}

// encode applies the four convolutions and returns the features [1,128] of the one
// frame that is left. Where the stride is 2 the padding is explicit: SAME would put
// all of it on the right.
func (b *builder) encode(w *weights, x int32) int32 {
	frames := int32(4)
	for i, s := range encoderShape {
		name := "encoder_" + string(rune('0'+i))
		step := convStep{padding: paddingSame, stride: s.stride, activation: activationRelu, out: (frames-1)/int32(s.stride) + 1}
		if s.stride > 1 {
			padded := b.tensor(name+"_padded", 1, 1, frames+2, int32(s.in))
			b.op(model.OpPad, model.NewOptions("PadOptions", nil), []int32{x, b.framePadding()}, padded)
			x, step.padding = padded, paddingValid
		}
		x = b.conv(name, x, outInWidth(w.encoder[i].weight, s.in, s.out), w.encoder[i].bias,
			[]int32{int32(s.out), 1, 3, int32(s.in)}, step)
		frames = step.out
	}
	return b.reshape("features", x, 1, hidden)
}

// decode is one LSTM step and the output layer. Both products of the cell are one
// fully connected layer over features and state side by side.
func (b *builder) decode(w *weights, x, h, c int32) (prob, hOut, cOut int32) {
	joined := b.tensor("features_h", 1, 2*hidden)
	b.op(model.OpConcatenation, model.NewOptions("ConcatenationOptions", map[string]int64{"axis": 1}), []int32{x, h}, joined)
	all := b.fullyConnected("gates", joined, sideBySide(w.input, w.recurrent), w.gateBias, gates, 2*hidden)
	var raw [4]int32
	for i, name := range []string{"i", "f", "g", "o"} {
		raw[i] = b.tensor(name+"_raw", 1, hidden)
	}
	b.op(model.OpSplit, model.NewOptions("SplitOptions", map[string]int64{"num_splits": 4}),
		[]int32{b.ints("gate_axis", nil, 1), all}, raw[:]...)
	i := b.unary(model.OpLogistic, "i", raw[0])
	f := b.unary(model.OpLogistic, "f", raw[1])
	g := b.unary(model.OpTanh, "g", raw[2])
	o := b.unary(model.OpLogistic, "o", raw[3])
	cOut = b.add("c_out", b.mul("f_c", f, c), b.mul("i_g", i, g))
	hOut = b.mul("h_out", o, b.unary(model.OpTanh, "c_tanh", cOut))
	logit := b.fullyConnected("logit", b.unary(model.OpRelu, "h_relu", hOut), w.output.weight, w.output.bias, 1, hidden)
	return b.unary(model.OpLogistic, "prob", logit), hOut, cOut
}

// outInWidth turns [out, in, 3] into TensorFlow Lite's [out, 1, 3, in].
func outInWidth(v []float32, in, out int) []float32 {
	t := make([]float32, len(v))
	for o := range out {
		for i := range in {
			for k := range 3 {
				t[(o*3+k)*in+i] = v[(o*in+i)*3+k]
			}
		}
	}
	return t
}

// sideBySide joins two matrices of hidden columns row by row.
func sideBySide(left, right []float32) []float32 {
	v := make([]float32, 0, len(left)+len(right))
	for at := 0; at < len(left); at += hidden {
		v = append(append(v, left[at:at+hidden]...), right[at:at+hidden]...)
	}
	return v
}
