package npy

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

// file makes a file of a header and values of zeros.
func file(major byte, dictionary string, bytes int) string {
	b := []byte(magic + string(major) + "\x00")
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(dictionary)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dictionary)))
	}
	return string(b) + dictionary + strings.Repeat("\x00", bytes)
}

func dictionary(descr, fortran, shape string) string {
	return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }          \n"
}

func open(s string) (*Array, error) { return New(strings.NewReader(s), int64(len(s))) }

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		shape      []int
	}{
		{"two dimensions", file(1, dictionary("<f4", "False", "(2, 3)"), 24), []int{2, 3}},
		{"one", file(1, dictionary("<f8", "False", "(3,)"), 24), []int{3}},
		{"a number", file(1, dictionary("<f4", "False", "()"), 4), nil},
		{"format 2", file(2, dictionary("<f4", "False", "(1, 1)"), 4), []int{1, 1}},
		{"format 3", file(3, dictionary("<f8", "False", "(1,)"), 8), []int{1}},
		{"other order, other quotes", file(1, `{"shape":(2L,1L),"fortran_order":False,"descr":"<f4"}`, 8), []int{2, 1}},
	} {
		a, err := open(tt.file)
		if err != nil || !slices.Equal(a.Shape, tt.shape) {
			t.Errorf("%s: %+v, %v, want shape %v", tt.name, a, err, tt.shape)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := dictionary("<f4", "False", "(2, 3)")
	for _, tt := range []struct{ name, file, want string }{
		{"nothing", "", "not a NumPy file"},
		{"text", "hello, world, how are you", "not a NumPy file"},
		{"magic alone", magic + "\x01\x00", "not a NumPy file"},
		{"header cut", magic + "\x01\x00\xff\xff  ", "truncated"},
		{"huge header", magic + "\x02\x00\xff\xff\xff\xff", "at most 65536"},
		{"format 9", file(9, good, 24), "format 9.0"},
		{"no dictionary", file(1, "[]", 0), "want {"},
		{"endless dictionary", file(1, "{'descr': '<f4',", 0), "in quotes"},
		{"open quote", file(1, "{'descr", 0), "in quotes"},
		{"no colon", file(1, "{'descr' '<f4'}", 0), "want :"},
		{"no comma", file(1, "{'descr': '<f4' 'shape': ()}", 0), "want , or }"},
		{"twice", file(1, "{'descr': '<f4', 'descr': '<f4'}", 0), "twice"},
		{"missing", file(1, "{'descr': '<f4'}", 4), "missing"},
		{"unknown key", file(1, "{'title': '<f4'}", 4), "unknown key"},
		{"more behind", file(1, "{} x", 4), "the end"},
		{"structured", file(1, "{'descr': [('a', '<f4')]}", 4), "structured"},
		{"neither true nor false", file(1, dictionary("<f4", "0", "(1,)"), 4), "True or False"},
		{"no shape", file(1, dictionary("<f4", "False", "3"), 4), "want ("},
		{"negative", file(1, dictionary("<f4", "False", "(-1,)"), 4), "a length"},
		{"fraction", file(1, dictionary("<f4", "False", "(1.5,)"), 4), "want , or )"},
		{"overflow of a length", file(1, dictionary("<f4", "False", "(99999999999999999999,)"), 4), "a length"},
		{"overflow of the product", file(1, dictionary("<f8", "False", "(2305843009213693952, 8)"), 0), "more than the 0 values"},
		{"many dimensions", file(1, dictionary("<f4", "False", "("+strings.Repeat("1,", 33)+")"), 4), "32 dimensions"},
		{"empty", file(1, dictionary("<f4", "False", "(0, 2305843009213693952)"), 0), "no values"},
		{"too few", file(1, good, 20), "more than the 5 values"},
		{"too many", file(1, good, 28), "bytes of file"},
		{"integers", file(1, dictionary("<i8", "False", "(1,)"), 8), `"<i8"`},
		{"big-endian", file(1, dictionary(">f4", "False", "(1,)"), 4), "astype"},
		{"Fortran", file(1, dictionary("<f4", "True", "(2, 3)"), 24), "ascontiguousarray"},
	} {
		if _, err := open(tt.file); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestRead(t *testing.T) {
	const n = 20_000 // more than one block
	for _, descr := range []string{"<f4", "<f8"} {
		b := []byte(file(1, dictionary(descr, "False", "(2, 10000)"), 0))
		for i := range n {
			if descr == "<f4" {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(i)/2))
			} else {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(i)/2))
			}
		}
		a, err := New(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, n-5)
		if err := a.Read(got, 5); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if v != float64(i+5)/2 {
				t.Fatalf("%s: value %d is %v", descr, i+5, v)
			}
		}
		for _, first := range []int{-1, 6, n + 1, math.MaxInt} {
			if err := a.Read(got, first); err == nil {
				t.Errorf("%s: read %d values from %d on", descr, len(got), first)
			}
		}
	}
}

// A file that shrinks after it was opened is an error, not zeros.
func TestReadOfACutFile(t *testing.T) {
	whole := file(1, dictionary("<f4", "False", "(4,)"), 16)
	a, err := New(strings.NewReader(whole[:len(whole)-4]), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Read(make([]float64, 4), 0); err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("%v, want EOF", err)
	}
}

func FuzzNew(f *testing.F) {
	f.Add([]byte(file(1, dictionary("<f4", "False", "(2, 3)"), 24)))
	f.Add([]byte(file(2, dictionary("<f8", "False", "(3,)"), 24)))
	f.Add([]byte(file(3, `{"shape":(2L,1L),"fortran_order":False,"descr":"<f4"}`, 8)))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := New(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		product := 1
		for _, d := range a.Shape {
			product *= d
		}
		if product != a.Len() || 4*a.Len() > len(data) {
			t.Fatalf("shape %v, %d values in %d bytes", a.Shape, a.Len(), len(data))
		}
		if err := a.Read(make([]float64, a.Len()), 0); err != nil {
			t.Fatal(err)
		}
	})
}
