package quantize

import (
	"context"
	"errors"
	"math"
	"testing"

	"atoll/engine/enginetest"
	"atoll/model"
)

func TestCompare(t *testing.T) {
	w, m := enginetest.Start(t), builtIn(t, model.Vision, "short")
	list := samples(m, 1)
	stats, ranges := observed(t, w, m, list)
	equalized, err := m.Clone()
	if err != nil {
		t.Fatal(err)
	}
	factors, err := Equalize(equalized, stats, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name        string
		converted   *model.Model
		factors     Factors
		least, most float64
	}{
		{"itself", converted(t, m, Float32, nil), nil, maxSNR, maxSNR},
		{"half", converted(t, m, Float16, nil), nil, 30, maxSNR}, // weights that are half floats already
		{"int8", converted(t, m, Static8, ranges), nil, 3, 80},
		{"equalized", converted(t, equalized, Float32, nil), factors, 90, maxSNR},
	} {
		got, err := Compare(context.Background(), w, m, test.converted, test.factors, list)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		layers := Layers(m)
		if len(got) != len(layers) {
			t.Errorf("%s: %d layers, want %d", test.name, len(got), len(layers))
		}
		for i, e := range got {
			if e.Name != layers[i].Name || e.SNR < test.least || e.SNR > test.most {
				t.Errorf("%s: layer %d is %+v, want %q with %v to %v dB", test.name, i, e, layers[i].Name, test.least, test.most)
			}
		}
	}
	if _, err := Compare(context.Background(), w, m, m, nil, nil); !errors.Is(err, ErrNoSamples) {
		t.Errorf("without samples: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Compare(ctx, w, m, m, nil, list); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRatio(t *testing.T) {
	for _, test := range []struct{ noise, signal, relative, snr float64 }{
		{0, 5, 0, maxSNR}, {0, 0, 0, maxSNR}, {1, 0, 1, 0}, {1, 100, 0.01, 20}, {10, 1, 10, -10}, {1e-300, 1, 1e-300, maxSNR},
	} {
		if relative, snr := ratio(test.noise, test.signal); relative != test.relative || math.Abs(snr-test.snr) > 1e-9 {
			t.Errorf("ratio(%g, %g) = %g, %g, want %g, %g", test.noise, test.signal, relative, snr, test.relative, test.snr)
		}
	}
}
