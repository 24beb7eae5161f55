package flat

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
)

var (
	fieldByte   = Field{0, "byte"}
	fieldInt    = Field{1, "int"}
	fieldLong   = Field{2, "long"}
	fieldText   = Field{3, "text"}
	fieldInts   = Field{4, "ints"}
	fieldTables = Field{5, "tables"}
	fieldAbsent = Field{6, "absent"}
	fieldBeyond = Field{70, "beyond"}
)

// sample is a file with each kind of field and two nested tables.
func sample() []byte {
	b := flatbuffers.NewBuilder(0)
	var nested []flatbuffers.UOffsetT
	for i := range 2 {
		b.StartObject(1)
		b.PrependByteSlot(0, byte(i+7), 0)
		nested = append(nested, b.EndObject())
	}
	tables := b.CreateVectorOfTables(nested)
	text := b.CreateString("hello")
	b.StartVector(4, 3, 4)
	for _, v := range []int32{3, -2, 1} {
		b.PrependInt32(v)
	}
	ints := b.EndVector(3)
	b.StartObject(7)
	b.PrependByteSlot(0, 200, 0)
	b.PrependInt32Slot(1, -5, 0)
	b.PrependUint64Slot(2, 1<<40, 0)
	b.PrependUOffsetTSlot(3, text, 0)
	b.PrependUOffsetTSlot(4, ints, 0)
	b.PrependUOffsetTSlot(5, tables, 0)
	b.FinishWithFileIdentifier(b.EndObject(), []byte("TEST"))
	return b.FinishedBytes()
}

