package resample

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustNew(t testing.TB, from, to int) *Resampler {
	t.Helper()
	r, err := New(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tone(rate int, hertz float64, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(2 * math.Pi * hertz * float64(i) / float64(rate)))
	}
	return x
}

// middle leaves out the ends, where the filter runs in and out.
func middle(x []float32) []float32 { return x[len(x)/4 : 3*len(x)/4] }

func rms(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(x)))
}

func decibel(x float64) float64 { return 20 * math.Log10(x) }

var rates = []int{4000, 4001, 8000, 11025, 22050, 24000, 32000, 44100, 44101, 48000, 96000, 383999, 384000}

func TestPassBand(t *testing.T) {
	for _, rate := range rates {
		nyquist := float64(min(rate, 16000)) / 2
		r := mustNew(t, rate, 16000)
		worst := 0.0
		for _, part := range []float64{0.05, 0.4, 0.7, 0.85, 0.9} {
			hertz := part * nyquist
			got := r.Flush(r.Append(nil, tone(rate, hertz, rate/12)))
			want := tone(16000, hertz, len(got))
			diff := make([]float32, len(got))
			for i := range got {
				diff[i] = got[i] - want[i]
			}
			// The difference from the ideal tone holds ripple, phase error and images together.
			worst = max(worst, rms(middle(diff))/rms(middle(want)))
		}
		t.Logf("%6d Hz: largest error in the pass band %.1f dB (ripple %.5f dB)", rate, decibel(worst), decibel(1+worst))
		if decibel(worst) > -80 {
			t.Errorf("%d Hz: pass-band error %.1f dB, want <= -80", rate, decibel(worst))
		}
	}
}

func TestStopBand(t *testing.T) {
	for _, rate := range rates {
		if rate <= 16000 {
			continue
		}
		r := mustNew(t, rate, 16000)
		worst := 0.0
		for _, hertz := range []float64{8000, 8100, 8500, 9000, 10000, 12000, 16000, 16500, 20000, 40000, 100000} {
			if hertz >= float64(rate)/2 {
				continue
			}
			x := tone(rate, hertz, rate/12)
			got := r.Flush(r.Append(nil, x))
			worst = max(worst, rms(middle(got))/rms(middle(x)))
		}
		t.Logf("%6d Hz: stop band %.1f dB", rate, decibel(worst))
		if decibel(worst) > -80 {
			t.Errorf("%d Hz: stop band %.1f dB, want <= -80", rate, decibel(worst))
		}
	}
}

func TestConstantPasses(t *testing.T) {
	for _, rate := range rates {
		x := make([]float32, rate/4)
		for i := range x {
			x[i] = 0.5
		}
		r := mustNew(t, rate, 16000)
		for i, v := range middle(r.Flush(r.Append(nil, x))) {
			if math.Abs(float64(v)-0.5) > 1e-5 {
				t.Fatalf("%d Hz: sample %d of a constant 0.5 = %v", rate, i, v)
			}
		}
	}
}

func TestSameRateIsExact(t *testing.T) {
	x := tone(16000, 1000, 1000)
	r := mustNew(t, 16000, 16000)
	if got := r.Flush(r.Append(nil, x)); !slices.Equal(got, x) {
		t.Error("16 kHz to 16 kHz changed the samples")
	}
}

func TestPiecesGiveTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom([]int{4000, 8000, 11025, 16000, 44100, 44101, 48000}).Draw(t, "from")
		x := tone(from, 440, rapid.IntRange(0, 3000).Draw(t, "n"))
		r, err := New(from, 16000)
		if err != nil {
			t.Fatal(err)
		}
		want := r.Flush(r.Append(nil, x))
		if n := (len(x)*16000 + from - 1) / from; len(want) != n {
			t.Fatalf("%d samples at %d Hz gave %d, want %d", len(x), from, len(want), n)
		}
		var got []float32
		for rest := x; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			got = r.Append(got, rest[:n])
			rest = rest[n:]
		}
		if got = r.Flush(got); !slices.Equal(got, want) {
			t.Fatal("the stream in pieces differs from the whole")
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, c := range [][2]int{{3999, 16000}, {384001, 16000}, {0, 16000}, {-1, 16000}, {16000, 0}} {
		if _, err := New(c[0], c[1]); err == nil || !strings.Contains(err.Error(), "between 4000 and 384000") {
			t.Errorf("New(%d, %d) = %v, want an error that names the range", c[0], c[1], err)
		}
	}
}

func TestTableIsBounded(t *testing.T) {
	for _, rate := range []int{4001, 44101, 383999} {
		if n := len(mustNew(t, rate, 16000).table); n > 1<<20 {
			t.Errorf("%d Hz: table of %d coefficients, want at most 1 Mi", rate, n)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	x := tone(48000, 440, 1536)
	r := mustNew(t, 48000, 16000)
	dst := make([]float32, 0, 600)
	if n := testing.AllocsPerRun(100, func() { dst = r.Append(dst[:0], x) }); n != 0 {
		t.Errorf("Append allocates %v times a call, want 0", n)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		mustNew(b, 44100, 16000)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name string
		rate int
	}{{"8k", 8000}, {"44k1", 44100}, {"48k", 48000}, {"384k", 384000}} {
		b.Run(c.name, func(b *testing.B) {
			x := tone(c.rate, 440, c.rate*32/1000) // one chunk of 32 ms
			r := mustNew(b, c.rate, 16000)
			dst := make([]float32, 0, 600)
			b.ReportAllocs()
			for b.Loop() {
				dst = r.Append(dst[:0], x)
			}
		})
	}
}
