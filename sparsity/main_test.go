package sparsity

import (
	"math"
	"math/rand/v2"
)

// synthetic is a layer with inputs such as a network's: some factors that many inputs
// share, noise, behind a ReLU. It also gives H of inputs of the same kind that
// calibration doesn't see.
func synthetic(t fataler, rows, cols int, seed uint64) (*Layer, []float64) {
	random := rand.New(rand.NewPCG(seed, 0))
	factors := max(cols/4, 1)
	mix := make([]float64, factors*cols)
	for i := range mix {
		mix[i] = random.NormFloat64() / math.Sqrt(float64(factors))
	}
	inputs := func(samples int) []float64 {
		a, err := NewAccumulator(cols)
		if err != nil {
			t.Fatalf("%v", err)
		}
		x, f := make([]float32, cols), make([]float64, factors)
		for range samples {
			for i := range f {
				f[i] = random.NormFloat64()
			}
			for c := range x {
				v := 0.3 * random.NormFloat64()
				for i := range f {
					v += f[i] * mix[i*cols+c]
				}
				x[c] = float32(max(v, 0))
			}
			if err := a.Add(x); err != nil {
				t.Fatalf("%v", err)
			}
		}
		return a.H()
	}
	w := make([]float32, rows*cols)
	for i := range w {
		w[i] = float32(random.NormFloat64())
	}
	return &Layer{Rows: rows, Cols: cols, W: w, H: inputs(20 * cols)}, inputs(20 * cols)
}
