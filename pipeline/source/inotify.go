package source

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// watcher tells by inotify(7) when something happened to the file at a path, or to what decides which file that is: the path's last
// entry, and every symbolic link on the way there. It says that something did, not what: the reader looks for itself, so that a lost
// or merged event loses nothing. Folders further up that are no links are not watched: who renames one of them is not noticed.
type watcher struct {
	f       *os.File // the inotify descriptor
	path    string
	folders map[int][]string // by watch descriptor, the names in that folder that count
	gone    bool             // the path leads into a folder that is missing
	file    int              // watch descriptor; -1 while there is none
	buf     []byte
}

const (
	dirEvents = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE |
		unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR
	fileEvents   = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_MOVE_SELF | unix.IN_DELETE_SELF
	folderEnds   = unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_IGNORED | unix.IN_UNMOUNT
	maxLinks     = 40 // on the way to a file, as the kernel has it: path_resolution(7)
	noDescriptor = -1
)

// newWatcher watches the way to path; watch adds the file.
func newWatcher(path string) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("%w (raise fs.inotify.max_user_instances if it is used up)", os.NewSyscallError("inotify_init1", err))
	}
	w := &watcher{f: os.NewFile(uintptr(fd), "inotify"), path: path, file: noDescriptor, buf: make([]byte, 16<<10)}
	if err := w.walk(); err != nil {
		w.f.Close()
		return nil, err
	}
	return w, nil
}

// walk goes the way to the path and watches it, instead of the way before. It ends at what is missing, which may come.
func (w *watcher) walk() error {
	before := w.folders
	w.folders, w.gone = map[int][]string{}, false
	dir, rest := ".", w.path
	for turns := 0; turns <= maxLinks; { // links, and starts anew because a folder went meanwhile
		if strings.HasPrefix(rest, "/") {
			dir, rest = "/", strings.TrimLeft(rest, "/")
		}
		name, after, _ := strings.Cut(rest, "/")
		at := dir + "/" + name
		if _, err := os.Readlink(at); after != "" && errors.Is(err, unix.EINVAL) { // no link
			dir, rest = at, strings.TrimLeft(after, "/")
			continue
		}
		err := w.watchEntry(dir, name)
		if errors.Is(err, os.ErrNotExist) {
			turns++
			dir, rest = ".", w.path
			continue
		}
		if err != nil {
			return err
		}
		target, err := os.Readlink(at) // again: from now on a change is told
		switch {
		case err == nil:
			turns++
			rest = strings.TrimRight(target+"/"+after, "/")
		case after != "" && errors.Is(err, unix.EINVAL):
			dir, rest = at, strings.TrimLeft(after, "/")
		default:
			w.gone = after != ""
			w.removeAll(before)
			return nil
		}
	}
	return fmt.Errorf("%s: %w", w.path, unix.ELOOP)
}

// removeAll removes the watches on folders that count no more.
func (w *watcher) removeAll(folders map[int][]string) {
	for wd := range folders {
		if w.folders[wd] == nil {
			w.remove(wd)
		}
	}
}

// watchEntry watches the entry of that name in a folder.
func (w *watcher) watchEntry(dir, name string) error {
	wd, err := w.add(dir, dirEvents)
	if err != nil {
		return err
	}
	w.folders[wd] = append(w.folders[wd], name)
	return nil
}

// add adds a watch.
func (w *watcher) add(path string, events uint32) (int, error) {
	var wd int
	conn, err := w.f.SyscallConn()
	if err != nil {
		return noDescriptor, err
	}
	err = errors.Join(conn.Control(func(fd uintptr) { wd, err = unix.InotifyAddWatch(int(fd), path, events) }), err)
	if err != nil {
		return noDescriptor, fmt.Errorf("watch %s: %w", path, err)
	}
	return wd, nil
}

// remove removes a watch. The kernel has done so by itself where what was watched is gone: that error means nothing.
func (w *watcher) remove(wd int) {
	if conn, err := w.f.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _, _ = unix.InotifyRmWatch(int(fd), uint32(wd)) })
	}
}

// watch watches the file that now lies at the path, instead of the one before.
func (w *watcher) watch() error {
	wd, err := w.add(w.path, fileEvents)
	if err != nil {
		return err
	}
	if w.file != noDescriptor && w.file != wd {
		w.remove(w.file)
	}
	w.file = wd
	return nil
}

// wait returns when something may have happened.
func (w *watcher) wait() error {
	for {
		n, err := w.f.Read(w.buf)
		if err != nil {
			return fmt.Errorf("wait for changes: %w", err)
		}
		happened, moved := false, false
		for b := w.buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			wd := int(int32(binary.NativeEndian.Uint32(b)))
			mask := binary.NativeEndian.Uint32(b[4:])
			end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:end]), "\x00")
			b = b[end:]
			names := w.folders[wd]
			moved = moved || slices.Contains(names, name) || names != nil && mask&folderEnds != 0 || mask&unix.IN_Q_OVERFLOW != 0
			happened = happened || wd == w.file
		}
		switch {
		case moved:
			return w.walk()
		case happened:
			return nil
		}
	}
}

// guard returns a context that ends as soon as path leads to another file than info's, or to none: that is its cause then. Call
// release to end it.
func guard(ctx context.Context, path string, info os.FileInfo) (guarded context.Context, release func(), err error) {
	w, err := newWatcher(path)
	if err != nil {
		return nil, nil, err
	}
	guarded, cancel := context.WithCancelCause(ctx)
	restore := expire(guarded, w.f)
	done := make(chan struct{})
	go func() {
		defer close(done)
		cancel(w.lost(info))
	}()
	return guarded, func() {
		cancel(nil)
		<-done
		restore()
		w.f.Close()
	}, nil
}

// lost returns once the path does not lead to info's file any more, or cannot be watched, and says which.
func (w *watcher) lost(info os.FileInfo) error {
	for {
		if now, err := os.Stat(w.path); err != nil || !os.SameFile(now, info) {
			return fmt.Errorf("%s has been removed or replaced", w.path)
		}
		if err := w.wait(); err != nil {
			return fmt.Errorf("%s: %w", w.path, err)
		}
	}
}
