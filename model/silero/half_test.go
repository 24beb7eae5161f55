package silero

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestHalfExact: float32 holds every half, so the way there and back changes nothing.
func TestHalfExact(t *testing.T) {
	for h := range 1 << 16 {
		f := fromHalf(uint16(h))
		if f != f {
			if got := toHalf(f); got&0x7c00 != 0x7c00 || got&0x3ff == 0 {
				t.Fatalf("toHalf(NaN) = %#04x", got)
			}
			continue
		}
		if got := toHalf(f); got != uint16(h) {
			t.Fatalf("%#04x became %v and then %#04x", h, f, got)
		}
	}
}

func TestToHalf(t *testing.T) {
	for _, test := range []struct {
		f    float32
		want uint16
	}{
		{1, 0x3c00}, {-2, 0xc000}, {65504, 0x7bff}, {65519, 0x7bff}, {65520, 0x7c00}, {1e9, 0x7c00},
		{float32(math.Inf(-1)), 0xfc00}, {1 + 1.0/2048, 0x3c00}, {1 + 3.0/2048, 0x3c02}, {6e-8, 1}, {2.98e-8, 0}, {-1e-20, 0x8000},
	} {
		if got := toHalf(test.f); got != test.want {
			t.Errorf("toHalf(%v) = %#04x, want %#04x", test.f, got, test.want)
		}
	}
}

// TestHalfNearest: no other half is nearer.
func TestHalfNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float32Range(-65504, 65504).Draw(t, "f")
		h := toHalf(f)
		distance := math.Abs(float64(fromHalf(h)) - float64(f))
		for _, next := range []uint16{h - 1, h + 1} {
			if v := float64(fromHalf(next)); math.Abs(v-float64(f)) < distance {
				t.Fatalf("toHalf(%v) = %#04x, but %#04x is nearer", f, h, next)
			}
		}
	})
}

// fromHalf converts from IEEE 754 binary16, which float32 holds exactly.
func fromHalf(h uint16) float32 {
	exponent, mantissa := int(h>>10&0x1f), float64(h&0x3ff)
	v := math.Ldexp(mantissa, -24)
	switch {
	case exponent == 0x1f && mantissa != 0:
		return float32(math.NaN())
	case exponent == 0x1f:
		v = math.Inf(1)
	case exponent > 0:
		v = math.Ldexp(mantissa+1024, exponent-25)
	}
	if h&0x8000 != 0 {
		v = -v
	}
	return float32(v)
}
