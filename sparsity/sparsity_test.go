package sparsity

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var patterns = []Pattern{Unstructured, Block1x4, Block4x1, TwoOfFour, "1:4", InputChannels, OutputChannels}

// quick are options with which a test is soon over.
func quick(seed uint64) Options {
	return Options{Seed: seed, Sweeps: 4, Replicas: 4, Rounds: 2, Block: 12}
}

func mustPrune(t fataler, l *Layer, p Pattern, share float64, m Method, o Options) *Result {
	r, err := Prune(context.Background(), l, p, share, m, o)
	if err != nil {
		t.Fatalf("%s, %s, %v: %v", p, m, share, err)
	}
	return r
}

// units counts the pruned units of a mask, or says what breaks the pattern.
func units(t fataler, l *Layer, p Pattern, mask []bool) (pruned, all int) {
	at := func(r, c int) bool { return mask[r*l.Cols+c] }
	rows, cols := 1, 1 // of a block
	switch p {
	case Block1x4:
		cols = 4
	case Block4x1:
		rows = 4
	case OutputChannels:
		cols = l.Cols
	case InputChannels:
		rows = l.Rows
	}
	for r := 0; r < l.Rows; r += rows {
		for c := 0; c < l.Cols; c += cols {
			all++
			if !at(r, c) {
				pruned++
			}
			for i := range rows * cols {
				if at(r+i/cols, c+i%cols) != at(r, c) {
					t.Fatalf("%s: block at %d,%d is cut", p, r, c)
				}
			}
		}
	}
	if n, m, ok := p.ratio(); ok {
		for i := 0; i < len(mask); i += m {
			kept := 0
			for _, k := range mask[i : i+m] {
				if k {
					kept++
				}
			}
			if kept != n {
				t.Fatalf("%s: %d of the weights from %d are kept", p, kept, i)
			}
		}
	}
	return pruned, all
}

// fataler is a test, also one of rapid.
type fataler interface{ Fatalf(string, ...any) }

func TestPruneProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := 4*rapid.IntRange(1, 3).Draw(t, "rows"), 4*rapid.IntRange(1, 5).Draw(t, "cols")
		l, _ := synthetic(t, rows, cols, rapid.Uint64().Draw(t, "seed"))
		p := rapid.SampledFrom(patterns).Draw(t, "pattern")
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		if n, m, ok := p.ratio(); ok {
			share = 1 - float64(n)/float64(m)
		}
		o := quick(rapid.Uint64().Draw(t, "run"))
		errs := map[Method]float64{}
		for m := range numMethods {
			r := mustPrune(t, l, p, share, m, o)
			pruned, all := units(t, l, p, r.Mask)
			if want := int(math.Round(share * float64(all))); pruned != want {
				t.Fatalf("%s, %s: %d of %d units pruned, want %d", p, m, pruned, all, want)
			}
			zeros := 0
			for i, kept := range r.Mask {
				if !kept {
					if zeros++; r.W[i] != 0 {
						t.Fatalf("weight %d is pruned and %v", i, r.W[i])
					}
				}
			}
			if zeros != r.Zeros {
				t.Fatalf("%d zeros told, %d found", r.Zeros, zeros)
			}
			if got := l.RelativeError(r.W); got != r.RelativeError {
				t.Fatalf("error told %v, found %v", r.RelativeError, got)
			}
			plain := o
			plain.NoRefit = true
			if m < OBS {
				if r2 := mustPrune(t, l, p, share, m, plain); r.RelativeError > r2.RelativeError*(1+1e-6)+1e-12 {
					t.Fatalf("%s, %s: re-fit raised the error from %v to %v", p, m, r2.RelativeError, r.RelativeError)
				}
			}
			errs[m] = r.RelativeError
		}
		for m := Descent; m < numMethods; m++ {
			if least := min(errs[Magnitude], errs[Wanda], errs[OBS]); errs[m] > least {
				t.Fatalf("%s, %s: error %v, its start %v", p, m, errs[m], least)
			}
		}
	})
}

