package task

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestHalves(t *testing.T) {
	for _, tt := range []struct {
		n                int
		calibrate, judge []int
	}{
		{0, nil, nil},
		{1, []int{0}, []int{0}},
		{2, []int{0}, []int{1}},
		{5, []int{0, 2, 4}, []int{1, 3}},
	} {
		a, b := slices.Collect(calibrating.of(tt.n)), slices.Collect(heldOut.of(tt.n))
		if !slices.Equal(a, tt.calibrate) || !slices.Equal(b, tt.judge) {
			t.Errorf("%d: %v and %v, want %v and %v", tt.n, a, b, tt.calibrate, tt.judge)
		}
	}
}

// What is chosen of a half is of that half, in order, evenly, and as much as asked for.
func TestChoose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, most := rapid.IntRange(2, 1000).Draw(t, "n"), rapid.IntRange(1, 600).Draw(t, "most")
		h := half(rapid.IntRange(0, 1).Draw(t, "half"))
		got := slices.Collect(h.choose(most, n))
		if len(got) != min(most, h.len(n)) {
			t.Fatalf("%d chosen of %d", len(got), h.len(n))
		}
		for i, x := range got {
			if x < 0 || x >= n || x%2 != int(h) {
				t.Fatalf("%d is not of half %d of %d", x, h, n)
			}
			step := float64(n) / float64(len(got))
			if i > 0 && (x <= got[i-1] || float64(x-got[i-1]) > step+3) {
				t.Fatalf("%d after %d, a step is %.1f", x, got[i-1], step)
			}
		}
	})
}

func TestChooseStops(t *testing.T) {
	for range heldOut.choose(5, 100) {
		break
	}
	for i := range spread(3, 9) {
		if i > 1 {
			break
		}
	}
}
