package quantize

import (
	"math/rand/v2"
	"slices"
	"testing"

	"atoll/engine/enginetest"
	"atoll/model"
	"atoll/sparsity"
)

// TestCompensate: over many layers the error ‖WX−ŴX‖² is less than with each weight at its
// nearest step, clearly so where inputs hang together, and zeros stay zeros.
func TestCompensate(t *testing.T) {
	const rows, cols, inputs = 8, 24, 100
	r := rand.New(rand.NewPCG(3, 4))
	for _, test := range []struct {
		name   string
		common float64 // share of the inputs that all columns have in common
		most   float64 // error over that of the nearest
	}{{"independent", 0, 1.02}, {"alike", 0.9, 0.8}} {
		plain, better := 0.0, 0.0
		for range 20 {
			a, err := sparsity.NewAccumulator(cols)
			if err != nil {
				t.Fatal(err)
			}
			for range inputs {
				x, together := make([]float32, cols), r.NormFloat64()
				for i := range x {
					x[i] = float32(test.common*together + (1-test.common)*r.NormFloat64())
				}
				if err := a.Add(x); err != nil {
					t.Fatal(err)
				}
			}
			w := make([]float32, rows*cols)
			for i := range w {
				if r.IntN(4) > 0 {
					w[i] = float32(r.NormFloat64())
				}
			}
			factor, err := sparsity.InverseFactor(a.H(), cols, sparsity.DefaultDamping)
			if err != nil {
				t.Fatal(err)
			}
			for row := range rows {
				got := make([]int8, cols)
				scale := float32(0.3) // few steps, so that it shows
				compensate(w[row*cols:][:cols], factor, scale, got)
				near := make([]int8, cols)
				for i, v := range w[row*cols:][:cols] {
					near[i] = round(float64(v) / float64(scale))
					if v == 0 && got[i] != 0 {
						t.Fatalf("a zero became %d", got[i])
					}
				}
				better += rowError(w[row*cols:][:cols], got, scale, a.H())
				plain += rowError(w[row*cols:][:cols], near, scale, a.H())
			}
		}
		if better > test.most*plain {
			t.Errorf("%s: error %.3f of that of the nearest, want at most %v", test.name, better/plain, test.most)
		}
	}
	into := []int8{0, 0}
	if compensate([]float32{0, 0}, []float64{1, 0, 0, 1}, 0, into); !slices.Equal(into, []int8{0, 0}) {
		t.Errorf("a row of zeros became %v", into)
	}
}

// rowError is (w−ŵ)ᵀH(w−ŵ).
func rowError(w []float32, q []int8, scale float32, h []float64) (sum float64) {
	d := make([]float64, len(w))
	for i := range d {
		d[i] = float64(w[i]) - float64(scale)*float64(q[i])
	}
	for i := range d {
		for j := range d {
			sum += d[i] * h[i*len(d)+j] * d[j]
		}
	}
	return sum
}

// TestSecondOrder: on a whole model, for its convolutions and full layers.
func TestSecondOrder(t *testing.T) {
	m := builtIn(t, model.Text, "f32")
	list, err := SecondOrder(enginetest.Start(t), m, samples(m, 8), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no layer was rounded")
	}
	layers := Layers(m)
	for n, q := range list {
		w, err := floatsOf(m, layers[n].Weights)
		if err != nil {
			t.Fatal(err)
		}
		near := nearest(layers[n], w)
		if !slices.Equal(q.Scales, near.Scales) || len(q.Values) != len(w) {
			t.Fatalf("layer %q: other steps than the nearest", layers[n].Name)
		}
		if slices.Contains(q.Values, -128) {
			t.Errorf("layer %q: a weight is -128", layers[n].Name)
		}
		for i, v := range w {
			if v == 0 && q.Values[i] != 0 {
				t.Fatalf("layer %q: a zero became %d", layers[n].Name, q.Values[i])
			}
		}
	}
	n := newNet()
	alone := n.output(n.depthwise("y", n.input("x", 1, 4, 4, 3), 3, 1))
	if list, err := SecondOrder(enginetest.Start(t), alone, samples(alone, 1), nil); err != nil || len(list) != 0 {
		t.Errorf("a depthwise layer alone: %v, error %v", list, err)
	}
}