func TestSameForAnyThreads(t *testing.T) {
	l, _ := synthetic(t, 16, 24, 3)
	for _, p := range patterns[:4] {
		for m := OBS; m < numMethods; m++ {
			o := quick(7)
			o.Threads = 1
			one := mustPrune(t, l, p, 0.5, m, o)
			o.Threads = 5
			if five := mustPrune(t, l, p, 0.5, m, o); !reflect.DeepEqual(one, five) {
				t.Errorf("%s, %s: another result with 5 threads", p, m)
			}
		}
	}
}

func TestSeedMatters(t *testing.T) {
	l, _ := synthetic(t, 16, 96, 3)
	first := mustPrune(t, l, Unstructured, 0.8, Quantum, Options{Seed: 0, Sweeps: 2, Rounds: 2})
	for seed := range uint64(8) {
		r := mustPrune(t, l, Unstructured, 0.8, Quantum, Options{Seed: seed, Sweeps: 2, Rounds: 2})
		if !reflect.DeepEqual(r.Mask, first.Mask) {
			return
		}
	}
	t.Error("8 seeds give one mask")
}

func TestRefused(t *testing.T) {
	good, _ := synthetic(t, 4, 6, 1)
	zero := make([]float64, 36)
	change := func(f func(l *Layer)) *Layer {
		l := *good
		l.W, l.H = append([]float32(nil), l.W...), append([]float64(nil), l.H...)
		f(&l)
		return &l
	}
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		layer  *Layer
		p      Pattern
		share  float64
		method Method
		o      Options
		is     error
		says   string
	}{
		{name: "empty", layer: &Layer{}, says: "empty"},
		{name: "few weights", layer: change(func(l *Layer) { l.W = l.W[1:] }), says: "4 by 6 weights has 23"},
		{name: "H of another size", layer: change(func(l *Layer) { l.H = l.H[1:] }), says: "must have 36"},
		{name: "taps", layer: change(func(l *Layer) { l.Taps = 4 }), says: "taps"},
		{name: "wide", layer: &Layer{Rows: 1, Cols: MaxCols + 1}, says: "at most"},
		{name: "weight not a number", layer: change(func(l *Layer) { l.W[7] = float32(nan) }), says: "weight [1,1] is NaN"},
		{name: "H not a number", layer: change(func(l *Layer) { l.H[7] = nan }), says: "H[1,1] is NaN"},
		{name: "H not a number beside", layer: change(func(l *Layer) { l.H[6] = nan }), says: "NaN"},
		{name: "H negative", layer: change(func(l *Layer) { l.H[7] = -1 }), says: "sum of squares"},
		{name: "H lopsided", layer: change(func(l *Layer) { l.H[6] *= 2 }), says: "not a sum"},
		{name: "H no squares", layer: change(func(l *Layer) { l.H[6], l.H[1] = l.H[0]+l.H[7], l.H[0]+l.H[7] }), says: "not a sum"},
		{name: "H huge", layer: change(func(l *Layer) {
			for i := range 6 {
				l.H[i*7] = math.MaxFloat64
			}
		}), says: "too large"},
		{name: "no input", layer: change(func(l *Layer) { l.H = zero }), is: ErrNoInput},
		{name: "indefinite", layer: indefinite(), says: "singular"},
		{name: "share below", layer: good, share: -0.1, says: "from 0 to 1"},
		{name: "share above", layer: good, share: 1.1, says: "from 0 to 1"},
		{name: "share not a number", layer: good, share: nan, says: "from 0 to 1"},
		{name: "pattern", layer: good, p: "diagonal", is: ErrPattern, says: `"diagonal" is not known`},
		{name: "ratio", layer: good, p: "4:2", is: ErrPattern},
		{name: "blocks", layer: good, p: Block1x4, is: ErrPattern, says: "columns in multiples of 4"},
		{name: "blocks of rows", layer: &Layer{Rows: 6, Cols: 4, W: make([]float32, 24), H: one(4)}, p: Block4x1, is: ErrPattern, says: "rows in multiples of 4"},
		{name: "N:M", layer: good, p: TwoOfFour, share: 0.5, is: ErrPattern},
		{name: "N:M's share", layer: good, p: "1:3", share: 0.5, is: ErrPattern, says: "0.667"},
		{name: "method", layer: good, method: numMethods, says: "method 6"},
		{name: "damping", layer: good, o: Options{Damping: -1}, says: "damping"},
		{name: "replicas", layer: good, o: Options{Replicas: -1}, says: "replicas"},
		{name: "sweeps", layer: good, o: Options{Sweeps: 1 << 20}, says: "sweeps"},
	} {
		if c.p == "" {
			c.p = Unstructured
		}
		r, err := Prune(context.Background(), c.layer, c.p, c.share, c.method, c.o)
		if err == nil || r != nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v %q", c.name, err, c.is, c.says)
		}
	}
}

