package board

import (
	"fmt"
	"testing"
)

func TestParseFiles(t *testing.T) {
	for _, test := range []struct{ archive, want string }{
		{"", "[]"},
		{"comment\n", "[]"},
		{"-- --", "[]"},
		{"--  --\n", "[]"},
		{"--a--\n", "[]"},
		{" -- a --\n", "[]"},
		{"-- a --", "[{a }]"},
		{"c\n-- a --\nx\ny", "[{a x\ny\n}]"},
		{"-- a --\r\nx\r\n-- b c --\n\n", "[{a x\r\n} {b c \n}]"},
		{"-- a --\n--\n-- \n-- b --\n", "[{a --\n-- \n} {b }]"},
	} {
		type file struct{ name, data string }
		files := []file{}
		for _, f := range parseFiles([]byte(test.archive)) {
			files = append(files, file{f.name, string(f.data)})
		}
		if got := fmt.Sprint(files); got != test.want {
			t.Errorf("%q: got %q, want %q", test.archive, got, test.want)
		}
	}
}
