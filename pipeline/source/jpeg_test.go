package source

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"
)

// segment appends a JPEG's segment to b.
func segment(b []byte, marker byte, content ...byte) []byte {
	b = binary.BigEndian.AppendUint16(append(b, 0xFF, marker), uint16(len(content)+2))
	return append(b, content...)
}

// frame begins a JPEG of side x side pixels, side a multiple of 8: quantization by 1, a table of one code for DC that says "no
// change" and one for AC that says "end of block" or, in a progressive JPEG, "none for so many blocks".
func frame(sof byte, side, components int) []byte {
	one := append([]byte{1}, make([]byte, 15)...) // codes by length
	b := segment([]byte{0xFF, 0xD8}, 0xDB, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	b = segment(b, 0xC4, slices.Concat([]byte{0x00}, one, []byte{0})...)
	ac := byte(0)
	if sof == markerSOF2 {
		ac = 0xE0
	}
	b = segment(b, 0xC4, slices.Concat([]byte{0x10}, one, []byte{ac})...)
	if components == 4 {
		b = segment(b, 0xEE, []byte("Adobe\x00\x64\x00\x00\x00\x00\x00")...)
	}
	header := []byte{8, byte(side >> 8), byte(side), byte(side >> 8), byte(side), byte(components)}
	for c := range components {
		header = append(header, byte(c+1), 0x11, 0)
	}
	return segment(b, sof, header...)
}

// wholeScan codes grey once in all components: for a progressive frame its DC coefficients, for a sequential one all of them.
func wholeScan(b []byte, side, components int, progressive bool) []byte {
	header, bits, last := []byte{byte(components)}, 2, byte(63)
	if progressive {
		bits, last = 1, 0
	}
	for c := range components {
		header = append(header, byte(c+1), 0)
	}
	b = segment(b, markerSOS, append(header, 0, last, 0)...)
	return append(b, make([]byte, side/8*side/8*components*bits/8+1)...)
}

// refiningScan goes over all AC coefficients of one component and changes none: runs of 32767 blocks, 15 bits each.
func refiningScan(b []byte, side, component int) []byte {
	b = segment(b, markerSOS, 1, byte(component), 0, 1, 63, 0x10)
	bits := 0
	var last byte
	for range side/8*side/8/32767 + 1 {
		for i := range 15 {
			last <<= 1
			if i > 0 {
				last |= 1
			}
			if bits++; bits%8 != 0 {
				continue
			}
			if b = append(b, last); last == 0xFF {
				b = append(b, 0)
			}
		}
	}
	b = append(b, last<<(7-(bits-1)%8))
	if b[len(b)-1] == 0xFF {
		b = append(b, 0)
	}
	return b
}

// progressive is a grey JPEG that goes over its components passes times.
func progressive(side, components, passes int) []byte {
	b := wholeScan(frame(markerSOF2, side, components), side, components, true)
	for i := range passes - components {
		b = refiningScan(b, side, i%components+1)
	}
	return append(b, 0xFF, markerEOI)
}

// sequential is a grey JPEG with any number of scans of three components.
func sequential(side, scans int) []byte {
	b := frame(0xC0, side, 3)
	for range scans {
		b = wholeScan(b, side, 3, false)
	}
	return append(b, 0xFF, markerEOI)
}

func TestScansAreLimited(t *testing.T) {
	grey := image.NewUniform(color.Gray{128})
	for _, c := range []struct {
		name string
		in   []byte
		ok   bool
	}{
		{"progressive", progressive(16, 3, maxProgressivePasses), true},
		{"progressive, one more", progressive(16, 3, maxProgressivePasses+1), false},
		{"progressive, one component", progressive(16, 1, maxProgressivePasses), true},
		{"progressive, many", progressive(16, 3, 2000), false},
		{"sequential", sequential(16, 1), true},
		{"sequential, twice", sequential(16, 2), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got Image
			err := decodePicture(c.in, &got)
			if c.ok {
				if err != nil {
					t.Fatal(err)
				}
				compare(t, &got, cropped{grey, image.Rect(0, 0, 16, 16)}, 0)
			} else if err == nil || !strings.Contains(err.Error(), "JPEG with too many scans") {
				t.Errorf("error = %v, want one about scans", err)
			}
		})
	}
}

// cropped gives an endless picture bounds.
type cropped struct {
	image.Image
	bounds image.Rectangle
}

func (c cropped) Bounds() image.Rectangle { return c.bounds }

// TestScansCannotHide puts between scans what image/jpeg passes over too.
func TestScansCannotHide(t *testing.T) {
	for name, between := range map[string]string{
		"nothing":         "",
		"strays":          "\x12\x34",
		"stuffed bytes":   "\xff\x00\xff\x00\x01",
		"fill bytes":      "\xff\xff\xff",
		"restart markers": "\xff\xd0\xff\xd7",
		"a segment":       "\xff\xe5\x00\x06\xff\xd9\xff\xda",
		"half a marker":   "\xff\xfe\x00\x03\xff",
	} {
		b := wholeScan(frame(markerSOF2, 16, 3), 16, 3, true)
		for i := range maxProgressivePasses - 3 {
			b = refiningScan(append(b, between...), 16, i%3+1)
		}
		if err := decodePicture(append(b, 0xFF, markerEOI), &Image{}); err != nil {
			t.Errorf("%s: %v", name, err) // so image/jpeg passes over it
		}
		b = append(refiningScan(append(b, between...), 16, 1), 0xFF, markerEOI)
		if err := decodePicture(b, &Image{}); err == nil || !strings.Contains(err.Error(), "too many scans") {
			t.Errorf("%s hides a scan: error = %v", name, err)
		}
	}
}

func TestSegmentsEndWhereTheyMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int
	}{
		{"", 0}, {"\xff", 0}, {"\xff\xd8", 0}, {"\xff\xd8\xff", 0}, {"\xff\xd8\xff\xff", 0}, {"\xff\xd8\xff\xe1\x00", 0},
		{"\xff\xd8\xff\xe1\x00\x01\xff\xe1\x00\x02", 0},         // a size below its own
		{"\xff\xd8\xff\xe1\x00\x02\xff\xe1\x00\x03", 1},         // cut
		{"\xff\xd8\xff\xe1\x00\x02\xff\xd9\xff\xe1\x00\x02", 1}, // after the end
		{"\xff\xd8\xff\xe1\x00\x02\x00\xff\xe1\x00\x02", 2},
	} {
		n := 0
		for range segments([]byte(c.in)) {
			n++
		}
		if n != c.want {
			t.Errorf("%q: %d segments, want %d", c.in, n, c.want)
		}
	}
}

// BenchmarkWorstPicture decodes the largest pictures that are accepted, in the ways that take longest for their few bytes.
func BenchmarkWorstPicture(b *testing.B) {
	const side = 4096 // MaxPixels
	for _, c := range []struct {
		name string
		in   []byte
	}{
		{"sequential", sequential(side, 1)},
		{"progressive", progressive(side, 3, maxProgressivePasses)},
		{"four components", progressive(side, 4, maxProgressivePasses)},
	} {
		b.Run(fmt.Sprintf("%s, %d KB", c.name, len(c.in)/1000), func(b *testing.B) {
			var into Image
			for b.Loop() {
				if err := decodePicture(c.in, &into); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
