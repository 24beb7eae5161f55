package observe

import (
	"math"
	"os"
	"strings"
	"testing"

	"atoll/engine"
	"atoll/engine/enginetest"
	"atoll/engine/probe"
	"atoll/engine/worker"
	"atoll/model"
	"atoll/model/graph"
	"atoll/models/modelstest"
	"atoll/sparsity"
)

func TestMain(m *testing.M) {
	worker.Become()
	os.Exit(m.Run())
}

// read reads a built-in model and folds its constants.
func read(t *testing.T, modality model.Modality, variant string) *model.Model {
	t.Helper()
	m := modelstest.Read(t, modality, variant)
	if _, err := graph.FoldConstants(m); err != nil {
		t.Fatal(err)
	}
	return m
}

// sample is an input of a model, of any values.
func sample(m *model.Model) (s probe.Sample) {
	g := &m.Subgraphs[0]
	for _, in := range g.Inputs {
		n, _ := model.Elements(g.Tensors[in].Shape)
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(math.Sin(float64(i*i%1009))) / 2
		}
		s = append(s, x)
	}
	return s
}

// TestProducts compares what a layer's matrix makes of the inputs found with what the
// model computes: kernels of all sizes, strides and paddings of the built-in models.
func TestProducts(t *testing.T) {
	for _, c := range []struct {
		modality model.Modality
		variant  string
		layers   int
	}{{model.Vision, "short", 21}, {model.Audio, "f32", 7}, {model.Text, "f32", 2}} {
		m, w := read(t, c.modality, c.variant), enginetest.Start(t)
		layers, err := Layers(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(layers) != c.layers {
			t.Errorf("%s: %d layers, want %d", c.variant, len(layers), c.layers)
		}
		for i := range layers {
			compare(t, w, m, &layers[i])
		}
	}
}

// compare holds tr(W·H·Wᵀ) against the sum of squares of a layer's outputs. They have a
// bias and an activation behind: both are taken out of the copy.
func compare(t *testing.T, w *engine.Worker, m *model.Model, l *Layer) {
	t.Helper()
	sums, err := Inputs(w, m, []Layer{*l}, []probe.Sample{sample(m)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if sums[0].Samples() != l.Positions {
		t.Errorf("%s: %d inputs, want %d", l.Name, sums[0].Samples(), l.Positions)
	}
	matrix, err := l.Matrix(m, sums[0])
	if err != nil {
		t.Fatal(err)
	}
	op := &m.Subgraphs[0].Operators[l.Operator]
	options, inputs := op.Options, op.Inputs
	defer func() { op.Options, op.Inputs = options, inputs }()
	op.Options = options.With("fused_activation_function", 0)
	edit := graph.Edit(m, 0)
	bias := m.Subgraphs[0].Tensors[inputs[2]]
	zero := edit.AddConstant(bias, make([]byte, 4*l.Rows))
	op.Inputs = []int32{inputs[0], inputs[1], zero}
	var want float64
	err = probe.Observe(w, m, []int32{op.Outputs[0]}, []probe.Sample{sample(m)}, func(_ int, _ int32, values []float32) error {
		for _, v := range values {
			want += float64(v) * float64(v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got float64
	for r := range l.Rows {
		for i, a := range matrix.W[r*l.Cols:][:l.Cols] {
			for j, b := range matrix.W[r*l.Cols:][:l.Cols] {
				got += float64(a) * float64(b) * matrix.H[i*l.Cols+j]
			}
		}
	}
	if math.Abs(got-want) > 1e-3*want {
		t.Errorf("%s, %d taps: outputs of %v by the matrix, %v by the model", l.Name, l.Taps, got, want)
	}
}

func TestRefused(t *testing.T) {
	m := read(t, model.Vision, "short")
	layers, err := Layers(m)
	if err != nil {
		t.Fatal(err)
	}
	a, err := sparsity.NewAccumulator(layers[0].Cols)
	if err != nil {
		t.Fatal(err)
	}
	if err := layers[0].Add(a, make([]float32, 5)); err == nil || !strings.Contains(err.Error(), "has 5 values") {
		t.Errorf("5 values: %v", err)
	}
	m.Subgraphs[0].Operators = nil
	if _, err := Layers(m); err == nil || !strings.Contains(err.Error(), "no layer") {
		t.Errorf("no operators: %v", err)
	}
}
