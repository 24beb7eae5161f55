package quantize

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"atoll/model"
)

func TestNearest(t *testing.T) {
	outlier := make([]float32, 20000)
	for i := range outlier {
		outlier[i] = float32(i%1900) / 10000
	}
	outlier[7] = 0.21
	for _, test := range []struct {
		name    string
		layer   Layer
		weights []float32
		values  []int8
		scales  []float32
	}{
		{"by rows", Layer{Builtin: model.OpConv2D, Channels: 2}, []float32{127, -127, 0.5, -0.25}, []int8{127, -127, 127, -64}, []float32{1, 0.5 / 127}},
		{"depthwise", Layer{Builtin: model.OpDepthwiseConv2D, Channels: 2, axis: 3}, []float32{127, 1.27, -254, 0}, []int8{64, 127, -127, 0}, []float32{2, 0.01}},
		{"table", Layer{Builtin: model.OpGather, Channels: 2}, []float32{127, 1, -254, 0}, []int8{64, 0, -127, 0}, []float32{2}},
		{"zeros", Layer{Builtin: model.OpFullyConnected, Channels: 1}, []float32{0, 0}, []int8{0, 0}, []float32{0}},
	} {
		got := nearest(test.layer, test.weights)
		if !slices.Equal(got.Values, test.values) {
			t.Errorf("%s: %v, want %v", test.name, got.Values, test.values)
		}
		for c, s := range test.scales {
			if len(got.Scales) != len(test.scales) || math.Abs(float64(got.Scales[c]-s)) > 1e-6*float64(s) {
				t.Errorf("%s: scales %v, want %v", test.name, got.Scales, test.scales)
			}
		}
	}
	if got, want := nearest(Layer{Builtin: model.OpFullyConnected, Channels: 1}, outlier).Scales[0], float32(0.21/127); got >= want {
		t.Errorf("an outlier is not cut off: step %v, of the largest %v", got, want)
	}
	if got := (Weights{Scales: []float32{0, 2}}).steps(); !slices.Equal(got, []float32{1, 2}) {
		t.Errorf("steps %v, want 1 for a channel of zeros", got)
	}
}

// TestNearestProperty: weights stay within ±127, zeros stay zero, and all in all the error
// is no more than with the step of the largest weight.
func TestNearestProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		channels := rapid.IntRange(1, 4).Draw(t, "channels")
		n := channels * rapid.IntRange(1, 9).Draw(t, "length")
		w := rapid.SliceOfN(rapid.Float32Range(-100, 100), n, n).Draw(t, "weights")
		l := Layer{Builtin: model.OpConv2D, Channels: channels}
		if rapid.Bool().Draw(t, "depthwise") {
			l = Layer{Builtin: model.OpDepthwiseConv2D, Channels: channels, axis: 3}
		}
		q := nearest(l, w)
		ch := channelsOf(l, n)
		for c := range channels {
			largest, got, plain := 0.0, 0.0, 0.0
			for i := range ch.length {
				largest = max(largest, math.Abs(float64(w[c*ch.outer+i*ch.inner])))
			}
			for i := range ch.length {
				at := c*ch.outer + i*ch.inner
				v := float64(w[at])
				if q.Values[at] == -128 || v == 0 && q.Values[at] != 0 {
					t.Fatalf("%v became %d", v, q.Values[at])
				}
				d := v - float64(q.Scales[c])*float64(q.Values[at])
				p := v - largest/127*float64(round(v/(largest/127)))
				got, plain = got+d*d, plain+p*p
			}
			if got > plain*1.001+1e-9*largest*largest+1e-60 { // steps are float32, coarse near its least
				t.Fatalf("channel %d: error %g, with the plain step %g", c, got, plain)
			}
		}
	})
}

func TestRoundIsSymmetric(t *testing.T) {
	for v, want := range map[float64]int8{0.5: 0, 1.5: 2, -1.5: -2, 200: 127, -200: -127, math.Inf(-1): -127} {
		if got := round(v); got != want {
			t.Errorf("round(%v) = %d, want %d", v, got, want)
		}
	}
	if got := round(math.NaN()); got != 0 {
		t.Errorf("round(NaN) = %d, want 0", got)
	}
}
