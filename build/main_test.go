package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"atoll/build/internal/command"
	"atoll/build/internal/progress"
	"atoll/build/internal/recipe"
)

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{"nonsense"}, {"tflite", "extra"}, {"tflite", "--nonsense"}, {"tflite", "--arch", "mips"}, {"exec"}, {"exec", "--arch"},
		{"models", "extra"}, {"data", "extra"}, {"env", "extra"}, {"deps", "extra"}, {"atoll", "extra"}, {"check", "extra"},
		{"demo", "extra"}, {"fuzz", "extra"}, {"licences", "extra"},
		{"instructions"}, {"instructions", "--json"}, {"instructions", "--nonsense", "go.mod"}, {"stock"}, {"stock", "--json"},
	} {
		var usage usageError
		if err := run(t.Context(), args); !errors.As(err, &usage) {
			t.Errorf("run(%q) = %v; want wrong usage", args, err)
		}
	}
	for _, v := range verbs() {
		if !strings.Contains(help(), "  "+v.name+" ") {
			t.Errorf("help does not list %s", v.name)
		}
	}
}

func TestCheckout(t *testing.T) {
	root, err := checkout()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "build", "main_test.go")); err != nil {
		t.Errorf("checkout() = %q, which does not hold this file", root)
	}
	t.Chdir(t.TempDir())
	if root, err := checkout(); err == nil {
		t.Errorf("checkout() = %q outside of one", root)
	}
}

func TestCgo(t *testing.T) {
	native := cgo(recipe.Toolchain{Arch: "amd64"}, "/cache/t")
	for _, want := range []string{
		"CGO_ENABLED=1", "GOARCH=amd64", "CGO_CFLAGS=-O2 -I/cache/t/include",
		"CGO_LDFLAGS=-L/cache/t/lib -Wl,--start-group -ltensorflowlite_c -Wl,--end-group -lstdc++ -lm -lpthread",
	} {
		if !slices.Contains(native, want) {
			t.Errorf("%q lacks %q", native, want)
		}
	}
	if slices.ContainsFunc(native, func(v string) bool { return strings.HasPrefix(v, "CC=") }) {
		t.Error("a compiler is set for this machine itself")
	}
	if !slices.Contains(cgo(recipe.Toolchain{Arch: "arm64", Prefix: "aarch64-linux-gnu-"}, "/t"), "CC=aarch64-linux-gnu-gcc") {
		t.Error("no cross compiler for arm64")
	}
}

func TestQuote(t *testing.T) {
	for _, s := range []string{"", "a b", "it's", `$HOME "x" \ *`, "two\nlines"} {
		got, err := exec.Command("sh", "-c", "printf %s "+quote(s)).Output()
		if string(got) != s || err != nil {
			t.Errorf("a shell reads %s as %q, %v; want %q", quote(s), got, err, s)
		}
	}
}

func TestExitStatus(t *testing.T) {
	err := interactive(t.Context(), []string{"sh", "-c", "exit 3"}, nil)
	var exit exitError
	if !errors.As(err, &exit) || exit != 3 {
		t.Errorf("interactive = %v; want exit status 3", err)
	}
	if err := interactive(t.Context(), []string{"true"}, nil); err != nil {
		t.Errorf("interactive(true) = %v", err)
	}
	if err := interactive(t.Context(), []string{"/no/such/program"}, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("interactive = %v; want that there is no such program", err)
	}
}

