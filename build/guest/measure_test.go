package main

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"atoll/engine"
)

// Here a clock goes by time: the figures mean nothing, but they are there.
func TestMeasure(t *testing.T) {
	for _, name := range []string{"face_short_range.tflite", "silero_vad_f16.tflite", "text_classification.tflite"} {
		r, err := measure("../../models/" + name)
		if err != nil || r.Error != "" || r.Millions <= 0 || r.Runs < fewest || r.Runs > most {
			t.Errorf("%s: %+v, %v; want a figure", name, r, err)
		}
	}
	for _, name := range []string{"measure.go", "no/such/file"} {
		if r, err := measure(name); err == nil || r.Millions != 0 {
			t.Errorf("%s: %+v, %v; want an error", name, r, err)
		}
	}
}

func TestRepeat(t *testing.T) {
	runs := 0
	took, err := repeat(func() error { runs++; return nil })
	if len(took) != most || runs != most+1 || err != nil {
		t.Errorf("a quick run: %d timed of %d, %v; want %d and one that warms up", len(took), runs, err, most)
	}
	broken := errors.New("broken")
	for _, at := range []int{1, 2, fewest} {
		runs = 0
		took, err := repeat(func() error {
			if runs++; runs == at {
				return broken
			}
			return nil
		})
		if took != nil || !errors.Is(err, broken) || runs != at {
			t.Errorf("run %d broken: %v, %v after %d runs", at, took, err, runs)
		}
	}
}

func TestMiddle(t *testing.T) {
	for _, c := range []struct {
		list []time.Duration
		want time.Duration
	}{
		{[]time.Duration{7}, 7},
		{[]time.Duration{9, 1}, 5},
		{[]time.Duration{100, 3, 5, 0}, 4},
		{[]time.Duration{1, 3, 1, 3, 1, 3, 1, 3}, 2},
	} {
		before := slices.Clone(c.list)
		if got := middle(c.list); got != c.want || !slices.Equal(c.list, before) {
			t.Errorf("middle(%v) = %v, the list now %v; want %v", before, got, c.list, c.want)
		}
	}
}

func TestFill(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	floats := make([]byte, 4000)
	fill(floats, engine.Float32, random)
	low, high := math.Inf(1), math.Inf(-1)
	for i := 0; i < len(floats); i += 4 {
		v := float64(math.Float32frombits(binary.LittleEndian.Uint32(floats[i:])))
		low, high = min(low, v), max(high, v)
	}
	if low < -1 || low > -0.9 || high > 1 || high < 0.9 {
		t.Errorf("floats from %v to %v; want -1 to 1", low, high)
	}
	for kind, want := range map[engine.TensorType]bool{engine.Int8: true, engine.Uint8: true, engine.Int32: false, engine.Int64: false} {
		data := make([]byte, 64)
		fill(data, kind, random)
		if got := slices.Max(data) > 0; got != want {
			t.Errorf("%v: %v; want numbers: %v", kind, data, want)
		}
	}
}