// one is the unit matrix.
func one(n int) []float64 {
	h := make([]float64, n*n)
	for i := range n {
		h[i*n+i] = 1
	}
	return h
}

// indefinite passes for X·Xᵀ pair by pair, but isn't: three inputs can't be opposite to
// each other.
func indefinite() *Layer {
	h := one(3)
	for i := range h {
		if h[i] == 0 {
			h[i] = -1
		}
	}
	return &Layer{Rows: 1, Cols: 3, W: []float32{1, 2, 3}, H: h}
}

// TestUnusedInputs prunes what never gets an input first, and lives with an H that is
// singular without damping.
func TestUnusedInputs(t *testing.T) {
	l, _ := synthetic(t, 4, 8, 1)
	for c := range 8 {
		for _, dead := range []int{2, 5} {
			l.H[dead*8+c], l.H[c*8+dead] = 0, 0
		}
	}
	for m := Wanda; m < numMethods; m++ {
		r := mustPrune(t, l, Unstructured, 0.25, m, quick(1))
		if r.RelativeError > 1e-5 {
			t.Errorf("%s: error %v", m, r.RelativeError)
		}
		for i, kept := range r.Mask {
			if dead := i%8 == 2 || i%8 == 5; kept == dead {
				t.Errorf("%s: weight %d kept: %v", m, i, kept)
			}
		}
	}
}

func TestZeroLayer(t *testing.T) {
	l, _ := synthetic(t, 4, 8, 1)
	clear(l.W)
	for m := range numMethods {
		if r := mustPrune(t, l, Unstructured, 0.5, m, quick(1)); r.RelativeError != 0 || r.Zeros != 16 {
			t.Errorf("%s: error %v, %d zeros", m, r.RelativeError, r.Zeros)
		}
	}
}

func TestCancel(t *testing.T) {
	l, _ := synthetic(t, 32, 32, 1)
	before := runtime.NumGoroutine()
	for _, after := range []int{0, 1, 40, 190} {
		ctx, cancel := context.WithCancel(context.Background())
		o := quick(1)
		o.Progress = func(done, total int) {
			if done == after {
				cancel()
			}
		}
		if after == 0 {
			cancel()
		}
		if r, err := Prune(ctx, l, Unstructured, 0.5, Quantum, o); !errors.Is(err, context.Canceled) || r != nil {
			t.Errorf("cancelled after %d: %v", after, err)
		}
		cancel()
	}
	for wait := 0; runtime.NumGoroutine() > before; wait++ {
		if wait == 1000 {
			t.Fatalf("%d goroutines, before %d", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestProgress(t *testing.T) {
	l, _ := synthetic(t, 8, 12, 1)
	for _, p := range []Pattern{Unstructured, InputChannels, Block4x1} {
		for m := range numMethods {
			last, all := 0, 0
			o := quick(1)
			o.Progress = func(done, total int) {
				if done != last+1 {
					t.Errorf("%d after %d", done, last)
				}
				last, all = done, total
			}
			mustPrune(t, l, p, 0.5, m, o)
			if last == 0 || last != all {
				t.Errorf("%s, %s: ended at %d of %d", p, m, last, all)
			}
		}
	}
}

func TestResultSurvivesJSON(t *testing.T) {
	l, _ := synthetic(t, 8, 12, 1)
	want := mustPrune(t, l, TwoOfFour, 0.5, Quantum, quick(1))
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got := new(Result)
	if err := json.Unmarshal(text, got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %+v, want %+v", err, got, want)
	}
}
