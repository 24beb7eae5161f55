package silero

import (
	"math"
	"math/rand/v2"

	"google.golang.org/protobuf/encoding/protowire"

	"atoll/model/graph"
)

// network is a Silero VAD with random weights: the parameters as PyTorch holds them
// and the definition of the maths, in float64 and without any graph.
type network struct {
	basis              []float32
	encoder            [4]layer
	inputW, recurrentW []float32 // rows i, f, g, o
	inputB, recurrentB []float32
	output             layer
}

func newNetwork(seed uint64) *network {
	random := rand.New(rand.NewPCG(seed, 1))
	draw := func(n, fan int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(random.NormFloat64() / math.Sqrt(float64(fan)))
		}
		return v
	}
	n := &network{
		basis:  draw(2*bins*window, window),
		inputW: draw(gates*hidden, hidden), recurrentW: draw(gates*hidden, hidden),
		inputB: draw(gates, 4), recurrentB: draw(gates, 4),
		output: layer{draw(hidden, hidden), draw(1, 1)},
	}
	for i, s := range encoderShape {
		n.encoder[i] = layer{draw(s.out*s.in*3, s.in*3), draw(s.out, 4)}
	}
	return n
}

// run computes one frame and updates the state.
func (n *network) run(frame, h, c []float64) float64 {
	x := append([]float64(nil), frame...)
	for i := range padLen {
		x = append(x, frame[len(frame)-2-i])
	}
	frames := make([][]float64, 4)
	for f := range frames {
		for k := range bins {
			var re, im float64
			for i := range window {
				re += x[f*hop+i] * float64(n.basis[k*window+i])
				im += x[f*hop+i] * float64(n.basis[(bins+k)*window+i])
			}
			frames[f] = append(frames[f], math.Hypot(re, im))
		}
	}
	for i, s := range encoderShape {
		frames = n.encoder[i].convolve(frames, s.in, s.out, s.stride)
	}
	n.cell(frames[0], h, c)
	logit := float64(n.output.bias[0])
	for i, v := range h {
		logit += max(v, 0) * float64(n.output.weight[i])
	}
	return sigmoid(logit)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// convolve has a kernel of 3 frames, one frame of zeros on each side, and ReLU.
func (l *layer) convolve(x [][]float64, in, out, stride int) [][]float64 {
	var y [][]float64
	for at := 0; at < len(x); at += stride {
		row := make([]float64, out)
		for o := range row {
			sum := float64(l.bias[o])
			for k := range 3 {
				if f := at + k - 1; f >= 0 && f < len(x) {
					for i := range in {
						sum += x[f][i] * float64(l.weight[(o*in+i)*3+k])
					}
				}
			}
			row[o] = max(sum, 0)
		}
		y = append(y, row)
	}
	return y
}

// cell is one step of the LSTM.
func (n *network) cell(x, h, c []float64) {
	sums := make([]float64, gates)
	for r := range sums {
		sums[r] = float64(n.inputB[r]) + float64(n.recurrentB[r])
		for i := range hidden {
			sums[r] += x[i]*float64(n.inputW[r*hidden+i]) + h[i]*float64(n.recurrentW[r*hidden+i])
		}
	}
	for i := range hidden {
		in, forget := sigmoid(sums[i]), sigmoid(sums[hidden+i])
		g, out := math.Tanh(sums[2*hidden+i]), sigmoid(sums[3*hidden+i])
		c[i] = forget*c[i] + in*g
		h[i] = out * math.Tanh(c[i])
	}
}

// graphWriter builds a GraphProto.
type graphWriter struct{ b []byte }

func appendMessage(b []byte, num protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), m)
}

