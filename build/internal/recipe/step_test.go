package recipe

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atoll/build/internal/command"
	"atoll/build/internal/pins"
)

// scriptRunner is an ar that keeps its script and makes the archive.
type scriptRunner struct{ script string }

func (s *scriptRunner) Run(_ context.Context, c command.Cmd) error {
	if c.Stdin != nil {
		text, err := io.ReadAll(c.Stdin)
		if err != nil {
			return err
		}
		s.script = string(text)
	}
	return os.WriteFile(filepath.Join(c.Dir, "merged.a"), []byte("merged"), 0o640)
}

func newSite(t *testing.T, run command.Runner, files map[string]string) *site {
	dir := t.TempDir()
	s := &site{work: filepath.Join(dir, "w"), out: filepath.Join(dir, "o"), run: run, advance: func(int, int) {}}
	for name, text := range files {
		path := filepath.Join(s.work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestDeleteLines(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		fails            bool
	}{
		{"two as wanted", "a\nml_dtypes\nb\n  ml_dtypes\n", "a\nb\n", false},
		{"none: done before", "a\nb\n", "a\nb\n", false},
		{"one: not the file we know", "a\nml_dtypes\n", "a\nml_dtypes\n", true},
		{"three: not the file we know", "ml_dtypes\nml_dtypes\nml_dtypes\n", "ml_dtypes\nml_dtypes\nml_dtypes\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, nil, map[string]string{"f": c.text})
			err := DeleteLines{File: "$WORK/f", Containing: "ml_dtypes", Count: 2}.do(t.Context(), s)
			if (err != nil) != c.fails {
				t.Errorf("error = %v; want one: %v", err, c.fails)
			}
			if got, _ := os.ReadFile(filepath.Join(s.work, "f")); string(got) != c.want {
				t.Errorf("file is %q; want %q", got, c.want)
			}
		})
	}
	if err := (DeleteLines{File: "$WORK/none", Count: 1}).do(t.Context(), newSite(t, nil, nil)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: error = %v", err)
	}
}

func TestNinjaStatus(t *testing.T) {
	for _, c := range []struct {
		line        string
		done, total int
		ok          bool
	}{
		{"[12/1399] Building C object x.o", 12, 1399, true},
		{"[1/1]", 1, 1, true},
		{"ninja: Entering directory", 0, 0, false},
		{"12/13] x", 0, 0, false},
		{"[12/13 x", 0, 0, false},
		{"[a/b] x", 0, 0, false},
		{"[1/0] x", 0, 0, false},
		{"", 0, 0, false},
	} {
		done, total, ok := ninjaStatus(c.line)
		if ok != c.ok || ok && (done != c.done || total != c.total) {
			t.Errorf("ninjaStatus(%q) = %d, %d, %v; want %d, %d, %v", c.line, done, total, ok, c.done, c.total, c.ok)
		}
	}
}

func TestMerge(t *testing.T) {
	run := &scriptRunner{}
	s := newSite(t, run, map[string]string{
		"build/liba.a": "", "build/sub/libb.a": "", "build/libabsl_log_x.a": "", "build/c.o": "", "ruy/libruy.a": "", "compat.o": "",
	})
	m := Merge{Ar: "ar", Out: "$OUT/lib/all.a", Folders: []string{"$WORK/build", "$WORK/ruy"}, Objects: []string{"$WORK/compat.o"}, Except: []string{"libabsl_log_*.a"}}
	if err := m.do(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	want := "CREATE merged.a\nADDLIB build/liba.a\nADDLIB build/sub/libb.a\nADDLIB ruy/libruy.a\nADDMOD compat.o\nSAVE\nEND\n"
	if run.script != want {
		t.Errorf("script %q; want %q", run.script, want)
	}
	if got, _ := os.ReadFile(filepath.Join(s.out, "lib", "all.a")); string(got) != "merged" {
		t.Errorf("result %q; want the merged archive", got)
	}
	m.Folders = []string{"$WORK/build/sub", "$WORK/build"}
	m.Except = []string{"*.a"}
	if err := m.do(t.Context(), s); err == nil {
		t.Error("merged nothing without an error")
	}
}

func TestCopy(t *testing.T) {
	s := newSite(t, nil, map[string]string{"in/a.wav": "A", "in/b.wav": "B", "in/c.txt": "C", "[odd]/a.wav": "D"})
	if err := (Copy{Files: []string{"$WORK/in/*.wav"}, To: "$OUT/speech"}).do(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(s.out, "speech"))
	if err != nil || len(entries) != 2 {
		t.Errorf("copied %v, %v; want a.wav and b.wav", entries, err)
	}
	if err := (Copy{Files: []string{"$WORK/[odd]/a.wav"}, To: "$OUT/odd"}).do(t.Context(), s); err != nil {
		t.Errorf("a folder is no pattern: %v", err)
	}
	for _, missing := range []string{"$WORK/in/*.png", "$WORK/none/*"} {
		if err := (Copy{Files: []string{missing}, To: "$OUT/x"}).do(t.Context(), s); err == nil {
			t.Errorf("%s: no error", missing)
		}
	}
}

func TestCopyHeaders(t *testing.T) {
	s := newSite(t, nil, map[string]string{"src/t/lite/a.h": "A", "src/t/lite/sub/b.inc": "B", "src/t/lite/c.cc": "C", "src/t/core/d.h": "D"})
	if err := (CopyHeaders{From: "$WORK/src", Sub: "t/lite", To: "$OUT/include"}).do(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range []string{"t/lite/a.h", "t/lite/sub/b.inc", "t/lite/c.cc", "t/core/d.h"} {
		if _, err := os.Stat(filepath.Join(s.out, "include", name)); err == nil {
			got = append(got, name)
		}
	}
	if want := []string{"t/lite/a.h", "t/lite/sub/b.inc"}; !slices.Equal(got, want) {
		t.Errorf("copied %q; want %q", got, want)
	}
	if err := (CopyHeaders{From: "$WORK/src", Sub: "none", To: "$OUT"}).do(t.Context(), s); err == nil {
		t.Error("no such folder, no error")
	}
}

func TestUnpackFetchFails(t *testing.T) {
	s := newSite(t, nil, nil)
	gone := errors.New("gone from the index")
	s.fetch = func(context.Context, pins.Pin) (string, error) { return "", gone }
	if err := (Unpack{Into: "$WORK/x"}).do(t.Context(), s); !errors.Is(err, gone) {
		t.Errorf("error = %v; want %v", err, gone)
	}
}

// The recipes of this checkout, as far as that can be told without building.
func TestRecipes(t *testing.T) {
	set, err := pins.Committed()
	if err != nil {
		t.Fatal(err)
	}
	hashes := map[string]string{}
	for _, arch := range []string{"amd64", "arm64"} {
		chain, err := ToolchainFor(arch, "amd64")
		if err != nil {
			t.Fatal(err)
		}
		r, err := TFLite(chain, set, "gcc 12")
		if err != nil {
			t.Fatal(err)
		}
		hashes[r.Hash()] = arch
		text := ""
		for _, step := range r.Steps {
			text += describe(step)
		}
		if got, want := strings.Contains(text, "aarch64-linux-gnu-"), arch == "arm64"; got != want {
			t.Errorf("%s: cross compiler used: %v; want %v", arch, got, want)
		}
		if got, want := strings.Contains(text, "$WORK/src/neon-2-sse\",\"Strip"), arch == "amd64"; got != want {
			t.Errorf("%s: NEON for SSE unpacked: %v; want %v", arch, got, want)
		}
	}
	if len(hashes) != 2 {
		t.Error("both architectures have one hash")
	}
	if _, err := Data(set); err != nil {
		t.Error(err)
	}
	if _, err := TFLite(Toolchain{Arch: "amd64"}, nil, ""); err == nil {
		t.Error("a recipe without pins")
	}
	if _, err := Data(nil); err == nil {
		t.Error("data without pins")
	}
}

func TestToolchainFor(t *testing.T) {
	for _, c := range []struct{ arch, host, want string }{
		{"amd64", "amd64", ""}, {"arm64", "amd64", "aarch64-linux-gnu-"}, {"arm64", "arm64", ""}, {"amd64", "arm64", "x86_64-linux-gnu-"},
	} {
		if got, err := ToolchainFor(c.arch, c.host); err != nil || got.Prefix != c.want {
			t.Errorf("ToolchainFor(%s, %s) = %+v, %v; want prefix %q", c.arch, c.host, got, err, c.want)
		}
	}
	if _, err := ToolchainFor("mips", "amd64"); err == nil {
		t.Error("mips accepted")
	}
}