func TestWrite(t *testing.T) {
	var out strings.Builder
	b := &builder{root: t.TempDir(), report: progress.New(&out, false, false, time.Now)}
	files := []file{{"a", []byte("1")}, {"sub/b", []byte("2")}}
	for range 2 {
		if err := b.write(filepath.Join(b.root, "models"), files); err != nil {
			t.Fatal(err)
		}
	}
	if want := "wrote models/a\nwrote models/sub/b\n"; out.String() != want {
		t.Errorf("wrote %q; want %q, once", out.String(), want)
	}
	files[0].data = []byte("3")
	if err := b.write(filepath.Join(b.root, "models"), files); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(b.root, "models", "a")); string(got) != "3" {
		t.Errorf("a changed file holds %q; want 3", got)
	}
	if err := os.MkdirAll(filepath.Join(b.root, "models", "c"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := b.write(filepath.Join(b.root, "models"), []file{{"c", nil}}); err == nil {
		t.Error("a folder in the way is no error")
	}
}

func TestCheckSums(t *testing.T) {
	const manifest = `version = 1
[[variant]]
modality = "text"
name = "f32"
file = "%s"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
precision = "f32"
baseline = true
licence = "MIT"
source = "here"
[[variant.input]]
name = "x"
type = "float32"
shape = [1]
[[variant.output]]
name = "y"
type = "float32"
shape = [1]
`
	files := []file{{"empty.tflite", nil}, {"other.tflite", []byte("x")}}
	if err := checkSums(fmt.Appendf(nil, manifest, "empty.tflite"), files); err != nil {
		t.Errorf("the right sum: %v", err)
	}
	for name, want := range map[string]string{
		"other.tflite": "has SHA-256 2d71",
		"none.tflite":  "nothing makes",
	} {
		if err := checkSums(fmt.Appendf(nil, manifest, name), files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", name, err, want)
		}
	}
}

func TestSentences(t *testing.T) {
	for _, c := range []struct{ labelled, want string }{
		{`[{"text": " Good \n film ", "class": 1}, {"class": null}, {"text": "Bad", "class": 0}, {"text": "b", "class": 1}, {"text": "c", "class": 1}]`,
			"Bad\nGood film\nb\n"},
		{`[]`, ""},
	} {
		if got, err := sentences([]byte(c.labelled), 2); got != c.want || err != nil {
			t.Errorf("sentences(%s) = %q, %v; want %q", c.labelled, got, err, c.want)
		}
	}
	var syntax *json.SyntaxError
	if _, err := sentences([]byte("["), 2); !errors.As(err, &syntax) {
		t.Errorf("sentences of broken JSON: %v", err)
	}
}

func TestParseFuzzList(t *testing.T) {
	got := parseFuzzList("FuzzA\nFuzzB\nok  \tatoll/x\t0.01s\n?   \tatoll/y\t[no test files]\nok  \tatoll/z\t0.2s\nFuzzC\nok  \tatoll/w\t(cached)\n")
	want := []fuzzTarget{{"atoll/x", "FuzzA"}, {"atoll/x", "FuzzB"}, {"atoll/w", "FuzzC"}}
	if !slices.Equal(got, want) {
		t.Errorf("parseFuzzList = %v; want %v", got, want)
	}
}

// generator is a go command whose go generate changes files.
type generator struct{ change func() error }

func (g generator) Run(_ context.Context, c command.Cmd) error {
	if c.Argv[1] != "generate" {
		return errors.New("not asked for")
	}
	return g.change()
}

func TestCheckGenerated(t *testing.T) {
	root := t.TempDir()
	put := func(name, text string) error { return os.WriteFile(filepath.Join(root, name), []byte(text), 0o640) }
	if err := put("a.go", "package a\n"); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("generator is broken")
	for _, c := range []struct {
		name   string
		change func() error
		want   string
	}{
		{"the same", func() error { return put("a.go", "package a\n") }, ""},
		{"neither Go nor a program", func() error { return put("a.txt", "x") }, ""},
		{"a program", func() error { return put("a.o", "x") }, "a.o was not what go generate makes"},
		{"changed", func() error { return put("a.go", "package b\n") }, "a.go was not what go generate makes"},
		{"new", func() error { return put("b.go", "package b\n") }, "b.go was not what go generate makes"},
		{"fails", func() error { return broken }, broken.Error()},
	} {
		b := &builder{root: root, run: generator{c.change}}
		err := b.checkGenerated(t.Context(), nil)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: checkGenerated = %v; want %q", c.name, err, c.want)
		}
	}
}

// failing is a machine on which no program runs.
type failing struct{}

func (failing) Run(context.Context, command.Cmd) error { return errors.New("no program") }

func TestVersion(t *testing.T) {
	b := &builder{root: t.TempDir(), run: failing{}}
	if got := b.version(t.Context()); got != "unknown" {
		t.Errorf("version without git = %q; want unknown", got)
	}
	if err := os.Mkdir(filepath.Join(b.root, ".git"), 0o750); err != nil {
		t.Fatal(err)
	}
	if got := b.version(t.Context()); got != "unknown" {
		t.Errorf("version with git that fails = %q; want unknown", got)
	}
}

func TestDemoFiles(t *testing.T) {
	data := t.TempDir()
	for _, name := range append([]string{"sentiment/imdb.json"}, demoPictures...) {
		path, text := filepath.Join(data, "pictures", name), name
		if name == "sentiment/imdb.json" {
			path, text = filepath.Join(data, name), `[{"text": "Good"}]`
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(text), 0o640)); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	config, err := demoFiles(dir, data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(config)
	if err != nil || strings.Count(string(text), "[[source]]") != 3 || !strings.Contains(string(text), dir) {
		t.Errorf("configuration %q, %v; want three sources in %s", text, err, dir)
	}
	if shown, _ := os.ReadDir(filepath.Join(dir, "pictures")); len(shown) != len(demoPictures) {
		t.Errorf("%d pictures; want %d", len(shown), len(demoPictures))
	}
	if err := os.Remove(filepath.Join(data, "sentiment", "imdb.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := demoFiles(t.TempDir(), data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without sentences: error = %v", err)
	}
	if _, err := demoFiles(t.TempDir(), t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without data: error = %v", err)
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		err         error
		interrupted bool
		want        int
	}{
		{nil, false, 0}, {errors.New("x"), false, 1}, {errors.New("x"), true, 1}, {usageError{"x"}, false, 2}, {exitError(3), false, 3}, {exitError(3), true, 3},
	} {
		if got := status(c.err, c.interrupted); got != c.want {
			t.Errorf("status(%v, %v) = %d; want %d", c.err, c.interrupted, got, c.want)
		}
	}
}
