package sensorstest

import (
	"os"
	"path/filepath"
	"testing"
)

// Tree is a folder that stands in for the root of a system. Its methods end the
// test when they fail.
type Tree struct {
	Root string
	t    testing.TB
}

// NewTree returns an empty tree that is removed with the test.
func NewTree(t testing.TB) *Tree {
	t.Helper()
	return &Tree{t.TempDir(), t}
}

// Write gives the file at path that content, in place: whoever has the file open reads
// the new content, as with files of the kernel.
func (r *Tree) Write(path, content string) {
	r.t.Helper()
	name := r.parent(path)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o640)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(content), 0); err != nil {
		r.t.Fatal(err)
	}
	if err := f.Truncate(int64(len(content))); err != nil {
		r.t.Fatal(err)
	}
}

// WriteAll writes many files.
func (r *Tree) WriteAll(files map[string]string) {
	r.t.Helper()
	for path, content := range files {
		r.Write(path, content)
	}
}

// Link makes a symbolic link at path, to a target as it is written there.
func (r *Tree) Link(path, target string) {
	r.t.Helper()
	if err := os.Symlink(target, r.parent(path)); err != nil {
		r.t.Fatal(err)
	}
}

// Remove removes what is at path, with all below it.
func (r *Tree) Remove(path string) {
	r.t.Helper()
	if err := os.RemoveAll(filepath.Join(r.Root, path)); err != nil {
		r.t.Fatal(err)
	}
}

// parent makes the folders above path and returns where path is.
func (r *Tree) parent(path string) string {
	r.t.Helper()
	name := filepath.Join(r.Root, path)
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		r.t.Fatal(err)
	}
	return name
}