func appendNumber(b []byte, num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

func intsAttribute(name string, values ...int64) []byte {
	b := appendMessage(nil, 1, []byte(name))
	for _, v := range values {
		b = appendNumber(b, 8, v)
	}
	return b
}

func graphAttribute(name string, g graphWriter) []byte {
	return appendMessage(appendMessage(nil, 1, []byte(name)), 6, g.b)
}

// node adds an operator and returns the name of its result.
func (g *graphWriter) node(op, out string, inputs []string, attributes ...[]byte) string {
	var b []byte
	for _, in := range inputs {
		b = appendMessage(b, 1, []byte(in))
	}
	b = appendMessage(appendMessage(b, 2, []byte(out)), 4, []byte(op))
	for _, a := range attributes {
		b = appendMessage(b, 5, a)
	}
	g.b = appendMessage(g.b, 1, b)
	return out
}

// floats adds a constant: a node, or an initializer if flat is set.
func (g *graphWriter) floats(flat bool, name string, values []float32, dims ...int64) string {
	var t []byte
	for _, d := range dims {
		t = appendNumber(t, 1, d)
	}
	t = appendMessage(appendNumber(t, 2, 1), 9, graph.Float32Bytes(values))
	if flat {
		g.b = appendMessage(g.b, 5, appendMessage(t, 8, []byte(name)))
		return name
	}
	return g.node("Constant", name, nil, appendMessage(appendMessage(nil, 1, []byte("value")), 5, t))
}

// ints adds an int64 constant of rank 1.
func (g *graphWriter) ints(name string, values ...int64) string {
	t := appendNumber(appendNumber(nil, 1, int64(len(values))), 2, 7)
	for _, v := range values {
		t = appendNumber(t, 7, v)
	}
	return g.node("Constant", name, nil, appendMessage(appendMessage(nil, 1, []byte("value")), 5, t))
}

func (g *graphWriter) conv(out, in, weight, bias string, stride, pad int64) string {
	inputs := []string{in, weight}
	if bias != "" {
		inputs = append(inputs, bias)
	}
	return g.node("Conv", out, inputs, intsAttribute("strides", stride), intsAttribute("pads", pad, pad), intsAttribute("dilations", 1))
}

// gateOrder turns rows i, f, g, o into ONNX's i, o, f, g by slicing, as PyTorch's
// exporter does.
func (g *graphWriter) gateOrder(name, v string) string {
	var parts []string
	for i, at := range []int64{0, 3, 1, 2} {
		id := name + string(rune('a'+i))
		parts = append(parts, g.node("Slice", id, []string{v,
			g.ints(id+"_from", at*hidden), g.ints(id+"_to", (at+1)*hidden), g.ints(id+"_axis", 0)}))
	}
	return g.node("Concat", name, parts)
}

func (g *graphWriter) unsqueeze(name, v string) string {
	return g.node("Unsqueeze", name, []string{v, g.ints(name+"_axes", 0)})
}

// branch writes the 16 kHz graph. If flat, constants are initializers and the LSTM's
// stand there in ONNX's order; else they are nodes, sliced inside a nested If.
func (n *network) branch(flat bool) graphWriter {
	var g graphWriter
	x := g.conv("spectrum", "input", g.floats(flat, "c0", n.basis, 2*bins, 1, window), "", hop, 0)
	for i, s := range encoderShape {
		id := string(rune('1' + i))
		w := g.floats(flat, "w"+id, n.encoder[i].weight, int64(s.out), int64(s.in), 3)
		b := g.floats(flat, "b"+id, n.encoder[i].bias, int64(s.out))
		x = g.node("Relu", "r"+id, []string{g.conv("e"+id, x, w, b, int64(s.stride), 1)})
	}
	if flat {
		w := g.floats(flat, "W", onnxOrder(n.inputW), 1, gates, hidden)
		r := g.floats(flat, "R", onnxOrder(n.recurrentW), 1, gates, hidden)
		b := g.floats(flat, "B", append(onnxOrder(n.inputB), onnxOrder(n.recurrentB)...), 1, 2*gates)
		g.node("LSTM", "y", []string{x, w, r, b})
	} else {
		wi := g.floats(flat, "wi", n.inputW, gates, hidden)
		wr := g.floats(flat, "wr", n.recurrentW, gates, hidden)
		bi, br := g.floats(flat, "bi", n.inputB, gates), g.floats(flat, "br", n.recurrentB, gates)
		var inner graphWriter
		w := inner.unsqueeze("W", inner.gateOrder("wi_onnx", wi))
		r := inner.unsqueeze("R", inner.gateOrder("wr_onnx", wr))
		both := inner.node("Concat", "b_onnx", []string{inner.gateOrder("bi_onnx", bi), inner.gateOrder("br_onnx", br)})
		inner.node("LSTM", "inner_y", []string{x, w, r, inner.unsqueeze("B", both)})
		g.node("If", "y", []string{"cond"}, graphAttribute("then_branch", inner))
	}
	w := g.floats(flat, "wo", n.output.weight, 1, hidden, 1)
	b := g.floats(flat, "bo", n.output.bias, 1)
	g.node("Sigmoid", "prob", []string{g.conv("logit", g.node("Relu", "hr", []string{"y"}), w, b, 1, 0)})
	return g
}

// onnxOrder turns rows i, f, g, o into i, o, f, g.
func onnxOrder(v []float32) []float32 {
	n := len(v) / 4
	out := append([]float32(nil), v[:n]...)
	out = append(out, v[3*n:]...)
	return append(out, v[n:3*n]...)
}

// onnxFile writes the whole file, with both sample rates unless flat.
func (n *network) onnxFile(flat bool) []byte {
	if flat {
		return appendMessage(nil, 7, n.branch(true).b)
	}
	var narrow, top graphWriter
	narrow.conv("spectrum8", "input", narrow.floats(false, "c8", make([]float32, 130*128), 130, 1, 128), "", 64, 0)
	top.node("If", "out", []string{"is16k"}, graphAttribute("else_branch", narrow), graphAttribute("then_branch", n.branch(false)))
	return appendMessage(nil, 7, top.b)
}
