package strictoml

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Duration is a time.Duration written as a string such as "300ms". A bare number,
// which has no unit, is an error.
type Duration struct {
	time.Duration
	wrong string // the text, when it is no duration
}

// UnmarshalText implements encoding.TextUnmarshaler. What is wrong comes out in
// Decode, which can name the key: of an error from here go-toml drops the line
// unless the value is a string.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		*d = Duration{wrong: string(text)}
		return nil
	}
	*d = Duration{Duration: v}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// wrongDuration looks for one below v, a struct that was decoded from the
// index-th table of the given path, and says where it stands.
func wrongDuration(document []byte, v reflect.Value, path []string, index int) *Error {
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		if !field.IsExported() {
			continue // no key of any document
		}
		key, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
		if d, ok := value.Interface().(Duration); ok {
			if d.wrong == "" {
				continue
			}
			return &Error{
				Line:   Line(document, path, index, key),
				Reason: fmt.Sprintf("%s: %.40q is not a duration: write a number and a unit, like \"500ms\" or \"2s\"", key, d.wrong),
			}
		}
		below := append(append([]string(nil), path...), key)
		if field.Anonymous {
			below = path
		}
		if err := wrongBelow(document, value, below); err != nil {
			return err
		}
	}
	return nil
}

func wrongBelow(document []byte, value reflect.Value, path []string) *Error {
	switch {
	case value.Kind() == reflect.Struct:
		return wrongDuration(document, value, path, 0)
	case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct:
		for i := range value.Len() {
			if err := wrongDuration(document, value.Index(i), path, i); err != nil {
				return err
			}
		}
	}
	return nil
}
