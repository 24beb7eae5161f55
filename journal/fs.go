package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	fileMode fs.FileMode = 0o640
	dirMode  fs.FileMode = 0o750
)

// FS is what a Journal needs from a file system. Names are paths as the os package takes them. Errors wrap the errno and
// the io/fs errors.
type FS interface {
	// Mkdir makes one folder.
	Mkdir(dir string, mode fs.FileMode) error
	// Lock makes this process the only writer of dir until the lock is closed, or fails with ErrBusy.
	Lock(dir string) (io.Closer, error)
	// List returns the regular files of dir, in any order.
	List(dir string) ([]Entry, error)
	// Append opens a file for reading and appending; it makes it if it is missing.
	Append(name string, mode fs.FileMode) (File, error)
	// Remove removes a file.
	Remove(name string) error
	// SyncDir makes the names in dir survive a power cut.
	SyncDir(dir string) error
	// Free returns the bytes that this process may still use on the file system of dir, and the size of all of it.
	Free(dir string) (free, size int64, err error)
}

// Entry is a regular file in a folder.
type Entry struct {
	Name string
	Size int64
}

// File is an open log file. Write appends.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
	// Sync makes the content survive a power cut.
	Sync() error
	// Linked reports whether the file can still be found: it has a link, and there is a file of its name.
	Linked() (bool, error)
}

// osFS is the FS of the operating system.
type osFS struct{}

func (osFS) Mkdir(dir string, mode fs.FileMode) error { return os.Mkdir(dir, mode) }

func (osFS) Remove(name string) error { return os.Remove(name) }

func (osFS) Append(name string, mode fs.FileMode) (File, error) {
	// O_NOFOLLOW: a planted link must not make a privileged process append to someone else's file.
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW, mode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// osFile is the File of the operating system.
type osFile struct{ *os.File }

// Linked looks for the name too, because a file moved away, alone or with its folder, keeps its link. It does not compare
// the two inodes: overlayfs before Linux 4.19 shows different ones for one file.
func (f osFile) Linked() (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink == 0 {
		return false, nil
	}
	_, err = os.Lstat(f.Name())
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return false, nil
	}
	return err == nil, err
}

func (osFS) Lock(dir string) (io.Closer, error) {
	d, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = d.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return d, nil
}

func (osFS) List(dir string) ([]Entry, error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, d := range found {
		if !d.Type().IsRegular() {
			continue
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{Name: d.Name(), Size: info.Size()})
	}
	return entries, nil
}

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); !errors.Is(err, unix.EINVAL) { // EINVAL: a file system that has no need of it
		return err
	}
	return nil
}

func (osFS) Free(dir string) (free, size int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	block := int64(st.Bsize) // the types differ between machines
	return int64(st.Bavail) * block, int64(st.Blocks) * block, nil
}

// makeDir makes dir and the missing folders above it.
func makeDir(fsys FS, dir string) error {
	err := fsys.Mkdir(dir, dirMode)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
		if err := makeDir(fsys, filepath.Dir(dir)); err != nil {
			return err
		}
		err = fsys.Mkdir(dir, dirMode)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// syncPath makes the names of dir and of the folders above it survive a power cut, as far as this user may look at them.
func syncPath(fsys FS, dir string) error {
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		if err := fsys.SyncDir(parent); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}
