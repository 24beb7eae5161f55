// Package flat reads FlatBuffers of any schema from files that may be hostile.
//
// Generated FlatBuffers code trusts its input and panics on a bad offset. This
// reader checks every offset and length against the file. It also charges what it
// hands out against a budget proportional to the file's length, because offsets
// may share a target: without it, a megabyte of offsets to one half-megabyte
// string would ask for 60 gigabytes.
//
// A schema is a set of [Field] values, one for each slot of a table that is of
// interest. The first fault sticks: from then on every accessor returns a zero
// value, and [Reader.Err] tells what was wrong and where. The layout is that of
// the FlatBuffers internals document: little-endian, a table starts with a signed
// offset back to its vtable, and all other offsets are unsigned and point forward.
package flat

import (
	"encoding/binary"
	"fmt"
)

// Field is one slot of a table in a schema. Name appears in errors.
type Field struct {
	Slot int
	Name string
}

const (
	// budgetFactor times the file's length is what a reader may hand out. A file
	// written by a serializer needs less than 4: only vtables are shared, and
	// tables smaller than tableCost always come with vectors or strings.
	budgetFactor = 4
	budgetBase   = 1 << 12
	// tableCost is the least that one table costs. It covers the Go value that a
	// caller builds for it.
	tableCost = 64
)

// Reader gives access to one file. The zero value is not usable; call [NewReader].
type Reader struct {
	data   []byte
	budget int64
	end    int
	err    error
}

// NewReader returns a reader of data, which must not change while it is in use.
// The identifier is the four bytes that the schema puts after the root offset;
// an empty one is not checked.
func NewReader(data []byte, identifier string) *Reader {
	r := &Reader{data: data, budget: budgetFactor*int64(len(data)) + budgetBase}
	switch {
	case len(data) < 8:
		r.fail(0, "file", "%d bytes are too few for a FlatBuffer", len(data))
	case identifier != "" && string(data[4:8]) != identifier:
		r.fail(4, "identifier", "%q, want %q", data[4:8], identifier)
	}
	return r
}

// Err returns the first fault, or nil.
func (r *Reader) Err() error { return r.err }

// End returns how far the parts that have been read reach into the file. Behind the
// end of a whole FlatBuffer other data may follow.
func (r *Reader) End() int { return r.end }

// Root returns the root table.
func (r *Reader) Root() Table {
	if r.err != nil {
		return Table{}
	}
	return r.table(0, "root")
}

// Range returns size bytes from offset on. It is for schemas that keep large data
// behind the FlatBuffer and refer to it by offsets from the start of the file.
func (r *Reader) Range(offset, size uint64, name string) []byte {
	if r.err != nil {
		return nil
	}
	if n := uint64(len(r.data)); offset > n || size > n-offset {
		r.fail(0, name, "%d bytes at %d lie outside the file of %d bytes", size, offset, n)
		return nil
	}
	if !r.charge(int(offset), int64(size), name) {
		return nil
	}
	r.end = max(r.end, int(offset+size))
	return r.data[offset : offset+size : offset+size]
}

// fail records the first fault.
func (r *Reader) fail(pos int, name, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: pos, Field: name, Reason: fmt.Sprintf(format, args...)}
	}
}

// Error is a fault in a file.
type Error struct {
	Offset int    // where in the file
	Field  string // the name of the Field that was read
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("byte %d, %s: %s", e.Offset, e.Field, e.Reason)
}

// affords reports whether n is left of the budget, and fails if not.
func (r *Reader) affords(pos int, n int64, name string) bool {
	if n > r.budget {
		r.fail(pos, name, "parts of the file are shared so often that they add up to more than %d times its length", budgetFactor)
		return false
	}
	return true
}

// charge takes n from the budget. It reports false when too little is left.
func (r *Reader) charge(pos int, n int64, name string) bool {
	if !r.affords(pos, n, name) {
		return false
	}
	r.budget -= n
	return true
}

// has reports whether n bytes at pos lie in the file, and fails if not.
func (r *Reader) has(pos, n int, name string) bool {
	if r.err != nil {
		return false
	}
	if pos < 0 || n < 0 || pos > len(r.data)-n {
		r.fail(pos, name, "%d bytes needed, the file ends at %d", n, len(r.data))
		return false
	}
	r.end = max(r.end, pos+n)
	return true
}

func (r *Reader) uint16(pos int) int { return int(binary.LittleEndian.Uint16(r.data[pos:])) }
func (r *Reader) uint32(pos int) int { return int(binary.LittleEndian.Uint32(r.data[pos:])) }

// follow returns where the offset at pos points to, or a negative number.
func (r *Reader) follow(pos int, name string) int {
	if !r.has(pos, 4, name) {
		return -1
	}
	target := pos + r.uint32(pos)
	if !r.has(target, 4, name) {
		return -1
	}
	return target
}

// table follows the offset at pos to a table and checks its vtable.
func (r *Reader) table(pos int, name string) Table {
	at := r.follow(pos, name)
	if at < 0 {
		return Table{}
	}
	vtable := at - int(int32(r.uint32(at)))
	if !r.has(vtable, 4, name) {
		return Table{}
	}
	vlen, size := r.uint16(vtable), r.uint16(vtable+2)
	if vlen < 4 || vlen%2 != 0 || size < 4 {
		r.fail(vtable, name, "vtable of %d bytes for a table of %d", vlen, size)
		return Table{}
	}
	if !r.has(vtable, vlen, name) {
		return Table{}
	}
	if !r.charge(at, int64(max(tableCost, vlen+size)), name) {
		return Table{}
	}
	return Table{r: r, at: at, vtable: vtable, slots: (vlen - 4) / 2}
}
