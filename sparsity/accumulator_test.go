package sparsity

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestAccumulator adds vectors in parts of any size, with H asked for in between, and
// compares with the definition.
func TestAccumulator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cols := rapid.IntRange(1, 6).Draw(t, "cols")
		a, err := NewAccumulator(cols)
		if err != nil {
			t.Fatal(err)
		}
		want, samples := make([]float64, cols*cols), 0
		for range rapid.IntRange(0, 5).Draw(t, "parts") {
			n := rapid.IntRange(0, 9).Draw(t, "vectors")
			x := rapid.SliceOfN(rapid.Float32Range(-2, 2), n*cols, n*cols).Draw(t, "x")
			if err := a.Add(x); err != nil {
				t.Fatal(err)
			}
			samples += n
			for ; len(x) > 0; x = x[cols:] {
				for i := range want {
					want[i] += float64(x[i/cols]) * float64(x[i%cols])
				}
			}
			if got := a.H(); !near(got, want) || a.Samples() != samples {
				t.Fatalf("%v of %d samples, want %v of %d", got, a.Samples(), want, samples)
			}
		}
	})
}

func near(got, want []float64) bool {
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-9 {
			return false
		}
	}
	return len(got) == len(want)
}

func TestAccumulatorRefuses(t *testing.T) {
	for _, cols := range []int{-1, 0, MaxCols + 1} {
		if _, err := NewAccumulator(cols); err == nil {
			t.Errorf("%d inputs are taken", cols)
		}
	}
	a, err := NewAccumulator(3)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Add(make([]float32, 4)); err == nil || !strings.Contains(err.Error(), "multiple") || a.Samples() != 0 {
		t.Errorf("4 values: %v, %d samples", err, a.Samples())
	}
}

func TestAccumulatorAllocates(t *testing.T) {
	a, err := NewAccumulator(8)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 8*7)
	if n := testing.AllocsPerRun(10, func() { _ = a.Add(x) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
