package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// System is the Disk of this machine.
type System struct{}

// volatile are file systems whose content may not outlive a restart (statfs(2)).
var volatile = map[int64]string{
	unix.TMPFS_MAGIC:           "tmpfs",
	unix.RAMFS_MAGIC:           "ramfs",
	unix.OVERLAYFS_SUPER_MAGIC: "overlay",
}

// Folder implements Disk.
func (System) Folder(dir string) (Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Folder{}, err
	}
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return Folder{}, fmt.Errorf("%s is no folder", dir)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			return Folder{}, err
		}
		dir = filepath.Dir(dir)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Folder{}, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	block := int64(st.Bsize) // the types differ between machines
	return Folder{Dir: dir, Type: volatile[int64(st.Type)], Free: int64(st.Bavail) * block, Size: int64(st.Blocks) * block}, nil
}

// Write implements Disk.
func (System) Write(dir string) (took time.Duration, err error) {
	began := time.Now()
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString("atoll doctor tries whether this folder can be written\n")
	if err == nil {
		err = f.Sync()
	}
	return time.Since(began), errors.Join(err, f.Close())
}

// Writable implements Disk.
func (System) Writable(dir string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return &fs.PathError{Op: "write", Path: dir, Err: err}
	}
	return nil
}

// Logs implements Disk.
func (System) Logs(dir string) int64 {
	entries, _ := os.ReadDir(dir) // what can't be listed can't be counted
	size := int64(0)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
	}
	return size
}

// Exists implements Disk.
func (System) Exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
