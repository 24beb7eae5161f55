package silero

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atoll/model"
	"atoll/model/onnx"
)

// TestConvert runs converted networks, frame after frame with their state, beside
// the definition of the maths.
func TestConvert(t *testing.T) {
	for _, test := range []struct {
		name      string
		flat      bool
		precision Precision
		tolerance float64
	}{
		{"both sample rates", false, F32, 1e-6},
		{"one sample rate", true, F32, 1e-6},
		{"float16", false, F16, 5e-3},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newNetwork(7)
			m := convert(t, n.onnxFile(test.flat), test.precision)
			random := rand.New(rand.NewPCG(3, 4))
			wantH, wantC := make([]float64, hidden), make([]float64, hidden)
			h, c := make([]float64, hidden), make([]float64, hidden)
			for step := range 3 {
				frame := make([]float64, frameLen)
				for i := range frame {
					frame[i] = random.Float64()*2 - 1
				}
				want := n.run(frame, wantH, wantC)
				out := interpret(t, m, frame, h, c)
				h, c = out[1], out[2]
				if d := math.Abs(out[0][0] - want); d > test.tolerance || math.IsNaN(d) {
					t.Errorf("frame %d: probability %v, want %v", step, out[0][0], want)
				}
				if d := largestDifference(h, wantH) + largestDifference(c, wantC); d > 4*test.tolerance {
					t.Errorf("frame %d: the state is off by %v", step, d)
				}
			}
		})
	}
}

func convert(t *testing.T, data []byte, p Precision) *model.Model {
	t.Helper()
	out, err := Convert(data, p)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func largestDifference(a, b []float64) (d float64) {
	for i := range a {
		d = max(d, math.Abs(a[i]-b[i]))
	}
	return d
}

// TestContract pins what callers rely on: names, order and shapes, and that only
// the first operator stays off XNNPACK.
func TestContract(t *testing.T) {
	m := convert(t, newNetwork(1).onnxFile(true), F32)
	g := &m.Subgraphs[0]
	for _, test := range []struct {
		indices []int32
		names   []string
		shapes  [][]int32
	}{
		{g.Inputs, []string{"input", "h", "c"}, [][]int32{{1, 576}, {1, 128}, {1, 128}}},
		{g.Outputs, []string{"prob", "h_out", "c_out"}, [][]int32{{1, 1}, {1, 128}, {1, 128}}},
	} {
		for i, index := range test.indices {
			if got := g.Tensors[index]; got.Name != test.names[i] || !slices.Equal(got.Shape, test.shapes[i]) || got.Type != model.TypeFloat32 {
				t.Errorf("tensor %s %v %v, want %s %v", got.Name, got.Type, got.Shape, test.names[i], test.shapes[i])
			}
		}
	}
	if len(g.Operators) != 30 || m.OperatorCodes[g.Operators[0].Opcode].Builtin != model.OpMirrorPad {
		t.Errorf("%d operators, the first %s", len(g.Operators), m.OperatorCodes[g.Operators[0].Opcode].Name())
	}
	if !strings.Contains(m.Description, "Silero") || !strings.Contains(m.Description, "sha256") {
		t.Errorf("description %q", m.Description)
	}
}

// TestFloat16 wants every weight in half precision behind one DEQUANTIZE.
func TestFloat16(t *testing.T) {
	m := convert(t, newNetwork(1).onnxFile(true), F16)
	for _, tensor := range m.Subgraphs[0].Tensors {
		if len(m.Buffers[tensor.Buffer]) > 0 && tensor.Type != model.TypeFloat16 && tensor.Type != model.TypeInt32 {
			t.Errorf("constant %q is %v", tensor.Name, tensor.Type)
		}
	}
	code := m.OperatorCodes[m.Subgraphs[0].Operators[1].Opcode]
	if i := slices.IndexFunc(m.OperatorCodes, func(c model.OperatorCode) bool { return c.Builtin == model.OpDequantize }); i < 0 || m.OperatorCodes[i].Version != 3 {
		t.Errorf("DEQUANTIZE is missing or not of version 3: %+v", code)
	}
}

func TestDeterministic(t *testing.T) {
	data := newNetwork(2).onnxFile(false)
	first, err := Convert(data, F16)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Convert(data, F16)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("two conversions differ, error %v", err)
	}
}

func TestConvertRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*network)
		want   string
	}{
		{"basis", func(n *network) { n.basis = n.basis[:len(n.basis)-4] }, "Fourier transform"},
		{"encoder weight", func(n *network) { n.encoder[2].weight = n.encoder[2].weight[1:] }, "encoder layer 2"},
		{"encoder bias", func(n *network) { n.encoder[1].bias = nil }, "encoder layer 1"},
		{"input weights", func(n *network) { n.inputW = n.inputW[1:] }, "LSTM: input weights"},
		{"recurrent weights", func(n *network) { n.recurrentW = n.recurrentW[1:] }, "LSTM: recurrent weights"},
		{"bias", func(n *network) { n.recurrentB = n.recurrentB[1:] }, "LSTM: bias"},
		{"output", func(n *network) { n.output.weight = n.output.weight[1:] }, "output layer"},
	} {
		n := newNetwork(1)
		test.change(n)
		if _, err := Convert(n.onnxFile(false), F32); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
	if _, err := Convert([]byte("not a model"), F32); err == nil || !strings.Contains(err.Error(), "onnx") {
		t.Errorf("text: error %v", err)
	}
	if _, err := Convert(newNetwork(1).onnxFile(true), 2); err == nil || !strings.Contains(err.Error(), "precision(2)") {
		t.Errorf("precision 2: error %v", err)
	}
}

