// Package wav reads recordings as mono samples: RIFF/WAVE files (Microsoft and IBM, Multimedia Programming Interface and Data
// Specifications 1.0, 1991; WAVE_FORMAT_EXTENSIBLE, 2001) and headerless PCM, at their own rate or resampled to 16 kHz. It reads
// forward only, so that a pipe will do, and holds no more than one block of a recording whatever its header claims.
package wav

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrTruncated says that a recording ends before the length its header states. What there is has been read.
var ErrTruncated = errors.New("recording is cut short")

const (
	maxFmtBytes = 1 << 10   // of a fmt chunk: 40 are defined
	maxChunks   = 1 << 12   // before the samples: a hostile file must not keep the reader walking
	unstated    = 1<<32 - 1 // a chunk's size that nobody filled in
	untilEnd    = -1        // bytes left, of a recording whose length is not stated
	blockFrames = 1024      // frames decoded at once
)

// Format tags of the fmt chunk (mmreg.h).
const (
	tagPCM        = 0x0001
	tagFloat      = 0x0003
	tagExtensible = 0xFFFE
)

// guidTail ends every KSDATAFORMAT_SUBTYPE that wraps a format tag.
var guidTail = []byte{0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71}

// Reader reads the samples of one recording. It is not safe for concurrent use.
type Reader struct {
	r      io.Reader
	format Format
	size   int64 // bytes of samples the header states, or untilEnd
	left   int64
	buf    []byte
	kept   int // bytes of an incomplete frame at the front of buf
	err    error
}

// NewReader reads the header of a WAV file up to its samples. Where the header leaves their length open they go on until r ends: the
// data chunk's size is 0xFFFFFFFF, or it is 0 and the RIFF chunk's has no room for anything after it either. Programs that write to a
// pipe leave such sizes, since they cannot go back to fill them in.
func NewReader(r io.Reader) (*Reader, error) {
	format, size, err := readHeader(r)
	if errors.Is(err, io.EOF) { // more must follow
		err = fmt.Errorf("read WAV header: %w", io.ErrUnexpectedEOF)
	}
	if err != nil {
		return nil, err
	}
	reader, err := NewPCM(r, format)
	if err != nil {
		return nil, fmt.Errorf("WAV header: %w", err)
	}
	reader.size, reader.left = size, size
	return reader, nil
}

// NewPCM reads headerless samples until r ends.
func NewPCM(r io.Reader, f Format) (*Reader, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	return &Reader{r: r, format: f, size: untilEnd, left: untilEnd, buf: make([]byte, blockFrames*f.frameBytes())}, nil
}

// Format describes the recording as it is stored.
func (r *Reader) Format() Format { return r.format }

// Read fills dst with mono samples at the recording's own rate and returns how many, at least one unless there is an error. It
// waits for no more than one frame. At the end the error is io.EOF, or ErrTruncated where the header promised more.
func (r *Reader) Read(dst []float32) (int, error) {
	frame := r.format.frameBytes()
	n := min(len(dst), len(r.buf)/frame)
	if n == 0 {
		return 0, nil
	}
	for r.kept < frame {
		if r.err != nil {
			return 0, r.err
		}
		r.fill(n * frame)
	}
	n = r.kept / frame
	r.format.mono(dst[:n], r.buf)
	r.kept = copy(r.buf, r.buf[n*frame:r.kept])
	return n, nil
}

// fill reads once, until buf holds at most want bytes.
func (r *Reader) fill(want int) {
	b := r.buf[r.kept:want]
	if r.left != untilEnd {
		b = b[:min(int64(len(b)), r.left)]
		if len(b) == 0 {
			r.err = io.EOF
			return
		}
	}
	n, err := r.r.Read(b)
	r.kept += n
	if r.left != untilEnd {
		r.left -= int64(n)
	}
	switch {
	case errors.Is(err, io.EOF) && r.left > 0:
		r.err = fmt.Errorf("%w: %d of %d bytes of samples", ErrTruncated, r.size-r.left, r.size)
	case err != nil:
		r.err = err
	}
}

