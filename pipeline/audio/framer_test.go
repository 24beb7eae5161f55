package audio

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// ramp is n samples that all differ, from first on.
func ramp(first, n int) []float32 {
	samples := make([]float32, n)
	for i := range samples {
		samples[i] = float32(first+i) / 1e6
	}
	return samples
}

func next(t *testing.T, f *Framer, frame []float32) []float32 {
	t.Helper()
	into := slices.Repeat([]float32{nan}, InputSize)
	if err := f.Next(frame, into); err != nil {
		t.Fatal(err)
	}
	return into
}

func TestFramerStartsWithSilence(t *testing.T) {
	got := next(t, &Framer{}, ramp(1, FrameSize))
	if want := append(make([]float32, ContextSize), ramp(1, FrameSize)...); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestFramerSlides wants frame k of any sound to be its samples 512k-64 to 512k+512.
func TestFramerSlides(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(rt, "frames")
		sound := append(make([]float32, ContextSize), ramp(1, n*FrameSize)...)
		var f Framer
		for k := range n {
			got := next(t, &f, sound[ContextSize+k*FrameSize:][:FrameSize])
			if want := sound[k*FrameSize:][:InputSize]; !slices.Equal(got, want) {
				rt.Fatalf("frame %d: got %v, want %v", k, got, want)
			}
		}
	})
}

func TestFramerReset(t *testing.T) {
	var f Framer
	want := next(t, &f, ramp(1, FrameSize))
	next(t, &f, ramp(600, FrameSize))
	f.Reset()
	if got := next(t, &f, ramp(1, FrameSize)); !slices.Equal(got, want) {
		t.Errorf("after Reset got %v, want %v", got, want)
	}
}

func TestFramerRefuses(t *testing.T) {
	good, room := ramp(1, FrameSize), make([]float32, InputSize)
	for _, bad := range []struct{ frame, into []float32 }{
		{nil, room}, {good[1:], room}, {good, nil}, {good, room[1:]}, {room, room},
	} {
		if err := new(Framer).Next(bad.frame, bad.into); err == nil || !strings.Contains(err.Error(), "want 512 and 576") {
			t.Errorf("%d into %d: %v", len(bad.frame), len(bad.into), err)
		}
	}
}

func TestFramerLeavesOutBadSamples(t *testing.T) {
	for _, sample := range []float32{nan, inf, -inf} {
		var f Framer
		next(t, &f, ramp(1, FrameSize))
		bad := ramp(600, FrameSize)
		bad[17] = sample
		into := ramp(9000, InputSize)
		err := f.Next(bad, into)
		if !errors.Is(err, ErrBadInput) || !strings.Contains(err.Error(), "sample 17") {
			t.Errorf("%v: %v; want ErrBadInput", sample, err)
		}
		if !slices.Equal(into, ramp(9000, InputSize)) {
			t.Errorf("%v: the input was written", sample)
		}
		if got, want := next(t, &f, ramp(1, FrameSize))[:ContextSize], ramp(449, ContextSize); !slices.Equal(got, want) {
			t.Errorf("%v: context %v, want that of the last good frame", sample, got)
		}
	}
}

func TestStateCarries(t *testing.T) {
	var s State
	h, c := ramp(1, StateSize), ramp(1000, StateSize)
	if err := s.Load(h, c); err != nil {
		t.Fatal(err)
	}
	gotH, gotC := make([]float32, StateSize), make([]float32, StateSize)
	if err := s.Store(gotH, gotC); err != nil || !slices.Equal(gotH, h) || !slices.Equal(gotC, c) {
		t.Errorf("Store = %v, %v, %v; want %v, %v", gotH, gotC, err, h, c)
	}
	s.Reset()
	if err := s.Store(gotH, gotC); err != nil || slices.Max(gotH) != 0 || slices.Max(gotC) != 0 {
		t.Errorf("after Reset Store = %v, %v, %v; want zeros", gotH, gotC, err)
	}
}

func TestStateRefuses(t *testing.T) {
	good := ramp(1, StateSize)
	for _, bad := range []struct{ h, c []float32 }{{nil, good}, {good, good[1:]}, {make([]float32, StateSize+1), good}} {
		var s State
		if err := s.Load(bad.h, bad.c); err == nil || !strings.Contains(err.Error(), "want 128 each") {
			t.Errorf("Load of %d and %d: %v", len(bad.h), len(bad.c), err)
		}
		if err := s.Store(bad.h, bad.c); err == nil || !strings.Contains(err.Error(), "want 128 each") {
			t.Errorf("Store to %d and %d: %v", len(bad.h), len(bad.c), err)
		}
	}
}

func TestStateForgetsBadOutput(t *testing.T) {
	good, bad := ramp(1, StateSize), ramp(1, StateSize)
	bad[127] = inf
	for _, out := range []struct{ h, c []float32 }{{bad, good}, {good, bad}} {
		var s State
		if err := s.Load(good, good); err != nil {
			t.Fatal(err)
		}
		if err := s.Load(out.h, out.c); !errors.Is(err, ErrBadOutput) {
			t.Errorf("Load: %v; want ErrBadOutput", err)
		}
		if s != (State{}) {
			t.Error("the state was kept")
		}
	}
}

// step does all that one frame takes.
func step(f *Framer, s *State, g *Segmenter, frame, into, h, c, out []float32) error {
	if err := f.Next(frame, into); err != nil {
		return err
	}
	if err := s.Store(h, c); err != nil {
		return err
	}
	if err := s.Load(h, c); err != nil {
		return err
	}
	p, err := Probability(out)
	g.Push(p)
	return err
}

func TestFrameAllocatesNothing(t *testing.T) {
	var f Framer
	var s State
	g := newSegmenter(t, DefaultHysteresis)
	frame, into := ramp(1, FrameSize), make([]float32, InputSize)
	h, c, out := ramp(1, StateSize), ramp(1, StateSize), []float32{0}
	got := testing.AllocsPerRun(200, func() {
		out[0] = 1 - out[0]
		if err := step(&f, &s, g, frame, into, h, c, out); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func BenchmarkFrame(b *testing.B) {
	var f Framer
	var s State
	g := newSegmenter(b, DefaultHysteresis)
	frame, into := ramp(1, FrameSize), make([]float32, InputSize)
	h, c, out := ramp(1, StateSize), ramp(1, StateSize), []float32{0.7}
	b.ReportAllocs()
	for b.Loop() {
		if err := step(&f, &s, g, frame, into, h, c, out); err != nil {
			b.Fatal(err)
		}
	}
}
