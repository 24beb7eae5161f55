package board

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Mode is what a process wants to do with a file.
type Mode uint8

// Modes, which can be added up; the values are those of access(2).
const (
	Write Mode = unix.W_OK
	Read  Mode = unix.R_OK
)

// Tree is the /proc, /sys and /dev of a machine: of this one, or captured ones of
// another. Names have no slash in front: "sys/class/thermal".
//
// Open never opens what is neither a regular file nor a folder: opening a device
// node can have effects (a watchdog starts) and a FIFO can block.
type Tree interface {
	fs.ReadLinkFS
	fs.StatFS
	// Access is nil if the process may use name so, without opening it. Otherwise
	// the error satisfies errors.Is with fs.ErrNotExist or fs.ErrPermission, or
	// holds another syscall.Errno.
	Access(name string, mode Mode) error
}

// Live is the tree of this machine.
func Live() Tree { return &folder{host: os.DirFS("/").(hostFS), live: true} }

// OpenTree opens a captured tree: a folder, or a text archive as Recorder writes it.
// Links that lead out of a folder are errors where they are followed.
func OpenTree(path string) (Tree, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	if info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, fmt.Errorf("open tree: %w", err)
		}
		_, noProc := root.Stat("proc")
		_, noSys := root.Stat("sys")
		if noProc != nil && noSys != nil {
			root.Close()
			return nil, fmt.Errorf("open tree: %s has neither proc nor sys: name the root of a system, or what --capture wrote", path)
		}
		return &folder{host: root.FS().(hostFS)}, nil
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open tree: %s is neither a folder nor a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxArchive+1))
	if err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	t, err := parseArchive(data)
	if err != nil {
		return nil, fmt.Errorf("open tree: %s: %w", path, err)
	}
	return t, nil
}

// hostFS is what os.DirFS and os.Root both are.
type hostFS interface {
	fs.ReadLinkFS
	fs.StatFS
}

// folder is a tree that the operating system holds.
type folder struct {
	host hostFS
	live bool
}

func (f *folder) Lstat(name string) (fs.FileInfo, error) { return f.host.Lstat(name) }
func (f *folder) Stat(name string) (fs.FileInfo, error)  { return f.host.Stat(name) }
func (f *folder) ReadLink(name string) (string, error)   { return f.host.ReadLink(name) }
func (f *folder) Open(name string) (fs.File, error) {
	info, err := f.host.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, pathError("open", name, syscall.EINVAL)
	}
	file, err := f.host.Open(name)
	if err != nil || info.IsDir() {
		return file, err
	}
	return newAttribute(file, name)
}

// Access asks the kernel on this machine. In a captured folder the mode bits decide,
// whoever the reader is.
func (f *folder) Access(name string, mode Mode) error {
	if f.live {
		if err := unix.Faccessat(unix.AT_FDCWD, "/"+name, uint32(mode), unix.AT_EACCESS); err != nil {
			return pathError("access", name, err)
		}
		return nil
	}
	info, err := f.host.Stat(name)
	if err != nil {
		return err
	}
	bits := info.Mode().Perm()
	if mode&Read != 0 && bits&0o444 == 0 || mode&Write != 0 && bits&0o222 == 0 {
		return pathError("access", name, syscall.EACCES)
	}
	return nil
}

// attribute reads a file with plain read(2). Go's own os.File would wait in the
// poller, for ever, when a driver answers EAGAIN: sysfs files can be polled.
type attribute struct {
	fs.File
	conn syscall.RawConn
	name string
}

func newAttribute(file fs.File, name string) (fs.File, error) {
	host, ok := file.(syscall.Conn)
	if !ok {
		file.Close()
		return nil, pathError("open", name, syscall.EINVAL)
	}
	conn, err := host.SyscallConn()
	if err != nil {
		file.Close()
		return nil, pathError("open", name, err)
	}
	return &attribute{file, conn, name}, nil
}

func (a *attribute) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	control := a.conn.Read(func(fd uintptr) bool {
		for {
			if n, err = unix.Read(int(fd), p); err != syscall.EINTR {
				return true
			}
		}
	})
	switch {
	case control != nil:
		return 0, pathError("read", a.name, control)
	case err != nil:
		return 0, pathError("read", a.name, err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// isLive tells whether what is asked of the tree is asked of this machine.
func isLive(t Tree) bool {
	switch t := t.(type) {
	case *folder:
		return t.live
	case *Recorder:
		return isLive(t.tree)
	}
	return false
}
