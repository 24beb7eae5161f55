// Package npy reads arrays of floating-point numbers from NumPy's .npy files, format 1
// to 3 (numpy.lib.format). It reads what is asked for and no more, and believes no
// header that the file's own size doesn't bear out.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

const (
	magic     = "\x93NUMPY"
	maxHeader = 1 << 16 // bytes; NumPy's own have about 120
	maxRank   = 32
)

// Array is an array in a file.
type Array struct {
	Shape []int // none of a single number

	r     io.ReaderAt
	start int64 // of the values
	width int   // bytes of a value
	n     int
}

// New reads the header of a file of that many bytes. The array must hold at least one
// value, of type float32 or float64, little-endian, in C's order.
func New(r io.ReaderAt, size int64) (*Array, error) {
	text, start, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(text)
	if err != nil {
		return nil, fmt.Errorf("NumPy header: %w", err)
	}
	a := &Array{Shape: h.shape, r: r, start: start, n: 1}
	switch h.descr {
	case "<f4":
		a.width = 4
	case "<f8":
		a.width = 8
	default:
		return nil, fmt.Errorf("values of type %q: want \"<f4\" or \"<f8\"; convert them with astype(\"<f4\")", h.descr)
	}
	if h.fortran {
		return nil, errors.New("array in Fortran's order: save numpy.ascontiguousarray of it")
	}
	most := int((size - start) / int64(a.width))
	if slices.Contains(a.Shape, 0) {
		return nil, fmt.Errorf("shape %v: no values in it", a.Shape)
	}
	for _, d := range a.Shape {
		if d > most/a.n {
			return nil, fmt.Errorf("shape %v takes more than the %d values in the file", a.Shape, most)
		}
		a.n *= d
	}
	if want := start + int64(a.n)*int64(a.width); want != size {
		return nil, fmt.Errorf("shape %v takes %d bytes of file, there are %d", a.Shape, want, size)
	}
	return a, nil
}

// readHeader returns the dictionary and where the values begin.
func readHeader(r io.ReaderAt, size int64) (text []byte, start int64, err error) {
	fixed := make([]byte, min(12, max(0, size)))
	if _, err := r.ReadAt(fixed, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	if len(fixed) < 12 || string(fixed[:6]) != magic {
		return nil, 0, errors.New("not a NumPy file")
	}
	length, start := int64(binary.LittleEndian.Uint16(fixed[8:])), int64(10)
	switch major := fixed[6]; major {
	case 1:
	case 2, 3:
		length, start = int64(binary.LittleEndian.Uint32(fixed[8:])), 12
	default:
		return nil, 0, fmt.Errorf("NumPy format %d.%d: want 1 to 3", major, fixed[7])
	}
	switch {
	case length > maxHeader:
		return nil, 0, fmt.Errorf("NumPy header of %d bytes: at most %d", length, maxHeader)
	case start+length > size:
		return nil, 0, fmt.Errorf("truncated: header of %d bytes in a file of %d", length, size)
	}
	text = make([]byte, length)
	if _, err := r.ReadAt(text, start); err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	return text, start + length, nil
}

// Len is the number of values.
func (a *Array) Len() int { return a.n }

// Read fills dst with the values from index first on, in C's order.
func (a *Array) Read(dst []float64, first int) error {
	if first < 0 || first > a.n || len(dst) > a.n-first {
		return fmt.Errorf("values %d to %d of an array of %d", first, first+len(dst), a.n)
	}
	block := make([]byte, min(len(dst)*a.width, 1<<16))
	at := a.start + int64(first)*int64(a.width)
	for len(dst) > 0 {
		n := min(len(dst), len(block)/a.width)
		if got, err := a.r.ReadAt(block[:n*a.width], at); got < n*a.width {
			return fmt.Errorf("read values: %w", err)
		}
		for i := range n {
			if a.width == 4 {
				dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(block[4*i:])))
			} else {
				dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(block[8*i:]))
			}
		}
		dst, at = dst[n:], at+int64(n*a.width)
	}
	return nil
}
