package quantize

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"atoll/engine/enginetest"
	"atoll/engine/probe"
	"atoll/model"
)

// doubled is a model of y = x + x with two channels.
func doubled() *model.Model {
	n := newNet()
	x, y := n.input("x", 1, 2, 2), n.tensor("y", 1, 2, 2)
	n.op(model.OpAdd, model.NewOptions("AddOptions", nil), []int32{x, x}, y)
	return n.output(y)
}

func TestObserve(t *testing.T) {
	m := doubled()
	stats, err := Observe(context.Background(), enginetest.Start(t), m, []probe.Sample{{{1, -2, 3, -4}}, {{0, 0, 8, 0}}})
	if err != nil {
		t.Fatal(err)
	}
	for tensor, by := range map[int32]float32{0: 1, 1: 2} {
		s := stats[tensor]
		if s.Min != -4*by || s.Max != 8*by {
			t.Errorf("tensor %d: from %v to %v, want from %v to %v", tensor, s.Min, s.Max, -4*by, 8*by)
		}
		if want := []float32{8 * by, 4 * by}; !slices.Equal(s.Peak, want) {
			t.Errorf("tensor %d: peaks %v, want %v", tensor, s.Peak, want)
		}
		if want := []float64{3 * float64(by), -1.5 * float64(by)}; !slices.Equal(s.Mean, want) {
			t.Errorf("tensor %d: means %v, want %v", tensor, s.Mean, want)
		}
		sum := 0.0
		for _, n := range s.Histogram {
			sum += n
		}
		if sum != 8 || s.Histogram[0] != 1 || s.Histogram[histogramBins-1] != 1 {
			t.Errorf("tensor %d: histogram of %v, ends %v and %v", tensor, sum, s.Histogram[0], s.Histogram[histogramBins-1])
		}
	}
}

func TestObserveRefuses(t *testing.T) {
	w, m, nan := enginetest.Start(t), doubled(), float32(math.NaN())
	inf := float32(math.Inf(1))
	for _, test := range []struct {
		name    string
		samples []probe.Sample
		want    string
	}{
		{"NaN", []probe.Sample{{{1, nan, 3, 4}}}, `sample 0: tensor "x": has values that are not finite`},
		{"NaN later", []probe.Sample{{{1, 2, 3, 4}}, {{1, 2, 3, nan}}}, "sample 1"},
		{"infinite", []probe.Sample{{{1, inf, 3, 4}}}, "not finite"},
		{"overflow inside", []probe.Sample{{{3e38, 0, 0, 0}}}, `tensor "y": has values that are not finite`},
		{"both infinities", []probe.Sample{{{inf, -inf, 0, 0}}}, "not finite"},
		{"short", []probe.Sample{{{1}}}, "1 elements"},
		{"empty sample", []probe.Sample{{}}, "0 inputs"},
	} {
		_, err := Observe(context.Background(), w, m, test.samples)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
	if _, err := Observe(context.Background(), w, m, nil); !errors.Is(err, ErrNoSamples) {
		t.Errorf("without samples: %v, want ErrNoSamples", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Observe(ended, w, m, samples(m, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, want that", err)
	}
}

// TestCountOddLengths: tensors without elements, or with a number that is not a multiple
// of the channels, as shapes that are not known have.
func TestCountOddLengths(t *testing.T) {
	for _, test := range []struct {
		channels int
		values   []float32
	}{{0, nil}, {3, []float32{1, 2}}, {2, []float32{1, 2, -9}}} {
		s := &Statistics{
			Min: math.MaxFloat32, Max: -math.MaxFloat32,
			Mean: make([]float64, test.channels), Peak: make([]float32, test.channels), Histogram: make([]float64, histogramBins),
		}
		if err := errors.Join(s.bound(test.values), s.count(test.values)); err != nil {
			t.Errorf("%d channels: %v", test.channels, err)
		}
		for _, v := range test.values {
			if v < s.Min || v > s.Max {
				t.Errorf("%v is not within %v and %v", v, s.Min, s.Max)
			}
		}
	}
}
