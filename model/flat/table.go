package flat

import (
	"encoding/binary"
	"math"
)

// Table is one table of a file. The zero Table has no fields.
type Table struct {
	r      *Reader
	at     int // of the table
	vtable int
	slots  int
}

// Exists reports whether the table was there.
func (t Table) Exists() bool { return t.r != nil }

// Slots returns the number of slots in the table's vtable. Slots from there on are
// absent; slots below it may be.
func (t Table) Slots() int { return t.slots }

// Has reports whether the table stores the field.
func (t Table) Has(f Field) bool { return t.field(f, 0) >= 0 }

// field returns the position of a field of n bytes, negative if it is absent or
// bad. It may reach beyond the table's size in the vtable: the Go builder shares
// vtables between tables of different sizes.
func (t Table) field(f Field, n int) int {
	if t.r == nil || t.r.err != nil || f.Slot >= t.slots {
		return -1
	}
	offset := t.r.uint16(t.vtable + 4 + 2*f.Slot)
	if offset == 0 {
		return -1
	}
	if offset < 4 {
		t.r.fail(t.at, f.Name, "offset %d lies in the table's head", offset)
		return -1
	}
	if !t.r.has(t.at+offset, n, f.Name) {
		return -1
	}
	return t.at + offset
}

// Scalar returns the n little-endian bytes of a scalar field, nil if it is absent.
func (t Table) Scalar(f Field, n int) []byte {
	pos := t.field(f, n)
	if pos < 0 {
		return nil
	}
	return t.r.data[pos : pos+n : pos+n]
}

// Bool returns a bool field, false if it is absent.
func (t Table) Bool(f Field) bool { return t.Uint8(f) != 0 }

// Uint8 returns a ubyte field, 0 if it is absent.
func (t Table) Uint8(f Field) uint8 {
	if b := t.Scalar(f, 1); b != nil {
		return b[0]
	}
	return 0
}

// Int32 returns an int field, def if it is absent.
func (t Table) Int32(f Field, def int32) int32 {
	if b := t.Scalar(f, 4); b != nil {
		return int32(binary.LittleEndian.Uint32(b))
	}
	return def
}

// Uint32 returns a uint field, 0 if it is absent.
func (t Table) Uint32(f Field) uint32 { return uint32(t.Int32(f, 0)) }

// Uint64 returns a ulong field, 0 if it is absent.
func (t Table) Uint64(f Field) uint64 {
	if b := t.Scalar(f, 8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Table returns a nested table. It does not exist if the field is absent.
func (t Table) Table(f Field) Table {
	pos := t.field(f, 4)
	if pos < 0 {
		return Table{}
	}
	return t.r.table(pos, f.Name)
}

// Tables returns a vector of tables, nil if it is absent.
func (t Table) Tables(f Field) []Table {
	start, n := t.vector(f, 4)
	if n < 0 || !t.r.affords(start, int64(n)*tableCost, f.Name) {
		return nil
	}
	v := make([]Table, n)
	for i := range v {
		v[i] = t.r.table(start+4*i, f.Name)
		if t.r.err != nil {
			return nil
		}
	}
	return v
}

// Vector returns the bytes of a vector of scalars of the given size, nil if it is
// absent. They are part of the file, not a copy.
func (t Table) Vector(f Field, size int) []byte {
	start, n := t.vector(f, size)
	if n < 0 {
		return nil
	}
	end := start + n*size
	return t.r.data[start:end:end]
}

// String returns a string, empty if it is absent.
func (t Table) String(f Field) string { return string(t.Vector(f, 1)) }

// Int32s returns a vector of ints, nil if it is absent.
func (t Table) Int32s(f Field) []int32 {
	return decode(t.Vector(f, 4), 4, func(b []byte) int32 { return int32(binary.LittleEndian.Uint32(b)) })
}

// Uint16s returns a vector of ushorts, nil if it is absent.
func (t Table) Uint16s(f Field) []uint16 {
	return decode(t.Vector(f, 2), 2, binary.LittleEndian.Uint16)
}

// Int64s returns a vector of longs, nil if it is absent.
func (t Table) Int64s(f Field) []int64 {
	return decode(t.Vector(f, 8), 8, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
}

// Float32s returns a vector of floats, nil if it is absent.
func (t Table) Float32s(f Field) []float32 {
	return decode(t.Vector(f, 4), 4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) })
}

// Bools returns a vector of bools, nil if it is absent.
func (t Table) Bools(f Field) []bool {
	return decode(t.Vector(f, 1), 1, func(b []byte) bool { return b[0] != 0 })
}

// decode makes a slice of the elements in b, nil for nil.
func decode[T any](b []byte, size int, element func([]byte) T) []T {
	if b == nil {
		return nil
	}
	v := make([]T, len(b)/size)
	for i := range v {
		v[i] = element(b[i*size:])
	}
	return v
}

// vector returns the start and length of a vector; the length is negative if it
// is absent or bad.
func (t Table) vector(f Field, size int) (start, n int) {
	pos := t.field(f, 4)
	if pos < 0 {
		return 0, -1
	}
	at := t.r.follow(pos, f.Name)
	if at < 0 {
		return 0, -1
	}
	n = t.r.uint32(at)
	if n > len(t.r.data)/size {
		t.r.fail(at, f.Name, "vector of %d elements in a file of %d bytes", n, len(t.r.data))
		return 0, -1
	}
	if !t.r.has(at+4, n*size, f.Name) || !t.r.charge(at, int64(n)*int64(size)+4, f.Name) {
		return 0, -1
	}
	return at + 4, n
}
