package quantize

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// seen makes the statistics of values, all of one channel.
func seen(t testing.TB, values []float32) *Statistics {
	t.Helper()
	s := &Statistics{
		Min: math.MaxFloat32, Max: -math.MaxFloat32, Mean: make([]float64, 1), Peak: make([]float32, 1),
		Histogram: make([]float64, histogramBins),
	}
	for _, pass := range []func([]float32) error{s.bound, s.count} {
		if err := pass(values); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// distribution draws 20,000 values.
func distribution(draw func(r *rand.Rand, i int) float64) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	list := make([]float32, 20000)
	for i := range list {
		list[i] = float32(draw(r, i))
	}
	return list
}

func TestRange(t *testing.T) {
	uniform := func(r *rand.Rand, _ int) float64 { return 2*r.Float64() - 1 }
	for _, test := range []struct {
		name     string
		values   []float32
		clipping Clipping
		min, max [2]float64 // from, to
	}{
		{"nothing", nil, MinMax, [2]float64{0, 0}, [2]float64{0, 0}},
		{"nothing", nil, Percentile, [2]float64{0, 0}, [2]float64{0, 0}},
		{"nothing", nil, LeastError, [2]float64{0, 0}, [2]float64{0, 0}},
		{"nothing", nil, Divergence, [2]float64{0, 0}, [2]float64{0, 0}},
		{"zeros", make([]float32, 9), LeastError, [2]float64{0, 0}, [2]float64{0, 0}},
		{"zeros", make([]float32, 9), Divergence, [2]float64{0, 0}, [2]float64{0, 0}},
		{"constant", []float32{5, 5, 5}, MinMax, [2]float64{0, 0}, [2]float64{5, 5}},
		{"constant", []float32{5, 5, 5}, Percentile, [2]float64{0, 0}, [2]float64{5, 5}},
		{"constant", []float32{5, 5, 5}, LeastError, [2]float64{0, 0}, [2]float64{5, 5}},
		{"constant", []float32{5, 5, 5}, Divergence, [2]float64{0, 0}, [2]float64{5, 5}},
		{"negative constant", []float32{-5, -5}, Divergence, [2]float64{-5, -5}, [2]float64{0, 0}},
		{"one-sided", distribution(func(r *rand.Rand, _ int) float64 { return 1 + r.Float64() }), MinMax, [2]float64{0, 0}, [2]float64{1.99, 2}},
		{"even", distribution(uniform), LeastError, [2]float64{-1, -0.98}, [2]float64{0.98, 1}},
		{"even", distribution(uniform), Percentile, [2]float64{-1, -0.99}, [2]float64{0.99, 1}},
		{"even", distribution(uniform), Divergence, [2]float64{-1, -0.9}, [2]float64{0.9, 1}},
		// One value in 20,000 is 20 times as large as all others.
		{"outlier", outlier(), MinMax, [2]float64{-1, -0.99}, [2]float64{20, 20}},
		{"outlier", outlier(), Percentile, [2]float64{-1, -0.98}, [2]float64{0.98, 1.02}},
		// From -99.8 to 65.4, but few beyond 40: worth less than finer steps.
		{"long tails", tails(), MinMax, [2]float64{-99.8, -99.7}, [2]float64{65.4, 65.5}},
		{"long tails", tails(), LeastError, [2]float64{-99, -30}, [2]float64{25, 65}},
		{"long tails", tails(), Divergence, [2]float64{-60, -15}, [2]float64{15, 50}},
		{"long tails", tails(), Percentile, [2]float64{-60, -30}, [2]float64{25, 60}},
		{"huge", []float32{-3e38, 3e38, 1}, LeastError, [2]float64{-3.1e38, -2.9e38}, [2]float64{2.9e38, 3.1e38}},
		{"huge", []float32{-3e38, 3e38, 1}, Percentile, [2]float64{-3.1e38, -2.9e38}, [2]float64{2.9e38, 3.1e38}},
		{"tiny", []float32{0, 1e-45}, Divergence, [2]float64{0, 0}, [2]float64{0, 2e-45}},
	} {
		got := seen(t, test.values).Range(test.clipping)
		if got.Min < test.min[0] || got.Min > test.min[1] || got.Max < test.max[0] || got.Max > test.max[1] {
			t.Errorf("%s, %s: %v, want from %v to %v", test.name, test.clipping, got, test.min, test.max)
		}
	}
}

// tails are cubes of a bell.
func tails() []float32 {
	return distribution(func(r *rand.Rand, _ int) float64 { return math.Pow(r.NormFloat64(), 3) })
}

func outlier() []float32 {
	return distribution(func(r *rand.Rand, i int) float64 {
		if i == 77 {
			return 20
		}
		return 2*r.Float64() - 1
	})
}

// TestRangeProperty: every range has zero in it and lies within what was seen and zero.
func TestRangeProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float32Range(-1e30, 1e30), 0, 50).Draw(t, "values")
		s := &Statistics{Min: math.MaxFloat32, Max: -math.MaxFloat32, Mean: make([]float64, 1), Peak: make([]float32, 1), Histogram: make([]float64, histogramBins)}
		s.bound(values)
		s.count(values)
		all := s.Range(MinMax)
		c := rapid.SampledFrom(Clippings).Draw(t, "clipping")
		r, slack := s.Range(c), (all.Max-all.Min)*1e-6
		if !(r.Min <= 0 && r.Max >= 0 && r.Min >= all.Min-slack && r.Max <= all.Max+slack) {
			t.Fatalf("%s: %v, all are within %v", c, r, all)
		}
	})
}

func TestParseClipping(t *testing.T) {
	for _, c := range Clippings {
		if got, err := ParseClipping(string(c)); err != nil || got != c {
			t.Errorf("%q: %q, error %v", c, got, err)
		}
	}
	if _, err := ParseClipping("max"); err == nil {
		t.Error("an unknown clipping was taken")
	}
}

func TestQuantization(t *testing.T) {
	for _, test := range []struct {
		r     Range
		scale float32
		zero  int64
	}{
		{Range{0, 255}, 1, -128},
		{Range{-255, 0}, 1, 127},
		{Range{-128, 127}, 1, 0},
		{Range{0, 255. / 256}, 1. / 256, -128}, // LOGISTIC and SOFTMAX
		{Range{-1, 127. / 128}, 1. / 128, 0},   // TANH
		{Range{}, minScale, -128},
	} {
		q := test.r.quantization()
		if q.Scale[0] != test.scale || q.ZeroPoint[0] != test.zero {
			t.Errorf("%v: scale %v, zero point %v, want %v, %v", test.r, q.Scale, q.ZeroPoint, test.scale, test.zero)
		}
	}
}
