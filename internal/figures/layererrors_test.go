package figures

import (
	"context"
	"math"
	"testing"

	"atoll/model"
	"atoll/sparsity"
)

// TestLayerErrors prunes the narrower layers of the short-range model: all of them, and
// those of the other models, take minutes. docs/sparsity.md has what they gave.
func TestLayerErrors(t *testing.T) {
	matrices, err := Matrices(model.Vision, "short")
	if err != nil {
		t.Fatal(err)
	}
	if len(matrices) != 20 { // 16 of the body, 4 of the heads
		t.Errorf("%d layers, want 20", len(matrices))
	}
	for _, share := range []float64{0.5, 0.9} {
		var errs [][]LayerError
		for _, m := range matrices {
			if m.Layer.Cols > 56 {
				continue
			}
			list, err := LayerErrors(context.Background(), m, share, Contests, sparsity.Options{Seed: 1, Sweeps: 8})
			if err != nil {
				t.Fatal(err)
			}
			errs = append(errs, list)
		}
		for i, c := range Rivals {
			for _, unseen := range []bool{false, true} {
				v := Compare(errs, i, unseen)
				t.Logf("%.0f %% zeros, %s, as published %v, unseen %v: %+v", 100*share, c.Method, c.NoRefit, unseen, v)
				least := v.Layers
				if c.Method == sparsity.OBS {
					least = int(math.Ceil(0.85 * float64(v.Layers))) // one of eight may not be better
				}
				if v.Layers < 8 || v.Lower < least {
					t.Errorf("%.0f %% zeros, %s, unseen %v: lower on %d of %d layers", 100*share, c.Method, unseen, v.Lower, v.Layers)
				}
			}
		}
	}
	if _, err := Matrices(model.Vision, "none"); err == nil {
		t.Error("of no variant: no error")
	}
}

func TestCompare(t *testing.T) {
	one := func(other, mine float64) []LayerError {
		return []LayerError{{other, mine}, {mine, other}}
	}
	errs := [][]LayerError{one(0.2, 0.1), one(0.2, 0.1), one(0.1, 0.2), one(0, 1e-17), one(0.3, 0.3*(1+1e-9)), one(0.1, 0), one(0, 0.1)}
	seen, unseen := Compare(errs, 0, false), Compare(errs, 0, true)
	for _, v := range []struct {
		Versus
		lower, lost int
	}{{seen, 3, 2}, {unseen, 2, 3}} {
		if v.Layers != 6 || v.Free != 1 || v.Equal != 1 || v.Lower != v.lower || v.Lost != v.lost {
			t.Errorf("%+v; want 6 layers, 1 free, 1 equal, %d lower, %d lost", v.Versus, v.lower, v.lost)
		}
	}
	if want := math.Pow(0.5, 0.25); math.Abs(seen.Ratio-want) > 1e-9 || math.Abs(seen.Ratio*unseen.Ratio-1) > 1e-9 {
		t.Errorf("ratios %v and %v, want %v and its inverse", seen.Ratio, unseen.Ratio, want)
	}
	if !(seen.Low < seen.Ratio && seen.Ratio < seen.High) {
		t.Errorf("interval %+v", seen)
	}
}
