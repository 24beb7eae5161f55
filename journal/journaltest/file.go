package journaltest

import (
	"errors"
	"io"
	"io/fs"
	"syscall"
)

// file is an open file of an FS.
type file struct {
	fs    *FS
	name  string
	inode *inode
}

func (f *file) Write(p []byte) (int, error) {
	err := f.fs.begin(Write, f.name, p)
	var short ShortWrite
	switch {
	case errors.As(err, &short):
		f.fs.mu.Lock()
		p = p[:min(short.Bytes, len(p))]
	case err != nil:
		return 0, err
	}
	defer f.fs.mu.Unlock()
	if free := max(0, f.fs.size-f.fs.used()); int64(len(p)) > free {
		p = p[:free]
		err = &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	f.inode.data = append(f.inode.data, p...)
	return len(p), err
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fs.begin(Read, f.name, nil); err != nil {
		return 0, err
	}
	defer f.fs.mu.Unlock()
	if off >= int64(len(f.inode.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.inode.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Sync() error {
	if err := f.fs.begin(Sync, f.name, nil); err != nil {
		return err
	}
	defer f.fs.mu.Unlock()
	f.inode.synced = len(f.inode.data)
	return nil
}

func (f *file) Linked() (bool, error) {
	if err := f.fs.begin(Stat, f.name, nil); err != nil {
		return false, err
	}
	defer f.fs.mu.Unlock()
	return f.fs.names[f.name] == f.inode, nil
}

func (f *file) Close() error {
	if err := f.fs.begin(Close, f.name, nil); err != nil {
		return err
	}
	f.fs.mu.Unlock()
	return nil
}
