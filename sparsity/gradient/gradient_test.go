package gradient

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"atoll/engine/enginetest"
	"atoll/engine/probe"
	"atoll/engine/worker"
	"atoll/model"
	"atoll/model/graph"
	"atoll/models/modelstest"
)

func TestMain(m *testing.M) {
	worker.Become()
	os.Exit(m.Run())
}

func read(t *testing.T, modality model.Modality, variant string) *model.Model {
	t.Helper()
	m := modelstest.Read(t, modality, variant)
	if _, err := graph.FoldConstants(m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestBack holds derivatives by the biases of layers, which are sums over positions of
// those by their results, against differences of what the model computes.
func TestBack(t *testing.T) {
	for _, variant := range []string{"short", "full"} {
		m := read(t, model.Vision, variant)
		w := enginetest.Start(t)
		g := &m.Subgraphs[0]
		random := rand.New(rand.NewPCG(1, 1))
		n, _ := model.Elements(g.Tensors[g.Inputs[0]].Shape)
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(math.Sin(float64(i)/500)) + float32(random.NormFloat64()/10)
		}
		sample := probe.Sample{x}
		factors := make(map[int32][]float32)
		result := func(m *model.Model, tensors []int32) (sum float64, values map[int32][]float32) {
			p, err := probe.Open(w, m, tensors)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			shown, err := p.Run(sample)
			if err != nil {
				t.Fatal(err)
			}
			values = make(map[int32][]float32)
			for i, at := range tensors {
				values[at] = slices.Clone(shown[i])
			}
			for _, o := range g.Outputs {
				for len(factors[o]) < len(values[o]) {
					factors[o] = append(factors[o], float32(random.NormFloat64()))
				}
				for i, v := range values[o] {
					sum += float64(v) * float64(factors[o][i])
				}
			}
			return sum, values
		}
		tape, err := New(m)
		if err != nil {
			t.Fatal(err)
		}
		_, values := result(m, tape.Computed())
		derivatives := make(map[int32][]float32)
		for o, f := range factors {
			derivatives[o] = append([]float32(nil), f...)
		}
		if err := tape.Back(values, derivatives); err != nil {
			t.Fatal(err)
		}
		checked := 0
		for i := range g.Operators {
			op := &g.Operators[i]
			if b := graph.Edit(m, 0).Builtin(op); b != model.OpConv2D && b != model.OpDepthwiseConv2D {
				continue
			}
			bias := op.Inputs[2]
			before, err := graph.Floats(m, &g.Tensors[bias])
			if err != nil {
				t.Fatal(err)
			}
			const step = 2e-3
			moved := func(by float32) float64 {
				c, err := m.Clone()
				if err != nil {
					t.Fatal(err)
				}
				changed := append([]float32(nil), before...)
				changed[0] += by
				graph.Edit(c, 0).SetConstant(bias, graph.Float32Bytes(changed))
				sum, _ := result(c, g.Outputs)
				return sum
			}
			want := (moved(step) - moved(-step)) / (2 * step)
			got, size := 0.0, 0.0
			for p, d := range derivatives[op.Outputs[0]] {
				if p%len(before) == 0 {
					got += float64(d)
					size += math.Abs(float64(d))
				}
			}
			if math.Abs(got-want) > 0.05*size+1 {
				t.Errorf("%s: operator %d: derivative %.4g, want %.4g of %.4g", variant, i, got, want, size)
			}
			if checked++; checked > 40 {
				break
			}
		}
	}
}

func TestUnknown(t *testing.T) {
	if _, err := New(read(t, model.Audio, "f32")); !errors.Is(err, ErrOperator) {
		t.Errorf("%v, want ErrOperator", err)
	}
}
