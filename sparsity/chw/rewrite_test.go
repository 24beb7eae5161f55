package chw_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"atoll/engine"
	"atoll/engine/enginetest"
	"atoll/model"
	"atoll/model/graph"
	"atoll/models/modelstest"
	"atoll/sparsity/chw"
	"atoll/sparsity/encode"
)

// answer runs a model on one made-up picture with some noise, whose first row and
// column are of one value unless that is NaN.
func answer(t testing.TB, m *model.Model, border float32) []float32 {
	t.Helper()
	return enginetest.Answer(t, m, func(inputs []engine.Tensor) {
		in, side := inputs[0].Float32s(), inputs[0].Shape[2]
		r := rand.New(rand.NewPCG(1, 2))
		for i := range in {
			y, x := float64(i/3/side), float64(i/3%side)
			in[i] = float32(0.8*math.Sin(x/9)*math.Cos(y/13)) + 0.1*(r.Float32()-0.5)
			if (x == 0 || y == 0) && border == border {
				in[i] = border
			}
		}
	})
}

// furthest returns the largest difference as a share of the largest value.
func furthest(a, b []float32) float64 {
	difference, largest := 0.0, 0.0
	for i := range a {
		difference = max(difference, math.Abs(float64(a[i])-float64(b[i])))
		largest = max(largest, math.Abs(float64(a[i])))
	}
	return difference / largest
}

// prune sets that share of the smallest weights of each 1x1 convolution to zero.
func prune(t testing.TB, m *model.Model, share float64) {
	t.Helper()
	e := graph.Edit(m, 0)
	for i := range e.Graph.Operators {
		op := &e.Graph.Operators[i]
		if e.Builtin(op) != model.OpConv2D {
			continue
		}
		w := &e.Graph.Tensors[op.Inputs[1]]
		if w.Shape[1] != 1 {
			continue
		}
		values, err := graph.Floats(m, w)
		if err != nil {
			t.Fatal(err)
		}
		sizes := make([]float64, len(values))
		for i, v := range values {
			sizes[i] = math.Abs(float64(v))
		}
		slices.Sort(sizes)
		least := sizes[int(share*float64(len(sizes)))]
		for i, v := range values {
			if math.Abs(float64(v)) < least {
				values[i] = 0
			}
		}
		e.SetConstant(op.Inputs[1], graph.Float32Bytes(values))
	}
}

func TestRewrittenModelsComputeTheSame(t *testing.T) {
	short := chw.Changes{First: 1, Terms: 96, Depthwise: 3, Pads: 11, Pools: 3, Ends: 4}
	full := chw.Changes{First: 1, Depthwise: 4, Pads: 8, Pools: 4, Ends: 2}
	any := float32(math.NaN())
	cases := []struct {
		name            string
		border, options float32 // of the picture and of the rewrite
		within          float64 // of the outputs' range
		want            chw.Changes
	}{
		{"face_short_range.tflite", any, 0, 1e-5, short},
		{"face_full_range.tflite", 0, 0, 1e-5, full},
		// Two corners see the border where SAME has its own zeros.
		{"face_full_range.tflite", -1, -1, 0.01, full},
		{"face_full_range.tflite", 0.25, 0.25, 0.01, full},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := modelstest.ReadFile(t, c.name)
			want := answer(t, m, c.border)
			got, err := chw.Rewrite(m, chw.Options{Border: c.options})
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("changes %+v, want %+v", got, c.want)
			}
			if d := furthest(want, answer(t, m, c.border)); d > c.within {
				t.Errorf("outputs differ by %.2g of their range", d)
			}
			if p := encode.SparsePath(m); !p.OK || len(p.Reasons) > 0 {
				t.Errorf("sparse path %v: %q", p.OK, p.Reasons)
			}
		})
	}
}

// With zeros enough the files are such that XNNPACK chooses its sparse inference, and
// they still run.
func TestPrunedModelsTakeTheSparsePath(t *testing.T) {
	for _, name := range []string{"face_short_range.tflite", "face_full_range.tflite"} {
		m := modelstest.ReadFile(t, name)
		if _, err := chw.Rewrite(m, chw.Options{Loss: 0.05, Border: -1}); err != nil {
			t.Fatal(err)
		}
		if p := encode.SparsePath(m); !p.OK || p.Enough() {
			t.Errorf("%s before pruning: %+v, want a path and too few zeros", name, p)
		}
		prune(t, m, 0.7)
		want := answer(t, m, -1)
		encoded, err := encode.Weights(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(encoded) < 20 {
			t.Errorf("%s: %d sparse tensors", name, len(encoded))
		}
		if p := encode.SparsePath(m); !p.Enough() {
			t.Errorf("%s after pruning: %+v", name, p)
		}
		if got := answer(t, m, -1); !slices.Equal(got, want) {
			t.Errorf("%s: DENSIFY changed results", name)
		}
	}
}

func TestLossAllowsFewerTerms(t *testing.T) {
	last := 25 // one for each output, and never fewer
	for _, loss := range []float64{0.5, 0.05, 0.01} {
		m := modelstest.ReadFile(t, "face_short_range.tflite")
		got, err := chw.Rewrite(m, chw.Options{Loss: loss})
		if err != nil {
			t.Fatal(err)
		}
		if got.Loss > loss || got.Terms < last-1 || got.Terms > 60 {
			t.Errorf("loss %v: %+v", loss, got)
		}
		last = got.Terms
	}
}

func TestRewriteRefuses(t *testing.T) {
	m := modelstest.ReadFile(t, "face_short_range.tflite")
	for _, loss := range []float64{-0.1, 1, math.NaN()} {
		if _, err := chw.Rewrite(m, chw.Options{Loss: loss}); err == nil {
			t.Errorf("loss %v was taken", loss)
		}
	}
	m.Subgraphs = append(m.Subgraphs, m.Subgraphs[0])
	if _, err := chw.Rewrite(m, chw.Options{Border: float32(math.NaN())}); err == nil {
		t.Error("a border of NaN was taken")
	}
	if _, err := chw.Rewrite(m, chw.Options{}); !errors.Is(err, chw.ErrSubgraphs) {
		t.Errorf("two subgraphs: %v, want ErrSubgraphs", err)
	}
}

// What has no place in the sparse part stays as it is.
func TestRewriteLeavesOtherModelsAlone(t *testing.T) {
	m := modelstest.ReadFile(t, "silero_vad_f32.tflite")
	if got, err := chw.Rewrite(m, chw.Options{}); err != nil || got != (chw.Changes{}) {
		t.Errorf("changes %+v, error %v", got, err)
	}
}
