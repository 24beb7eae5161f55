// Package resample changes the rate of a stream of mono samples by a rational factor with a polyphase windowed-sinc filter
// (Crochiere and Rabiner, Multirate Digital Signal Processing, 1983, chapter 3; window: Kaiser, 1974). It keeps its state from
// call to call, so a stream may arrive in pieces of any length, and allocates nothing once built.
package resample

import (
	"fmt"
	"math"
)

// The rates New accepts, in hertz.
const (
	MinRate = 4000
	MaxRate = 384000
)

const (
	attenuation = 90.0 // stop band in dB: below the noise of 16-bit samples with the harmonics of the window to spare
	passBand    = 0.9  // of the lower Nyquist frequency; the stop band begins at 1.0
	// maxPhases bounds the table. Most common rates need no more; one that does (11,025 or 44,101 Hz) interpolates
	// linearly between neighbouring phases, which errs by less than the stop band lets through.
	maxPhases = 320
	block     = 1024 // input samples taken in at once
)

// Resampler converts one stream. It is not safe for concurrent use.
type Resampler struct {
	up, down int       // output rate : input rate in lowest terms
	phases   int       // rows of the table, less one
	taps     int       // coefficients in a row
	table    []float32 // (phases+1) rows of taps coefficients

	window []float32 // the last input samples; output is computed from window[base : base+taps]
	filled int       // samples in the window
	base   int       // first sample under the filter
	frac   int       // position past base, in 1/up of an input sample: 0 <= frac < up

	in, out int64 // samples taken and given since the start, for Flush
}

// New returns a Resampler from one rate to another, both in hertz between MinRate and MaxRate.
func New(from, to int) (*Resampler, error) {
	for _, rate := range []int{from, to} {
		if rate < MinRate || rate > MaxRate {
			return nil, fmt.Errorf("cannot resample %d Hz to %d Hz: rates must lie between %d and %d Hz", from, to, MinRate, MaxRate)
		}
	}
	g := gcd(from, to)
	r := &Resampler{up: to / g, down: from / g}
	if r.up == r.down {
		return r, nil
	}
	r.phases = min(r.up, maxPhases)
	r.design(float64(from), float64(min(from, to))/2)
	r.window = make([]float32, r.taps+block)
	r.Reset()
	return r, nil
}

// Append resamples src, appends what can be computed so far to dst and returns it. Sample k of the output belongs to the time
// k/to of the input; the last taps/2 samples of input wait for what follows, or for Flush.
func (r *Resampler) Append(dst, src []float32) []float32 {
	if r.up == r.down {
		return append(dst, src...)
	}
	for len(src) > 0 {
		r.compact()
		n := copy(r.window[r.filled:], src)
		src = src[n:]
		r.filled += n
		r.in += int64(n)
		dst = r.drain(dst)
	}
	return dst
}

// Flush appends what the samples still held back give with silence after them, so that n samples of input have given
// ceil(n*to/from) samples of output, and starts over.
func (r *Resampler) Flush(dst []float32) []float32 {
	if r.up == r.down {
		return dst
	}
	want := (r.in*int64(r.up) + int64(r.down) - 1) / int64(r.down)
	end := len(dst) + int(want-r.out)
	for len(dst) < end {
		r.compact()
		clear(r.window[r.filled:])
		r.filled = len(r.window)
		dst = r.drain(dst)
	}
	r.Reset()
	return dst[:end]
}

// Reset forgets the stream so far.
func (r *Resampler) Reset() {
	clear(r.window)
	r.filled = (r.taps - 1) / 2 // silence before the first sample: output 0 falls on input 0
	r.base, r.frac, r.in, r.out = 0, 0, 0, 0
}

// compact moves what the filter still needs to the front of the window.
func (r *Resampler) compact() {
	copy(r.window, r.window[r.base:r.filled])
	r.filled -= r.base
	r.base = 0
}

// drain computes output while the filter lies within the window.
func (r *Resampler) drain(dst []float32) []float32 {
	for r.base+r.taps <= r.filled {
		dst = append(dst, r.sample())
		r.out++
		r.frac += r.down
		r.base += r.frac / r.up
		r.frac %= r.up
	}
	return dst
}

// sample is the filter's output at the current position.
func (r *Resampler) sample() float32 {
	x := r.window[r.base : r.base+r.taps]
	at := r.frac * r.phases
	phase, rest := at/r.up, at%r.up
	row := r.table[phase*r.taps:]
	y := dot(x, row)
	if rest != 0 {
		next := dot(x, row[r.taps:])
		y += (next - y) * float32(rest) / float32(r.up)
	}
	return y
}

func dot(x, h []float32) float32 {
	h = h[:len(x)]
	var a, b, c, d float32
	for len(x) >= 4 && len(h) >= 4 {
		a += x[0] * h[0]
		b += x[1] * h[1]
		c += x[2] * h[2]
		d += x[3] * h[3]
		x, h = x[4:], h[4:]
	}
	for i := range x {
		a += x[i] * h[i]
	}
	return a + b + c + d
}

// design fills the table for input at rate hertz and output free of all above nyquist hertz.
func (r *Resampler) design(rate, nyquist float64) {
	transition := (1 - passBand) * nyquist / rate // in cycles a sample
	cutoff := nyquist/rate - transition/2
	// Kaiser's estimate of the length, made odd so that phase 0 has a tap at its centre, and of the window's shape.
	half := int(math.Ceil((attenuation - 7.95) / (14.36 * transition) / 2))
	beta := 0.1102 * (attenuation - 8.7)
	r.taps = 2*half + 1
	r.table = make([]float32, (r.phases+1)*r.taps)
	row := make([]float64, r.taps)
	for p := range r.phases + 1 {
		var sum float64
		for i := range row {
			t := float64(i-half) - float64(p)/float64(r.phases)
			row[i] = 2 * cutoff * sinc(2*cutoff*t) * kaiser(t/float64(half+1), beta)
			sum += row[i]
		}
		for i, v := range row {
			r.table[p*r.taps+i] = float32(v / sum) // so that every phase passes a constant unchanged
		}
	}
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the Kaiser window at x, times a constant that the caller's normalising takes out.
func kaiser(x, beta float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel(beta * math.Sqrt(1-x*x))
}

// bessel is the modified Bessel function of the first kind and order 0, by its power series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
