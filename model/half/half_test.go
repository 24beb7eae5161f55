package half

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestExact: float32 holds every half, so the way there and back changes nothing.
func TestExact(t *testing.T) {
	for h := range 1 << 16 {
		f := ToFloat32(uint16(h))
		if f != f {
			if got := FromFloat32(f); h&0x7c00 != 0x7c00 || got&0x7c00 != 0x7c00 || got&0x3ff == 0 {
				t.Fatalf("%#04x became NaN and then %#04x", h, got)
			}
			continue
		}
		if got := FromFloat32(f); got != uint16(h) {
			t.Fatalf("%#04x became %v and then %#04x", h, f, got)
		}
	}
}

func TestToFloat32(t *testing.T) {
	for _, test := range []struct {
		h    uint16
		want float64
	}{
		{0, 0}, {0x3c00, 1}, {0xc000, -2}, {0x7bff, Max}, {0xfc00, math.Inf(-1)}, {0x0001, 0x1p-24}, {0x03ff, 0x3ffp-24},
		{0x0400, 0x1p-14}, {0x8401, -0x401p-24}, {0x3555, 0x555p-12},
	} {
		if got := float64(ToFloat32(test.h)); got != test.want {
			t.Errorf("ToFloat32(%#04x) = %v, want %v", test.h, got, test.want)
		}
	}
	if got := ToFloat32(0x8000); got != 0 || !math.Signbit(float64(got)) {
		t.Errorf("ToFloat32(0x8000) = %v, want negative zero", got)
	}
}

func TestFromFloat32(t *testing.T) {
	for _, test := range []struct {
		f    float32
		want uint16
	}{
		{1, 0x3c00}, {-2, 0xc000}, {Max, 0x7bff}, {65519, 0x7bff}, {65520, 0x7c00}, {1e9, 0x7c00},
		{float32(math.Inf(-1)), 0xfc00}, {1 + 1.0/2048, 0x3c00}, {1 + 3.0/2048, 0x3c02}, {6e-8, 1}, {2.98e-8, 0}, {-1e-20, 0x8000},
	} {
		if got := FromFloat32(test.f); got != test.want {
			t.Errorf("FromFloat32(%v) = %#04x, want %#04x", test.f, got, test.want)
		}
	}
}

// TestNearest: no other half is nearer.
func TestNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float32Range(-Max, Max).Draw(t, "f")
		h := FromFloat32(f)
		distance := math.Abs(float64(ToFloat32(h)) - float64(f))
		for _, next := range []uint16{h - 1, h + 1} {
			if v := float64(ToFloat32(next)); math.Abs(v-float64(f)) < distance {
				t.Fatalf("FromFloat32(%v) = %#04x, but %#04x is nearer", f, h, next)
			}
		}
	})
}
