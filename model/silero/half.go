package silero

import "math"

// toHalf converts to IEEE 754 binary16, rounding to nearest even. Values beyond
// ±65504 become infinite.
func toHalf(f float32) uint16 {
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
