// Package strictoml decodes TOML documents strictly and tells on which line what is
// wrong stands, also for faults that only show after decoding.
package strictoml

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Error is a fault of a document.
type Error struct {
	Line   int // from 1; 0 if it concerns the whole document
	Reason string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// Decode decodes a document of at most limit bytes into v. A key that v has no
// field for is an error. Every error is an *Error.
func Decode(document []byte, limit int, v any) error {
	if len(document) > limit {
		return &Error{Reason: fmt.Sprintf("%d bytes are more than the limit of %d", len(document), limit)}
	}
	err := toml.NewDecoder(bytes.NewReader(document)).DisallowUnknownFields().Decode(v)
	if err == nil {
		if wrong := wrongBelow(document, reflect.ValueOf(v).Elem(), nil); wrong != nil {
			return wrong
		}
		return nil
	}
	if missing, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(missing.Errors) > 0 {
		line, _ := missing.Errors[0].Position()
		return &Error{line, fmt.Sprintf("unknown key %q", strings.Join(missing.Errors[0].Key(), "."))}
	}
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := wrong.Position()
		reason := fieldNames.ReplaceAllString(strings.TrimPrefix(wrong.Error(), "toml: "), ", want $1")
		if key := strings.Join(wrong.Key(), "."); key != "" {
			reason = key + ": " + reason
		}
		return &Error{line, reason}
	}
	return &Error{Reason: err.Error()}
}

// fieldNames is where go-toml names the Go field that a value does not fit.
var fieldNames = regexp.MustCompile(` into (?:a )?struct field \S+ of type (\S+)`)

// Line returns the line on which a key stands in the index-th table of the given
// path, counted from 0 (a plain table is the only one); that of the table's header
// when the key is not there or empty; that of the whole array when it is written
// inline; 0 when nothing is found.
func Line(document []byte, path []string, index int, key string) int {
	var p unstable.Parser
	p.Reset(document)
	var (
		table []string // header in force
		seen  = -1     // tables of that path so far
		found unstable.Range
	)
	at := func(r unstable.Range) int { return p.Shape(r).Start.Line }
	keyPath := append(slices.Clone(path), key)
	for p.NextExpression() {
		node := p.Expression()
		if node.Kind == unstable.Comment {
			continue
		}
		name, where := keyOf(node)
		if node.Kind == unstable.KeyValue {
			name = append(slices.Clone(table), name...)
		} else {
			table = name
		}
		if node.Kind != unstable.KeyValue && samePath(name, path) {
			seen++
			if seen == index {
				found = where
			}
			continue
		}
		inline := node.Kind == unstable.KeyValue && samePath(name, path)
		if inline || (seen == index || seen < 0 && index == 0) && key != "" && hasPrefix(name, keyPath) {
			return at(where)
		}
	}
	if found.Length == 0 {
		return 0
	}
	return at(found)
}

func hasPrefix(name, prefix []string) bool {
	return len(name) >= len(prefix) && samePath(name[:len(prefix)], prefix)
}

// samePath compares as go-toml finds fields: it ignores case.
func samePath(a, b []string) bool { return slices.EqualFunc(a, b, strings.EqualFold) }

// keyOf returns the parts of an expression's key and where it stands.
func keyOf(node *unstable.Node) (parts []string, where unstable.Range) {
	for it := node.Key(); it.Next(); {
		if parts == nil {
			where = it.Node().Raw
		}
		parts = append(parts, string(it.Node().Data))
	}
	return parts, where
}
