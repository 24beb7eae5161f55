package source

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// watcher tells by inotify(7) when something happened to one file or to the folder's entry of its name. It says that something did,
// not what: the reader looks for itself, so that a lost or merged event loses nothing.
type watcher struct {
	f         *os.File // the inotify descriptor
	path      string
	dir, file int // watch descriptors; file is -1 while there is none
	buf       []byte
}

const (
	dirEvents = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE |
		unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR
	fileEvents = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_MOVE_SELF | unix.IN_DELETE_SELF
)

var errFolderGone = errors.New("its folder is gone")

// newWatcher watches path's folder; watch adds the file.
func newWatcher(path string) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("%w (raise fs.inotify.max_user_instances if it is used up)", os.NewSyscallError("inotify_init1", err))
	}
	w := &watcher{f: os.NewFile(uintptr(fd), "inotify"), path: path, file: -1, buf: make([]byte, 16<<10)}
	if w.dir, err = w.add(filepath.Dir(path), dirEvents); err != nil {
		w.f.Close()
		return nil, err
	}
	return w, nil
}

// add adds a watch.
func (w *watcher) add(path string, events uint32) (int, error) {
	var wd int
	conn, err := w.f.SyscallConn()
	if err != nil {
		return -1, err
	}
	err = errors.Join(conn.Control(func(fd uintptr) { wd, err = unix.InotifyAddWatch(int(fd), path, events) }), err)
	if err != nil {
		return -1, fmt.Errorf("watch %s: %w", path, err)
	}
	return wd, nil
}

// watch watches the file that now lies at the path, instead of the one before.
func (w *watcher) watch() error {
	old := w.file
	wd, err := w.add(w.path, fileEvents)
	if err != nil {
		return err
	}
	w.file = wd
	if old < 0 || old == wd {
		return nil
	}
	conn, err := w.f.SyscallConn()
	if err != nil {
		return err
	}
	// The kernel has removed the watch by itself where the file is gone: its error means nothing.
	return conn.Control(func(fd uintptr) { _, _ = unix.InotifyRmWatch(int(fd), uint32(old)) })
}

// wait returns when something may have happened.
func (w *watcher) wait() error {
	for {
		n, err := w.f.Read(w.buf)
		if err != nil {
			return fmt.Errorf("wait for changes: %w", err)
		}
		happened := false
		for b := w.buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			wd := int(int32(binary.NativeEndian.Uint32(b)))
			mask := binary.NativeEndian.Uint32(b[4:])
			end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:end]), "\x00")
			b = b[end:]
			if wd == w.dir && mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_IGNORED|unix.IN_UNMOUNT) != 0 {
				return errFolderGone
			}
			if wd != w.dir || name == filepath.Base(w.path) || mask&unix.IN_Q_OVERFLOW != 0 {
				happened = true
			}
		}
		if happened {
			return nil
		}
	}
}
