package durable

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
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

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "model")
	neighbour := name + ".new" // of the same user, and nobody's business
	if err := os.WriteFile(neighbour, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"first", "second, longer", ""} {
		if err := Create(name, write(want)); err != nil {
			t.Fatal(err)
		}
		holds(t, name, want)
	}
	if info, err := os.Stat(name); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v; want 0640", info.Mode(), err)
	}
	holds(t, neighbour, "mine")
	only(t, dir, "model", "model.new")
}

func TestCreateLeavesNothingWhenItFails(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "model")
	torn := errors.New("torn")
	fail := func(w io.Writer) error {
		_, err := w.Write([]byte("half"))
		return errors.Join(err, torn)
	}
	if err := Create(name, fail); !errors.Is(err, torn) {
		t.Errorf("error %v, want that of fill", err)
	}
	only(t, dir)
	if err := Create(name, write("old")); err != nil {
		t.Fatal(err)
	}
	if err := Create(name, fail); !errors.Is(err, torn) {
		t.Errorf("error %v, want that of fill", err)
	}
	holds(t, name, "old")
	only(t, dir, "model")
	if err := Create(dir, write("x")); err == nil {
		t.Error("a folder is in the way: written, want an error")
	}
	if err := Create(filepath.Join(dir, "missing", "x"), write("x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

// A file system that is full takes a part of a file.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=64k"); errors.Is(err, unix.EPERM) {
		t.Skip("only root may mount a small file system")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	name, large := filepath.Join(dir, "model"), strings.Repeat("x", 128<<10)
	for _, put := range []func(string) error{
		func(text string) error { return Replace(name, []byte(text)) },
		func(text string) error { return Create(name, write(text)) },
	} {
		if err := put("old"); err != nil {
			t.Fatal(err)
		}
		if err := put(large); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("error %v, want no space", err)
		}
		holds(t, name, "old")
		only(t, dir, "model")
	}
}

func write(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// holds says what must be in a file.
func holds(t *testing.T, name, want string) {
	t.Helper()
	if got, err := os.ReadFile(name); err != nil || string(got) != want {
		t.Errorf("%s: %q, %v; want %q", name, got, err, want)
	}
}

// only says what must be in a folder.
func only(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the folder has %q, %v; want %q", got, err, want)
	}
}
