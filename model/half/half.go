// Package half converts numbers of half precision, IEEE 754 binary16.
package half

import "math"

// Max is the largest finite value.
const Max = 65504

// FromFloat32 rounds to nearest even. Values beyond ±65504 become infinite.
func FromFloat32(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	abs := bits & 0x7fffffff
	switch {
	case abs > 0x7f800000: // not a number
		return sign | 0x7e00
	case abs >= 0x477ff000: // rounds to 65536 or more
		return sign | 0x7c00
	case abs < 0x38800000: // below 2⁻¹⁴: a multiple of 2⁻²⁴
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(abs))*(1<<24)))
	}
	// 13 bits of the mantissa go; a carry runs into the exponent as it should.
	abs += 0xfff + abs>>13&1
	return sign | uint16((abs-0x38000000)>>13)
}

// ToFloat32 is exact: float32 holds every half.
func ToFloat32(h uint16) float32 {
	sign, rest := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case rest >= 0x7c00: // infinite, or not a number
		return math.Float32frombits(sign | 0x7f800000 | rest<<13)
	case rest < 0x0400: // a multiple of 2⁻²⁴
		return math.Float32frombits(sign | math.Float32bits(float32(rest)/(1<<24)))
	}
	return math.Float32frombits(sign | (rest<<13 + 0x38000000))
}
