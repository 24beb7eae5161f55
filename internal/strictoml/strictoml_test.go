package strictoml

import (
	"errors"
	"strings"
	"testing"
)

const document = `# comment
[engine]
threads = 2

[[source]]
name = "a"

[[source]]
  kind = "x"
  "Path" = "y"
other.deep = 1
`

func TestLine(t *testing.T) {
	for _, c := range []struct {
		path  string
		index int
		key   string
		want  int
	}{
		{"engine", 0, "threads", 3},
		{"engine", 0, "deadline", 2},
		{"engine", 0, "", 2},
		{"source", 0, "name", 6},
		{"source", 1, "kind", 9},
		{"source", 1, "path", 10},
		{"source", 1, "name", 8},
		{"source", 1, "other", 11},
		{"source", 2, "name", 0},
		{"nothing", 0, "x", 0},
	} {
		if got := Line([]byte(document), []string{c.path}, c.index, c.key); got != c.want {
			t.Errorf("Line(%s, %d, %s) = %d; want %d", c.path, c.index, c.key, got, c.want)
		}
	}
	if got := Line([]byte("\nengine.threads = 0"), []string{"engine"}, 0, "threads"); got != 2 {
		t.Errorf("dotted key: line %d, want 2", got)
	}
	if got := Line([]byte("\nsource = [{name = 1}]"), []string{"source"}, 0, "name"); got != 2 {
		t.Errorf("inline array: line %d, want 2", got)
	}
}

func TestDecode(t *testing.T) {
	type config struct {
		A int `toml:"a"`
	}
	var v config
	if err := Decode([]byte("a = 7"), 100, &v); err != nil || v.A != 7 {
		t.Errorf("got %+v, %v; want 7", v, err)
	}
	for text, want := range map[string]string{
		"\nb = 1":                 `line 2: unknown key "b"`,
		"a = 1\na = 2":            "line 2: ",
		"\n\na = 'x'":             "line 3: a: ",
		"[":                       "line 1: ",
		strings.Repeat("#", 1000): "1000 bytes are more than the limit of 100",
	} {
		err := Decode([]byte(text), 100, &v)
		if _, ok := errors.AsType[*Error](err); !ok || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Decode(%.20q): %v; want %s", text, err, want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte(document), "source", 1, "kind")
	f.Fuzz(func(t *testing.T, document []byte, path string, index int, key string) {
		line := Line(document, []string{path}, index, key)
		if lines := strings.Count(string(document), "\n") + 1; line < 0 || line > lines {
			t.Errorf("line %d of %d", line, lines)
		}
		var v map[string]any
		Decode(document, 1<<20, &v)
	})
}
