// Package durable writes and removes files such that a power cut, a full disk or a crash
// at any moment leaves the old file or the new one, never a part of one.
package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Replace makes data the contents of the file, with permissions 0640 at most. What
// is there for the moment has the file's name and ".new": what a power cut leaves of it
// is replaced, so that nothing grows. Nothing else may write the file.
func Replace(name string, data []byte) error {
	fresh := name + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	return become(name, f, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Create lets fill write the file, with permissions 0640, or replaces what is there. It
// is for names that people choose: what is there for the moment has a hidden name that
// nothing else has, and whoever else writes the file does so before or after.
func Create(name string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	return become(name, f, func(w io.Writer) error {
		if err := f.Chmod(0o640); err != nil {
			return err
		}
		return fill(w)
	})
}

// become fills f, which is empty and open, and gives it its name. It closes f, and
// removes it if anything fails.
func become(name string, f *os.File, fill func(io.Writer) error) error {
	err := fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return syncDir(filepath.Dir(name))
}

// Remove removes the file, if it is there.
func Remove(name string) error {
	if err := os.Remove(name); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	return syncDir(filepath.Dir(name))
}

// Read returns the contents of a regular file of at most limit bytes. It follows no
// link and waits for no pipe.
func Read(name string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return data, err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); !errors.Is(err, unix.EINVAL) { // EINVAL: a file system that has no need of it
		return err
	}
	return nil
}
