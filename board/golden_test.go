package board

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

// What detection says of each tree, in text and JSON, is in testdata/golden.
func TestGolden(t *testing.T) {
	for name, tree := range trees(t) {
		b := Detect(tree)
		var text bytes.Buffer
		if err := b.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		for suffix, got := range map[string]string{".txt": text.String(), ".json": toJSON(t, b)} {
			file := filepath.Join("testdata", "golden", name+suffix)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o640); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Errorf("%v: run go test ./board -update", err)
				continue
			}
			if got != string(want) {
				t.Errorf("%s (run go test ./board -update if it is right): %s", file, difference(got, string(want)))
			}
		}
		for row := range strings.Lines(text.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(row, "\n")); n > textWidth && strings.Contains(strings.TrimSpace(row[labelWidth:]), " ") {
				t.Errorf("%s: a row of %d columns: %s", name, n, row)
			}
		}
	}
}

// Every problem says what to do.
func TestFixes(t *testing.T) {
	for name, tree := range trees(t) {
		data := toJSON(t, Detect(tree))
		if strings.Contains(data, `"fix": ""`) {
			t.Errorf("%s: a problem without a fix", name)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"one two three", []string{"one two", "three"}},
		{"abcdefghijkl m", []string{"abcdefghijkl", "m"}},
		{"aaaa 12" + glue + "°C", []string{"aaaa", "12 °C"}},
		{"1 2 3 4 5 6 7 8 9", []string{"1 2 3 4", "5 6 7", "8 9"}},
	} {
		if got := wrap(test.text, 8); strings.Join(got, "|") != strings.Join(test.want, "|") {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

// maxDetect is what a detection may take on a common machine.
const maxDetect = 50 * time.Millisecond

// best is the least time of a few, which other programs disturb least.
func best(f func()) time.Duration {
	least := time.Hour
	for range 5 {
		start := time.Now()
		f()
		least = min(least, time.Since(start))
	}
	return least
}

func TestDetectTakesLittle(t *testing.T) {
	for name, tree := range trees(t) {
		if took := best(func() { Detect(tree) }); took > slowdown*maxDetect/10 {
			t.Errorf("%s: %v, want at most %v", name, took, slowdown*maxDetect/10)
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	for name, tree := range trees(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Detect(tree)
			}
		})
	}
}
