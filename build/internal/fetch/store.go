// Package fetch gets pinned files from Debian's archive, npm and the Go module proxy by way of their own clients,
// refuses every file that is not the pinned one, and keeps them in a store of downloads.
package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"atoll/build/internal/pins"
)

// MismatchError is a file that is not the pinned one.
type MismatchError struct {
	Path      string
	Pin       pins.Pin
	GotBytes  int64
	GotSHA256 string // empty if the size alone was wrong
}

// Error says which file of which package differs, and how.
func (e *MismatchError) Error() string {
	if e.GotSHA256 == "" {
		return fmt.Sprintf("%s of %s: %d bytes, pinned are %d: refused", e.Pin.File, e.Pin, e.GotBytes, e.Pin.Bytes)
	}
	return fmt.Sprintf("%s of %s: SHA256 %s, pinned is %s: refused", e.Pin.File, e.Pin, e.GotSHA256, e.Pin.SHA256)
}

// Verify returns a *MismatchError if a file is not the pinned one.
func Verify(path string, p pins.Pin) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, p.Bytes+1))
	if err != nil {
		return err
	}
	if n != p.Bytes {
		if info, err := f.Stat(); err == nil {
			n = info.Size()
		}
		return &MismatchError{Path: path, Pin: p, GotBytes: n}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != p.SHA256 {
		return &MismatchError{Path: path, Pin: p, GotBytes: n, GotSHA256: got}
	}
	return nil
}

// Store is a folder of downloads. A file's SHA256 is part of its name, so that a changed pin never finds an old file.
type Store struct{ Dir string }

// Path is where the file of a pin is, or will be.
func (s Store) Path(p pins.Pin) string {
	return filepath.Join(s.Dir, p.SHA256[:16]+"-"+filepath.Base(p.File))
}

// Has tells whether the store holds the file. One that was damaged since it came is removed.
func (s Store) Has(p pins.Pin) (bool, error) {
	err := Verify(s.Path(p), p)
	var mismatch *MismatchError
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.As(err, &mismatch):
		return false, os.Remove(s.Path(p))
	}
	return false, err
}

// Add moves a fresh download into the store, or removes and refuses it.
func (s Store) Add(p pins.Pin, from string) error {
	if err := Verify(from, p); err != nil {
		return errors.Join(err, os.Remove(from))
	}
	return os.Rename(from, s.Path(p))
}
