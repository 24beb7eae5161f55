package model

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"atoll/model/flat"
)

// Options are the settings of a builtin operator: one table of the schema's
// BuiltinOptions unions. The zero Options are none.
//
// Fields are kept as the bytes of the file and by slot, so that what is not
// understood is written back as it was.
type Options struct {
	Kind   OptionsKind
	Fields [][]byte // nil is absent; a scalar's bytes, or the elements of a vector
}

// OptionsKind is the member of the schema's BuiltinOptions union, plus
// secondUnion for a member of BuiltinOptions2.
type OptionsKind uint16

const secondUnion OptionsKind = 256

// optionField describes one field of an options table.
type optionField struct {
	flat.Field
	size   int // of the scalar or the vector's element
	vector bool
	zero   int64 // the schema's default
}

// optionTable describes one options table.
type optionTable struct {
	name   string
	fields []optionField
}

// optionTables parses optionSchema once.
var optionTables = sync.OnceValue(func() map[OptionsKind]optionTable {
	tables := make(map[OptionsKind]optionTable)
	for union, text := range []string{optionSchema, optionSchema2} {
		for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
			kind := OptionsKind(union)*secondUnion + OptionsKind(i) + 1
			words := strings.Fields(line)
			table := optionTable{name: words[0]}
			for slot, word := range words[1:] {
				table.fields = append(table.fields, parseOptionField(slot, word))
			}
			tables[kind] = table
		}
	}
	return tables
})

// optionSizes are the letters of the option schema; upper case is a vector.
var optionSizes = map[byte]int{'b': 1, 'i': 4, 'f': 4, 'l': 8}

// parseOptionField reads name:letter or name:letter=default.
func parseOptionField(slot int, word string) optionField {
	name, rest, _ := strings.Cut(word, ":")
	letter, zero, _ := strings.Cut(rest, "=")
	lower := letter[0] | 0x20
	f := optionField{Field: flat.Field{Slot: slot, Name: name}, size: optionSizes[lower], vector: lower != letter[0]}
	f.zero, _ = strconv.ParseInt(zero, 10, 64)
	return f
}

// String returns the schema's name of the table, such as "Conv2DOptions".
func (k OptionsKind) String() string {
	if t, ok := optionTables()[k]; ok {
		return t.name
	}
	return fmt.Sprintf("options %d", uint16(k))
}

// check wants fields of the size that the schema gives them.
func (o Options) check() error {
	fields := optionTables()[o.Kind].fields
	if len(o.Fields) > len(fields) {
		return fmt.Errorf("%v has %d fields, the schema %d", o.Kind, len(o.Fields), len(fields))
	}
	for i, b := range o.Fields {
		f := fields[i]
		if b != nil && (len(b)%f.size != 0 || !f.vector && len(b) != f.size) {
			return fmt.Errorf("%v: %s has %d bytes", o.Kind, f.Name, len(b))
		}
	}
	return nil
}

// field finds a field by name.
func (o Options) field(name string) (optionField, []byte, bool) {
	for _, f := range optionTables()[o.Kind].fields {
		if f.Name != name {
			continue
		}
		if f.Slot < len(o.Fields) {
			return f, o.Fields[f.Slot], true
		}
		return f, nil, true
	}
	return optionField{}, nil, false
}

// Int returns an integer, enum or bool option by its name in the schema, or the
// schema's default where the file leaves it out. Names that the table doesn't have
// give 0.
func (o Options) Int(name string) int64 {
	f, b, ok := o.field(name)
	switch {
	case !ok || f.vector:
		return 0
	case b == nil:
		return f.zero
	}
	return integer(b)
}

// Ints returns the elements of a vector of integers by its name in the schema, nil
// where the file leaves it out or the table has no such vector.
func (o Options) Ints(name string) (list []int64) {
	f, b, _ := o.field(name)
	if !f.vector {
		return nil
	}
	for ; len(b) >= f.size; b = b[f.size:] {
		list = append(list, integer(b[:f.size]))
	}
	return list
}

// integer reads a number of 1, 4 or 8 bytes.
func integer(b []byte) int64 {
	switch len(b) {
	case 1:
		return int64(int8(b[0]))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return int64(binary.LittleEndian.Uint64(b))
}

// With returns a copy with one integer, enum or bool option set. It panics if the table
// has no such field: names are constants in the program.
func (o Options) With(name string, v int64) Options {
	f, _, ok := o.field(name)
	if !ok || f.vector {
		panic(fmt.Sprintf("model: %v has no scalar %s", o.Kind, name))
	}
	fields := make([][]byte, len(optionTables()[o.Kind].fields))
	copy(fields, o.Fields)
	fields[f.Slot] = binary.LittleEndian.AppendUint64(nil, uint64(v))[:f.size:f.size]
	return Options{Kind: o.Kind, Fields: fields}
}

// NewOptions returns the table of that name with integer fields set. It panics if
// the schema has no such table or field: names are constants in the program.
func NewOptions(table string, values map[string]int64) Options {
	for kind, t := range optionTables() {
		if t.name != table {
			continue
		}
		o := Options{Kind: kind, Fields: make([][]byte, len(t.fields))}
		for name, v := range values {
			o = o.With(name, v)
		}
		return o
	}
	panic("model: no options table " + table)
}
