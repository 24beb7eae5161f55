package durable

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReplaceReadRemove(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "state")
	for _, want := range []string{"first", "second, longer", ""} { // also over what a crash left of a new one
		if err := os.WriteFile(name+".new", []byte("torn"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Replace(name, []byte(want)); err != nil {
			t.Fatal(err)
		}
		got, err := Read(name, 20)
		if err != nil || string(got) != want {
			t.Errorf("read %q, %v; want %q", got, err, want)
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm()&^0o640 != 0 {
		t.Errorf("mode %v, %v; want 0640 at most", info.Mode(), err)
	}
	if err := errors.Join(Remove(name), Remove(name)); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v; want nothing", left, err)
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(unix.Mkfifo(at("fifo"), 0o640), Replace(at("long"), []byte("12345")), os.Symlink(at("long"), at("link")), os.Mkdir(at("folder"), 0o750)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"fifo": "no regular file", "folder": "no regular file", "long": "more than 4 bytes", "link": "too many levels", "missing": "no such file"} {
		if _, err := Read(at(name), 4); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestReplaceLeavesNothingWhenItFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "full")
	if err := os.MkdirAll(filepath.Join(name, "file"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := Replace(name, nil); err == nil {
		t.Error("a folder is in the way: written, want an error")
	}
	if _, err := os.Stat(name + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its new file is left: %v", err)
	}
	if err := Replace(filepath.Join(name, "missing", "x"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}
