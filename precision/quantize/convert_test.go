package quantize

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"atoll/engine/enginetest"
	"atoll/internal/goldentest"
	"atoll/model"
	"atoll/model/graph"
	"atoll/model/half"
)

// TestBuiltInFormats: the models of the text and the voice run in every format, close to
// the original. The plain way is least for the voice in int8: its ranges have to be searched.
func TestBuiltInFormats(t *testing.T) {
	w := enginetest.Start(t)
	for _, test := range []struct {
		modality model.Modality
		variant  string
		least    map[Format]float64 // SNR in dB
	}{
		{model.Text, "f32", map[Format]float64{Float32: 120, Float16: 50, Weights8: 20, Static8: 15}},
		{model.Audio, "f32", map[Format]float64{Float32: 120, Float16: 40, Weights8: 15, Static8: 2}},
	} {
		m := builtIn(t, test.modality, test.variant)
		list := samples(m, 2)
		_, ranges := observed(t, w, m, list)
		for format, least := range test.least {
			c := converted(t, m, format, ranges)
			var got, want [][]float32
			for _, s := range list {
				got, want = append(got, outputs(t, w, c, s)...), append(want, outputs(t, w, m, s)...)
			}
			if db := snr(got, want); db < least {
				t.Errorf("%v, %v: SNR %.1f dB, want %v", test.modality, format, db, least)
			}
		}
	}
}

// TestRoundedWeights: Float16 and Weights8 compute what floats do with the rounded weights.
func TestRoundedWeights(t *testing.T) {
	w := enginetest.Start(t)
	m := builtIn(t, model.Audio, "f32")
	s := samples(m, 1)[0]
	for format, rounded := range map[Format]func(Layer, []float32) []float32{
		Float16: func(_ Layer, w []float32) []float32 {
			for i, v := range w {
				w[i] = half.ToFloat32(half.FromFloat32(v))
			}
			return w
		},
		Weights8: func(l Layer, w []float32) []float32 {
			q := nearest(l, w)
			ch := channelsOf(l, len(w))
			for c := range ch.count {
				for i := range ch.length {
					at := c*ch.outer + i*ch.inner
					w[at] = q.Scales[c] * float32(q.Values[at])
				}
			}
			return w
		},
	} {
		want, err := m.Clone()
		if err != nil {
			t.Fatal(err)
		}
		edit := graph.Edit(want, 0)
		for _, l := range Layers(want) {
			values, err := floatsOf(want, l.Weights)
			if err != nil {
				t.Fatal(err)
			}
			edit.SetConstant(l.Weights, graph.Float32Bytes(rounded(l, values)))
		}
		if db := snr(outputs(t, w, converted(t, m, format, nil), s), outputs(t, w, want, s)); db < 110 {
			t.Errorf("%v: %.1f dB from computing with the rounded weights", format, db)
		}
	}
}

// TestFaceGolden: the operators of the face model in int8. In the middle there must be no
// QUANTIZE or DEQUANTIZE.
func TestFaceGolden(t *testing.T) {
	m := builtIn(t, model.Vision, "short")
	_, ranges := observed(t, enginetest.Start(t), m, samples(m, 1))
	got := []byte(strings.Join(operators(converted(t, m, Static8, ranges)), "\n") + "\n")
	goldentest.Check(t, "face_int8.txt", got)
	// Boxes of two sizes have too different ranges for one concatenation in integers.
	const head, tail = 1, 5
	lines := strings.Split(strings.TrimSpace(string(got)), "\n")
	for i, op := range lines[head : len(lines)-tail] {
		if strings.Contains(op, "QUANTIZE") || !strings.HasSuffix(op, "int8") {
			t.Errorf("operator %d is %s", head+i, op)
		}
	}
}