// readHeader reads up to the samples and returns their format and the number of their bytes, or untilEnd.
func readHeader(r io.Reader) (f Format, size int64, err error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return f, 0, fmt.Errorf("read WAV header: %w", err)
	}
	switch {
	case string(head[:4]) == "RIFX", string(head[:4]) == "RF64", string(head[:4]) == "BW64":
		return f, 0, fmt.Errorf("%s files are not read: convert it to a plain WAV (RIFF) file", head[:4])
	case string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE":
		return f, 0, errors.New("not a WAV file: it does not begin with RIFF and WAVE")
	}
	riff := binary.LittleEndian.Uint32(head[4:])
	if riff == unstated {
		return findSamples(r, 0)
	}
	return findSamples(r, int64(riff)-4) // it counts "WAVE"
}

// findSamples walks the chunks to the data chunk; room is how many bytes of chunks the RIFF chunk states.
func findSamples(r io.Reader, room int64) (f Format, size int64, err error) {
	known := false
	for range maxChunks {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return f, 0, fmt.Errorf("look for the samples of a WAV file: %w", err)
		}
		id, size := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		room -= int64(len(head)) + size + size&1
		switch {
		case id == "data" && !known:
			return f, 0, errors.New("WAV file has no fmt chunk before its samples")
		case id == "data":
			if size == unstated || size == 0 && room <= 0 {
				size = untilEnd
			}
			return f, size, nil
		case id == "fmt " && known:
			return f, 0, errors.New("WAV file has two fmt chunks")
		case id == "fmt ":
			if f, err = readFormat(r, size); err != nil {
				return f, 0, fmt.Errorf("WAV header: %w", err)
			}
			known = true
		default:
			if _, err := io.CopyN(io.Discard, r, size+size&1); err != nil {
				return f, 0, fmt.Errorf("skip chunk %q of a WAV file: %w", id, err)
			}
		}
	}
	return f, 0, fmt.Errorf("WAV file has more than %d chunks before its samples", maxChunks)
}

// readFormat reads a fmt chunk of size bytes.
func readFormat(r io.Reader, size int64) (Format, error) {
	if size < 16 || size > maxFmtBytes {
		return Format{}, fmt.Errorf("fmt chunk of %d bytes: want 16 to %d", size, maxFmtBytes)
	}
	b := make([]byte, size+size&1)
	if _, err := io.ReadFull(r, b); err != nil {
		return Format{}, fmt.Errorf("read the fmt chunk: %w", err)
	}
	tag := binary.LittleEndian.Uint16(b)
	channels := int(binary.LittleEndian.Uint16(b[2:]))
	rate := binary.LittleEndian.Uint32(b[4:])
	align := int(binary.LittleEndian.Uint16(b[12:]))
	bits := int(binary.LittleEndian.Uint16(b[14:]))
	if tag == tagExtensible {
		if size < 40 || !bytes.Equal(b[26:40], guidTail) {
			return Format{}, errors.New("extensible format without a known sub-format")
		}
		tag = binary.LittleEndian.Uint16(b[24:])
	}
	encoding, err := encodingOf(tag, bits)
	if err != nil {
		return Format{}, err
	}
	f := Format{Encoding: encoding, Rate: int(min(rate, 1<<30)), Channels: channels}
	if err := f.Check(); err != nil {
		return Format{}, err
	}
	if align != f.frameBytes() {
		return Format{}, fmt.Errorf("frames of %d bytes: %d channels of %v take %d", align, channels, encoding, f.frameBytes())
	}
	return f, nil
}

func encodingOf(tag uint16, bits int) (Encoding, error) {
	switch [2]int{int(tag), bits} {
	case [2]int{tagPCM, 8}:
		return U8, nil
	case [2]int{tagPCM, 16}:
		return S16, nil
	case [2]int{tagPCM, 24}:
		return S24, nil
	case [2]int{tagPCM, 32}:
		return S32, nil
	case [2]int{tagFloat, 32}:
		return F32, nil
	case [2]int{tagFloat, 64}:
		return F64, nil
	}
	return 0, fmt.Errorf("format tag %#04x with %d bits: want PCM of 8, 16, 24 or 32 bits or floats of 32 or 64", tag, bits)
}
