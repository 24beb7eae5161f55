package figures

import (
	"math"
	"testing"
)

func TestSeeds(t *testing.T) {
	layer := func(seen, unseen float64) []LayerError { return []LayerError{{0.5, 0.6}, {seen, unseen}} }
	s := Seeds{
		{layer(0.1, 0.4), layer(0.3, 0.1)},
		{layer(0.2, 0.2), layer(0.2, 0.2)},
		{layer(0.3, 0.3), layer(0.1, 0.1)},
	}
	worst := s.Worst()
	for i, want := range []LayerError{{0.3, 0.4}, {0.3, 0.2}} {
		if got := worst[i]; got[0] != (LayerError{0.5, 0.6}) || got[1] != want {
			t.Errorf("layer %d: worst %v, want %v", i, got, want)
		}
	}
	if s[0][0][1] != (LayerError{0.1, 0.4}) {
		t.Errorf("the first seed's errors became %v", s[0])
	}
	if mean, half := s.Mean(); math.Abs(mean-0.2) > 1e-12 || half > 1e-12 {
		t.Errorf("mean %v +- %v, want 0.2 +- 0: seeds have the same mean", mean, half)
	}
	apart := Seeds{{layer(0.1, 0)}, {layer(0.2, 0)}, {layer(0.3, 0)}}
	if mean, half := apart.Mean(); math.Abs(mean-0.2) > 1e-12 || math.Abs(half-4.303*0.1/math.Sqrt(3)) > 1e-12 {
		t.Errorf("mean %v +- %v, want 0.2 +- 0.248", mean, half)
	}
}
