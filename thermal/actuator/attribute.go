package actuator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// access is how attributes are read and written; tests put their own in place.
type access struct {
	read  func(f *os.File, b []byte) (int, error)
	write func(name string, b []byte) error
}

func (a access) orSystem() access {
	if a.read == nil {
		a.read = func(f *os.File, b []byte) (int, error) { return f.ReadAt(b, 0) }
	}
	if a.write == nil {
		a.write = writeAttribute
	}
	return a
}

func writeAttribute(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// attribute is a number in sysfs that is changed and put back.
type attribute struct {
	access
	root, path string   // path is below root
	file       *os.File // for reading, open between reads; nil if it is not
	buf        [32]byte

	original int64
	wrote    int64 // last, by us; at first the original
	seen     int64 // what it read as after that: drivers round
	dirty    bool  // it may differ from the original, by us
}

// openAttribute opens an attribute that can be read and written. Where a killed
// instance left it changed, originals tell what was there before.
func openAttribute(a access, root, path string, originals map[string]int64) (*attribute, error) {
	t := &attribute{access: a, root: root, path: path}
	v, err := t.get()
	if err != nil {
		return nil, err
	}
	if err := unix.Access(t.name(), unix.W_OK); err != nil {
		t.close()
		return nil, &os.PathError{Op: "write", Path: t.name(), Err: err}
	}
	t.original, t.wrote, t.seen = v, v, v
	if original, ok := originals[path]; ok && original != v {
		t.original, t.dirty = original, true
	}
	return t, nil
}

func (t *attribute) name() string { return filepath.Join(t.root, t.path) }

// get reads it: one pread(2) of a file that stays open.
func (t *attribute) get() (int64, error) {
	if t.file == nil {
		f, err := os.OpenFile(t.name(), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			return 0, err
		}
		t.file = f
	}
	n, err := t.read(t.file, t.buf[:])
	if err != nil && err != io.EOF {
		t.close() // a device that comes back has a new file
		return 0, err
	}
	v, err := strconv.ParseInt(string(bytes.TrimSpace(t.buf[:n])), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a whole number", t.name(), t.buf[:n])
	}
	return v, nil
}

// set writes v.
func (t *attribute) set(v int64) error {
	t.dirty = true // even a write that fails may have had an effect
	if err := t.write(t.name(), append(strconv.AppendInt(nil, v, 10), '\n')); err != nil {
		return reason(err)
	}
	t.dirty = v != t.original
	t.wrote, t.seen = v, v
	if seen, err := t.get(); err == nil {
		t.seen = seen
	}
	return nil
}

// hold writes v unless it is there already.
func (t *attribute) hold(v int64) (changed bool, err error) {
	now, err := t.get()
	if err != nil || t.wrote == v && now == t.seen {
		return false, err
	}
	return true, t.set(v)
}

// restore writes the original, if it was ever changed.
func (t *attribute) restore() error {
	if !t.dirty {
		return nil
	}
	err := t.set(t.original)
	if err != nil && !gone(err) {
		return err
	}
	t.dirty = false
	return nil
}

func (t *attribute) entry() entry { return entry{Path: t.path, Value: t.original} }

func (t *attribute) close() {
	if t.file != nil {
		_ = t.file.Close()
		t.file = nil
	}
}

// readText reads a short attribute that is only looked at when searching.
func readText(root, path string) (string, error) {
	f, err := os.Open(filepath.Join(root, path))
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4096)) // a page is all that sysfs gives
	return strings.TrimSpace(string(b)), err
}

func readNumber(root, path string) (int64, error) {
	text, err := readText(root, path)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a whole number", filepath.Join(root, path), text[:min(len(text), 40)])
	}
	return v, nil
}