// TestGraphRefuses: graphs that are no Silero, or hostile.
func TestGraphRefuses(t *testing.T) {
	basis := func(g *graphWriter) string {
		return g.floats(false, "c0", make([]float32, 2*bins*window), 2*bins, 1, window)
	}
	encoder := func(g *graphWriter, weight string) {
		g.conv("s", "input", basis(g), "", hop, 0)
		for i := range 5 {
			g.conv("e"+string(rune('0'+i)), "s", weight, "", 1, 1)
		}
	}
	for _, test := range []struct {
		name  string
		write func(*graphWriter)
		want  string
	}{
		{"no convolution", func(g *graphWriter) { g.node("Relu", "y", []string{"x"}) }, "no graph with a convolution"},
		{"only 8 kHz", func(g *graphWriter) {
			g.conv("s", "input", g.floats(false, "c", make([]float32, 130*128), 130, 1, 128), "", 64, 0)
		}, "no graph with a convolution"},
		{"one convolution", func(g *graphWriter) { g.conv("s", "input", basis(g), "", hop, 0) }, "1 convolutions"},
		{"stride", func(g *graphWriter) {
			for range 6 {
				g.conv("s", "input", basis(g), "", 64, 0)
			}
		}, "strides [64], want [128]"},
		{"weights computed at run time", func(g *graphWriter) { encoder(g, "input") }, `"input" is not a constant`},
		{"unknown operator", func(g *graphWriter) { encoder(g, g.node("Cos", "w", []string{"c0"})) }, "unknown way"},
		{"cycle", func(g *graphWriter) { encoder(g, g.node("Identity", "w", []string{"w"})) }, "more than 64 operators"},
		{"doubling", func(g *graphWriter) {
			name := "c0"
			for i := range 60 {
				name = g.node("Concat", "d"+strings.Repeat("x", i), []string{name, name})
			}
			encoder(g, name)
		}, "add up to more than"},
		{"doubling of nothing", func(g *graphWriter) {
			name := g.floats(false, "nothing", nil, 0)
			for i := range 60 {
				name = g.node("Concat", "d"+strings.Repeat("x", i), []string{name, name})
			}
			encoder(g, name)
		}, "add up to more than"},
		{"slice outside", func(g *graphWriter) {
			encoder(g, g.node("Slice", "w", []string{"c0", g.ints("from", 500), g.ints("to", 600)}))
		}, "rows 500 to 600"},
		{"unsqueeze", func(g *graphWriter) {
			encoder(g, g.node("Unsqueeze", "w", []string{"c0", g.ints("axes", 2)}))
		}, "axes [2]"},
		{"no LSTM", func(g *graphWriter) {
			n := newNetwork(1)
			g.conv("s", "input", basis(g), "", hop, 0)
			for i, s := range encoderShape {
				id := string(rune('0' + i))
				g.conv("e"+id, "s", g.floats(false, "w"+id, n.encoder[i].weight, int64(s.out), int64(s.in), 3), "", int64(s.stride), 1)
			}
			g.conv("o", "s", g.floats(false, "wo", n.output.weight, 1, hidden, 1), "", 1, 0)
		}, "LSTM: no such node"},
	} {
		var g graphWriter
		test.write(&g)
		if _, err := Convert(appendMessage(nil, 7, g.b), F32); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

// TestClampRow is ONNX's rule for positions in Slice.
func TestClampRow(t *testing.T) {
	for _, test := range []struct{ at, want int64 }{
		{0, 0}, {3, 3}, {10, 10}, {11, 10}, {math.MaxInt64, 10}, {-1, 9}, {-10, 0}, {-11, 0}, {math.MinInt64, 0},
	} {
		if got := clampRow(test.at, 10); got != test.want {
			t.Errorf("clampRow(%d, 10) = %d, want %d", test.at, got, test.want)
		}
	}
}

// TestBuiltIn: the files that "make models" leaves are conversions of this code. One
// frame of silence is no speech.
func TestBuiltIn(t *testing.T) {
	for _, p := range []Precision{F32, F16} {
		data, err := os.ReadFile(filepath.Join("..", "..", "models", "silero_vad_"+p.String()+".tflite"))
		if err != nil {
			t.Fatalf("%v: run \"make models\" first", err)
		}
		m, err := model.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		out := interpret(t, m, make([]float64, frameLen), make([]float64, hidden), make([]float64, hidden))
		if got := out[0][0]; !(got > 0 && got < 0.1) {
			t.Errorf("%v: probability of speech in silence is %v", p, got)
		}
	}
}

func TestParsePrecision(t *testing.T) {
	for _, p := range []Precision{F32, F16} {
		if got, err := ParsePrecision(p.String()); err != nil || got != p {
			t.Errorf("ParsePrecision(%q) = %v, %v", p, got, err)
		}
	}
	for _, bad := range []string{"", "F32", "int8"} {
		if _, err := ParsePrecision(bad); err == nil {
			t.Errorf("ParsePrecision(%q) succeeded", bad)
		}
	}
}

func FuzzConvert(f *testing.F) {
	f.Add(newNetwork(1).onnxFile(false), false)
	f.Add(newNetwork(1).onnxFile(true), true)
	var g graphWriter
	g.conv("s", "input", g.gateOrder("w", g.unsqueeze("u", g.floats(true, "c", make([]float32, 6), 2, 3))), "", hop, 0)
	f.Add(appendMessage(nil, 7, g.b), true)
	f.Fuzz(func(t *testing.T, data []byte, half bool) {
		p := F32
		if half {
			p = F16
		}
		if out, err := Convert(data, p); err == nil {
			if _, err := model.Read(out); err != nil {
				t.Error(err)
			}
		}
		// Fold whatever the graph holds, also where it is no Silero.
		source, err := onnx.Read(data)
		if err != nil {
			return
		}
		fold := newFolder(source.Graph, source.Graph)
		for name := range fold.producers {
			if v, err := fold.fold(name, 0); err == nil && len(v.data) > maxFolded {
				t.Errorf("%q has %d elements", name, len(v.data))
			}
		}
	})
}