func TestRead(t *testing.T) {
	r := NewReader(sample(), "TEST")
	root := r.Root()
	if got := root.Uint8(fieldByte); got != 200 {
		t.Errorf("byte = %d, want 200", got)
	}
	if got := root.Int32(fieldInt, 0); got != -5 {
		t.Errorf("int = %d, want -5", got)
	}
	if got := root.Uint64(fieldLong); got != 1<<40 {
		t.Errorf("long = %d, want 1<<40", got)
	}
	if got := root.String(fieldText); got != "hello" {
		t.Errorf("text = %q, want hello", got)
	}
	if got, want := root.Int32s(fieldInts), []int32{1, -2, 3}; !slices.Equal(got, want) {
		t.Errorf("ints = %v, want %v", got, want)
	}
	tables := root.Tables(fieldTables)
	if len(tables) != 2 || tables[0].Uint8(fieldByte) != 7 || tables[1].Uint8(fieldByte) != 8 {
		t.Errorf("tables = %v", tables)
	}
	if got := root.Int32(fieldAbsent, 42); got != 42 || root.Has(fieldAbsent) {
		t.Errorf("absent = %d, want the default", got)
	}
	if root.Int32s(fieldBeyond) != nil || root.Table(fieldBeyond).Exists() || root.Tables(fieldBeyond) != nil {
		t.Error("a slot beyond the vtable is not absent")
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if got := r.End(); got > len(sample()) || got < len(sample())-8 {
		t.Errorf("End() = %d of %d", got, len(sample()))
	}
}

// readAll touches every field of the sample's schema.
func readAll(data []byte) error {
	r := NewReader(data, "TEST")
	root := r.Root()
	root.Uint8(fieldByte)
	root.Int32(fieldInt, 0)
	root.Uint64(fieldLong)
	_ = root.String(fieldText)
	root.Int32s(fieldInts)
	for _, n := range root.Tables(fieldTables) {
		n.Uint8(fieldByte)
		n.Table(fieldInt)
	}
	return r.Err()
}

func TestTruncated(t *testing.T) {
	data := sample()
	for n := range len(data) - 3 { // the last bytes may be padding
		err := readAll(data[:n])
		var fault *Error
		if n < len(data)-8 && !errors.As(err, &fault) {
			t.Errorf("first %d of %d bytes: error %v, want *Error", n, len(data), err)
		}
	}
}

func TestFaults(t *testing.T) {
	data := sample()
	root := int(binary.LittleEndian.Uint32(data))
	vtable := root - int(int32(binary.LittleEndian.Uint32(data[root:])))
	put32 := func(at int, v uint32) func([]byte) {
		return func(b []byte) { binary.LittleEndian.PutUint32(b[at:], v) }
	}
	put16 := func(at int, v uint16) func([]byte) {
		return func(b []byte) { binary.LittleEndian.PutUint16(b[at:], v) }
	}
	slot := func(f Field) int { return root + int(binary.LittleEndian.Uint16(data[vtable+4+2*f.Slot:])) }
	ints := slot(fieldInts) + int(binary.LittleEndian.Uint32(data[slot(fieldInts):]))
	for _, test := range []struct {
		name   string
		change func([]byte)
		want   string
	}{
		{"identifier", func(b []byte) { b[4] = 'X' }, "identifier"},
		{"root outside", put32(0, 1<<31), "root"},
		{"vtable before the file", put32(root, 1<<20), "root"},
		{"vtable behind the file", put32(root, 0x80000000), "root"},
		{"vtable too short", put16(vtable, 2), "vtable"},
		{"vtable odd", put16(vtable, 7), "vtable"},
		{"vtable too long", put16(vtable, 0xfffe), "root"},
		{"table too small", put16(vtable+2, 3), "vtable"},
		{"field over the soffset", put16(vtable+4, 2), "byte"},
		{"field behind the file", put16(vtable+6, 0x4000), "int"},
		{"string outside", put32(slot(fieldText), 1<<30), "text"},
		{"vector outside", put32(slot(fieldInts), 0xffffffff), "ints"},
		{"vector longer than the file", put32(ints, 1<<30), "ints"},
		{"vector length overflows", put32(ints, 0xffffffff), "ints"},
	} {
		b := slices.Clone(data)
		test.change(b)
		if err := readAll(b); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

// TestBudget: a small file of offsets that share one target must not be worth more
// than a few times its length.
func TestBudget(t *testing.T) {
	const n = 20000
	b := flatbuffers.NewBuilder(0)
	text := b.CreateString(strings.Repeat("x", 1000))
	b.StartObject(4)
	b.PrependUOffsetTSlot(3, text, 0)
	table := b.EndObject()
	b.StartVector(4, n, 4)
	for range n {
		b.PrependUOffsetT(table)
	}
	tables := b.EndVector(n)
	b.StartObject(7)
	b.PrependUOffsetTSlot(5, tables, 0)
	b.FinishWithFileIdentifier(b.EndObject(), []byte("TEST"))

	r := NewReader(b.FinishedBytes(), "TEST")
	for _, table := range r.Root().Tables(fieldTables) {
		_ = table.String(fieldText)
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "shared") {
		t.Errorf("error %v, want one on sharing", err)
	}
}

func TestRange(t *testing.T) {
	data := sample()
	n := uint64(len(data))
	for _, test := range []struct {
		offset, size uint64
		ok           bool
	}{{0, n, true}, {n, 0, true}, {8, 4, true}, {n, 1, false}, {1, n, false}, {1 << 63, 1 << 63, false}, {^uint64(0), 1, false}, {1, ^uint64(0), false}} {
		r := NewReader(data, "TEST")
		got := r.Range(test.offset, test.size, "large")
		if ok := r.Err() == nil && uint64(len(got)) == test.size; ok != test.ok {
			t.Errorf("Range(%d, %d): %d bytes, error %v", test.offset, test.size, len(got), r.Err())
		}
	}
}

// TestErrorSticks: after a fault nothing more is read.
func TestErrorSticks(t *testing.T) {
	r := NewReader(sample(), "TEST")
	root := r.Root()
	r.Range(1<<40, 1, "first fault")
	if got := root.String(fieldText); got != "" {
		t.Errorf("text after a fault = %q", got)
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "first fault") {
		t.Errorf("error %v, want the first fault", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(sample())
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := readAll(data); err != nil && err.Error() == "" {
			t.Error("empty error")
		}
	})
}