// TestTable: a table is looked up as int8 in both 8-bit formats; what calls it stays.
func TestTable(t *testing.T) {
	w := enginetest.Start(t)
	for name, values := range map[string][]float32{"any": wave(12), "zeros": make([]float32, 12)} {
		n := newNet()
		x := n.AddTensor(model.Tensor{Name: "x", Type: model.TypeInt32, Shape: []int32{1, 2}})
		n.Graph.Inputs = []int32{x}
		y := n.tensor("y", 1, 2, 3)
		n.op(model.OpGather, model.NewOptions("GatherOptions", nil), []int32{n.constant("table", values, 4, 3), x}, y)
		m := n.output(y)
		for _, format := range []Format{Weights8, Static8} {
			c := converted(t, m, format, nil)
			if got, want := operators(c), []string{"GATHER v2 int8", "DEQUANTIZE v2"}; !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
			loaded, err := c.Write()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Load(name, loaded); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestShared: constants that several read. A conversion for one must not change what
// another gets.
func TestShared(t *testing.T) {
	w := enginetest.Start(t)
	build := func() *model.Model {
		n := newNet()
		x := n.input("x", 1, 4, 4, 4)
		a := n.conv("a", x, 1, 4, 4, 0)
		b := n.conv("b", a, 1, 4, 4, 0)
		n.Graph.Operators[1].Inputs = []int32{a, n.Graph.Operators[0].Inputs[1], n.Graph.Operators[0].Inputs[2]}
		weights := n.Graph.Operators[0].Inputs[1] // as [4, 1, 1, 4] added to [1, 4, 4, 4]
		c := n.tensor("c", 4, 4, 4, 4)
		n.op(model.OpAdd, model.NewOptions("AddOptions", nil), []int32{b, weights}, c)
		d := n.tensor("d", 4, 4, 4, 4)
		n.op(model.OpSqrt, model.Options{}, []int32{weights}, n.tensor("root", 4, 1, 1, 4))
		n.op(model.OpAdd, model.NewOptions("AddOptions", nil), []int32{c, weights}, d)
		return n.output(d, weights, x)
	}
	byName := map[string]Range{"x": {-1, 1}, "a": {-2, 2}, "b": {-4, 4}, "c": {-5, 5}, "d": {-6, 6}}
	for _, formats := range [][]Format{{Float16, Float16}, {Weights8, Weights8}, {Static8, Static8}, {Static8, Float32}, {Float16, Static8}} {
		m, plan := build(), Plan{Formats: formats, Ranges: make(map[int32]Range)}
		if err := Prepare(m); err != nil {
			t.Fatal(err)
		}
		for _, x := range activations(m) {
			plan.Ranges[x] = byName[m.Subgraphs[0].Tensors[x].Name]
		}
		c, err := Convert(m, plan)
		if err != nil {
			t.Fatal(err)
		}
		g := &c.Subgraphs[0]
		if out := &g.Tensors[g.Outputs[1]]; !graph.IsConstant(c, out) || out.Type != model.TypeFloat32 {
			t.Errorf("%v: the constant that is an output is %v", formats, out)
		}
		if g.Outputs[2] != g.Inputs[0] {
			t.Errorf("%v: the input that is an output is tensor %d, not %d", formats, g.Outputs[2], g.Inputs[0])
		}
		// Only what is computed can be looked at.
		m.Subgraphs[0].Outputs, g.Outputs = m.Subgraphs[0].Outputs[:1], g.Outputs[:1]
		s := samples(m, 1)[0]
		if db := snr(outputs(t, w, c, s), outputs(t, w, m, s)); db < 25 {
			t.Errorf("%v: SNR %.1f dB", formats, db)
		}
	}
}

// TestPlanBiases: they go with 8-bit weights, to that layer alone.
func TestPlanBiases(t *testing.T) {
	w := enginetest.Start(t)
	for _, test := range []struct {
		formats [2]Format
		want    [2]float32 // what is added, by layer
	}{
		{[2]Format{Weights8, Weights8}, [2]float32{10, 100}},
		{[2]Format{Weights8, Float16}, [2]float32{10, 0}},
		{[2]Format{Float32, Weights8}, [2]float32{0, 100}},
	} {
		n := newNet()
		x := n.input("x", 1, 2)
		ones := n.constant("ones", []float32{1, 0, 0, 1}, 2, 2)
		none := n.constant("none", []float32{0, 0}, 2)
		a, b := n.tensor("a", 1, 2), n.tensor("b", 1, 2)
		for _, y := range []int32{a, b} {
			n.op(model.OpFullyConnected, model.NewOptions("FullyConnectedOptions", nil), []int32{x, ones, none}, y)
		}
		m := n.output(a, b)
		c, err := Convert(m, Plan{Formats: test.formats[:], Biases: map[int][]float32{0: {10, 10}, 1: {100, 100}}})
		if err != nil {
			t.Fatal(err)
		}
		for i, out := range outputs(t, w, c, [][]float32{{0, 0}}) {
			if math.Abs(float64(out[0]-test.want[i])) > 1e-5 {
				t.Errorf("%v: layer %d gives %v, want %v", test.formats, i, out, test.want[i])
			}
		}
	}
}

// TestHalfOverflow: weights that half precision doesn't have stay as they are.
func TestHalfOverflow(t *testing.T) {
	n := newNet()
	x, y := n.input("x", 1, 1), n.tensor("y", 1, 1)
	n.op(model.OpFullyConnected, model.NewOptions("FullyConnectedOptions", nil), []int32{x, n.constant("w", []float32{70000}, 1, 1), -1}, y)
	if got := names(converted(t, n.output(y), Float16, nil)); got != "FULLY_CONNECTED" {
		t.Errorf("operators %s, want the float one alone", got)
	}
}

func TestConvertRefuses(t *testing.T) {
	nan := math.NaN()
	for _, test := range []struct {
		name string
		plan Plan
		want string
	}{
		{"no formats", Plan{}, "0 formats for 1 layers"},
		{"no ranges", Plan{Formats: []Format{Static8}}, `no range of tensor "x"`},
		{"a range is missing", Plan{Formats: []Format{Static8}, Ranges: map[int32]Range{0: {-1, 1}}}, `no range of tensor "y"`},
		{"no such tensor", Plan{Formats: []Format{Static8}, Ranges: map[int32]Range{99: {-1, 1}}}, "range of tensor 99"},
		{"negative tensor", Plan{Formats: []Format{Static8}, Ranges: map[int32]Range{-1: {-1, 1}}}, "range of tensor -1"},
		{"NaN range", Plan{Formats: []Format{Static8}, Ranges: map[int32]Range{0: {nan, nan}}}, "finite"},
		{"infinite range", Plan{Formats: []Format{Static8}, Ranges: map[int32]Range{0: {0, math.Inf(1)}}}, "finite"},
		{"range without zero", Plan{Formats: []Format{Static8}, Ranges: map[int32]Range{0: {1, 2}}}, "0 in it"},
		{"weights of another size", Plan{Formats: []Format{Weights8}, Weights: map[int]Weights{0: {make([]int8, 3), make([]float32, 2)}}}, "3 weights with 2 scales"},
		{"scales of another size", Plan{Formats: []Format{Weights8}, Weights: map[int]Weights{0: {make([]int8, 4), make([]float32, 1)}}}, "4 weights with 1 scales"},
		{"biases of another size", Plan{Formats: []Format{Static8}, Biases: map[int][]float32{0: {1}}}, "1 biases for 2 channels"},
	} {
		n, y := chain()
		_, err := Convert(n.output(y), test.plan)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
	n, y := chain()
	c := n.constant("c", []float32{float32(math.Inf(1)), 0}, 2)
	z := oneResult(n, model.OpConcatenation, model.NewOptions("ConcatenationOptions", nil), []int32{y, c}, 1, 2, 2, 2)
	if _, err := Convert(n.output(z...), Plan{Formats: []Format{Static8}, Ranges: map[int32]Range{0: {}, y: {}, z[0]: {}}}); err != nil {
		t.Errorf("a constant that takes the range of others: %v", err)
	}
}

// odd are models with everything that a file may have and a converter doesn't make.
func odd() map[string]*model.Model {
	list := make(map[string]*model.Model)
	for _, code := range []model.BuiltinOperator{
		model.OpAdd, model.OpPad, model.OpMean, model.OpReshape, model.OpLogistic, model.OpConcatenation, model.OpSplit, model.OpRelu,
		model.OpConv2D, model.OpFullyConnected, model.OpGather, model.OpSoftmax,
	} {
		name := model.OperatorCode{Builtin: code}.Name()
		for _, inputs := range [][]int32{nil, {-1}, {0}, {0, -1}, {0, 0, 0}} {
			n, y := chain()
			if len(inputs) > 0 && inputs[0] == 0 {
				inputs[0] = y
			}
			n.op(code, model.Options{}, inputs, n.tensor("z", 1, 2, 2, 2))
			list[name+" of few inputs"] = n.output(int32(len(n.Graph.Tensors) - 1))
			n, y = chain()
			n.op(code, model.Options{}, inputs)
			list[name+" without results"] = n.output(y)
		}
	}
	n, y := chain()
	n.Graph.Tensors[y].Shape = []int32{}
	list["result of rank 0"] = n.output(y)
	n, y = chain()
	n.Graph.Tensors[y].Shape = []int32{1, 2, 2, 7}
	list["result of other channels"] = n.output(y)
	n, y = chain()
	n.Graph.Tensors[0].Shape = []int32{1, 2, 2, 0}
	list["input without channels"] = n.output(y)
	n, y = chain()
	n.Graph.Tensors[0].Shape = []int32{1, 2, 2, 6}
	list["groups"] = n.output(y)
	n, y = chain()
	n.Graph.Operators[0].Inputs[0] = n.Graph.Operators[0].Inputs[1]
	list["convolution of its weights"] = n.output(y)
	n, y = chain()
	pads := n.AddConstant(model.Tensor{Type: model.TypeInt32, Shape: []int32{4, 2}}, graph.Int32Bytes([]int32{0, 0, 0, 0, 0, 0, -1, -1}))
	list["negative padding"] = n.output(oneResult(n, model.OpPad, model.NewOptions("PadOptions", nil), []int32{y, pads}, 1, 2, 2, 2)...)
	n = newNet()
	list["nothing"] = n.output(n.input("x"))
	return list
}

// TestOdd: odd models are refused or converted to valid ones.
func TestOdd(t *testing.T) {
	for name, m := range odd() {
		if err := m.Check(); err != nil {
			t.Fatalf("%s: the test's model: %v", name, err)
		}
		convertAll(t, name, m)
	}
}

// fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// convertAll takes a model through all steps that need no worker.
func convertAll(t fataler, name string, m *model.Model) {
	t.Helper()
	if err := Prepare(m); err != nil {
		return
	}
	if err := m.Check(); err != nil {
		t.Fatalf("%s: prepared: %v", name, err)
	}
	layers, stats, ranges := Layers(m), make(map[int32]*Statistics), make(map[int32]Range)
	for _, x := range activations(m) {
		channels := 1
		if shape := m.Subgraphs[0].Tensors[x].Shape; len(shape) > 0 {
			channels = int(shape[len(shape)-1])
		}
		if channels > 1<<16 {
			return // no model that runs
		}
		stats[x] = &Statistics{Min: -1, Max: 1, Mean: make([]float64, channels), Peak: slices.Repeat([]float32{2}, channels), Histogram: make([]float64, histogramBins)}
		ranges[x] = stats[x].Range(MinMax)
	}
	weights, err := nearestWeights(m, uniform(len(layers), Static8))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	biases, err := correctBiases(m, weights, stats)
	if err != nil {
		t.Fatalf("%s: biases: %v", name, err)
	}
	for f := Float32; f <= Static8; f++ {
		c, err := Convert(m, Plan{Formats: uniform(len(layers), f), Ranges: ranges, Weights: weights, Biases: biases})
		if err != nil {
			if errors.Is(err, model.ErrUnknown) {
				return
			}
			continue
		}
		if _, err := c.Clone(); err != nil {
			t.Fatalf("%s: converted to %v: %v", name, f, err)
		}
	}
	if _, err := Equalize(m, stats, 0.5); err != nil {
		t.Fatalf("%s: equalize: %v", name, err)
	}
	if err := m.Check(); err != nil {
		t.Fatalf("%s: equalized: %v", name, err)
	}
}

// FuzzConvert: whatever a file holds, it is refused or converted to a valid model.
func FuzzConvert(f *testing.F) {
	add := func(m *model.Model) {
		data, err := m.Write()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, m := range odd() {
		add(m)
	}
	for _, x := range followers {
		n := newNet()
		add(n.output(x.build(n, n.depthwise("conv", n.input("x", 1, 4, 4, 4), 4, 1))...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := model.Read(data)
		if err != nil {
			return
		}
		convertAll(t, "fuzzed", m)
	})
}
