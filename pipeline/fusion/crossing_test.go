package fusion

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTurningPoints: between two neighbours the sum rises or falls all the way.
func TestTurningPoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var terms []fading
		for range rapid.IntRange(1, maxTerms).Draw(t, "n") {
			terms = append(terms, fading{
				size: rapid.Float64Range(-5, 5).Draw(t, "size"),
				rate: rapid.SampledFrom([]float64{0.02, 0.2, 0.5, 1, 2, 5, 20}).Draw(t, "rate"),
			})
		}
		const span = 10.0
		f := func(x float64) float64 { return value(0, terms, x) }
		points := turningPoints(slices.Clone(terms), span)
		from := 0.0
		for _, to := range append(points.at[:points.n:points.n], span) {
			if to < from || to > span {
				t.Fatalf("turning points %v: out of order or span", points)
			}
			rises := f(to) > f(from)
			for i := 1; i < 100; i++ {
				x, y := from+(to-from)*float64(i-1)/99, from+(to-from)*float64(i)/99
				if d := f(y) - f(x); math.Abs(d) > 1e-9 && d > 0 != rises {
					t.Fatalf("%v turns between %v and %v: not in %v", terms, x, y, points)
				}
			}
			from = to
		}
	})
}

func TestTurningPointsExample(t *testing.T) {
	// 3·exp(-t) - 2·exp(-2t): the derivative is zero at exp(t) = 4/3.
	got := turningPoints([]fading{{size: -2, rate: 2}, {size: 3, rate: 1}}, 10)
	if want := math.Log(4. / 3); got.n != 1 || math.Abs(got.at[0]-want) > 1e-9 {
		t.Errorf("turningPoints = %v; want [%v]", got, want)
	}
	if got := turningPoints([]fading{{size: 2, rate: 2}, {size: 3, rate: 1}}, 10); got.n != 0 {
		t.Errorf("same signs: %v; want none", got)
	}
	if got := turningPoints([]fading{{size: 2, rate: 1}, {size: -2, rate: 1}}, 10); got.n != 0 {
		t.Errorf("terms that cancel: %v; want none", got)
	}
}

func TestFirstTime(t *testing.T) {
	for _, want := range []time.Duration{1, 2, 500, 999, 1000} {
		if got := firstTime(0, 1000, func(t time.Duration) bool { return t >= want }); got != want {
			t.Errorf("firstTime = %v; want %v", got, want)
		}
	}
}
