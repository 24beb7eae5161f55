package wav

import (
	"encoding/binary"
	"fmt"
	"math"

	"atoll/pipeline/source/resample"
)

// MaxChannels is the most channels a recording may have.
const MaxChannels = 64

// Encoding says how one sample is stored. Multi-byte samples are little-endian.
type Encoding uint8

// The encodings: unsigned 8-bit, signed 16, 24 and 32-bit integers, IEEE floats of 32 and 64 bits.
const (
	U8 Encoding = iota
	S16
	S24
	S32
	F32
	F64
	numEncodings
)

var encodings = [numEncodings]struct {
	name  string
	bytes int
}{{"u8", 1}, {"s16le", 2}, {"s24le", 3}, {"s32le", 4}, {"f32le", 4}, {"f64le", 8}}

// String returns the name ffmpeg and sox users know: "u8", "s16le", "f32le" and so on.
func (e Encoding) String() string {
	if e >= numEncodings {
		return fmt.Sprintf("encoding(%d)", uint8(e))
	}
	return encodings[e].name
}

// Format describes interleaved samples.
type Format struct {
	Encoding Encoding
	Rate     int // frames a second
	Channels int
}

// Check reports a rate or channel count outside what the package reads.
func (f Format) Check() error {
	switch {
	case f.Encoding >= numEncodings:
		return fmt.Errorf("unknown sample format %v", f.Encoding)
	case f.Channels < 1 || f.Channels > MaxChannels:
		return fmt.Errorf("%d channels: 1 to %d can be read", f.Channels, MaxChannels)
	case f.Rate < resample.MinRate || f.Rate > resample.MaxRate:
		return fmt.Errorf("a rate of %d Hz: %d to %d Hz can be read", f.Rate, resample.MinRate, resample.MaxRate)
	}
	return nil
}

// frameBytes is the size of one sample of every channel.
func (f Format) frameBytes() int { return encodings[f.Encoding].bytes * f.Channels }

// mono writes the mean of each frame's channels in src, a whole number of frames, to dst. The result is finite and lies in
// [-1, 1], whatever the bytes are: a NaN would stay in the resampler and in the detector's state for good.
func (f Format) mono(dst []float32, src []byte) {
	size := encodings[f.Encoding].bytes
	for i := range dst {
		var sum float32
		for range f.Channels {
			sum += sample(f.Encoding, src)
			src = src[size:]
		}
		dst[i] = sum / float32(f.Channels)
	}
}

// sample reads the first sample of b as a value in [-1, 1].
func sample(e Encoding, b []byte) float32 {
	switch e {
	case U8:
		return (float32(b[0]) - 128) / 128
	case S16:
		return float32(int16(binary.LittleEndian.Uint16(b))) / (1 << 15)
	case S24:
		return float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)>>8) / (1 << 23)
	case S32:
		return float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 31)
	case F32:
		return clamp(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	default:
		return clamp(float32(math.Float64frombits(binary.LittleEndian.Uint64(b))))
	}
}

// clamp limits v to [-1, 1] and turns a NaN into silence.
func clamp(v float32) float32 {
	if v != v {
		return 0
	}
	return max(-1, min(1, v))
}
