// Package journaltest has the fakes for tests of and with package journal: a file system in memory that fails and
// crashes on demand and knows what a power cut would leave, and a clock that steps.
package journaltest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing/fstest"

	"atoll/journal"
)

// ErrCrashed is what every operation returns once the machine has crashed.
var ErrCrashed = errors.New("the machine has crashed")

// Op is a kind of operation that can fail.
type Op string

// The operations of a file system that a Fault sees.
const (
	Mkdir   Op = "mkdir"
	Lock    Op = "lock"
	List    Op = "list"
	Append  Op = "append" // opening a file
	Write   Op = "write"
	Read    Op = "read"
	Sync    Op = "sync"
	Stat    Op = "stat" // asking whether a file is linked
	Close   Op = "close"
	Remove  Op = "remove"
	SyncDir Op = "syncdir"
	Free    Op = "free"
)

// Call is an operation about to happen.
type Call struct {
	N    int // counts all operations from 1
	Op   Op
	Name string // path
	Data []byte // of a Write, only to look at
}

// Fault decides whether an operation fails: nil lets it happen. It runs without locks, so it may block like a hung disk.
type Fault func(Call) error

// ShortWrite is an error for a Fault that lets a Write put down its first bytes before it fails with Err.
type ShortWrite struct {
	Bytes int
	Err   error
}

func (e ShortWrite) Error() string { return fmt.Sprintf("written only %d bytes: %v", e.Bytes, e.Err) }

// Unwrap returns the errno.
func (e ShortWrite) Unwrap() error { return e.Err }

// CrashAt is a Fault that crashes the machine at operation n. A Write at that point is left half done.
func CrashAt(n int) Fault {
	return func(c Call) error {
		switch {
		case c.N < n:
			return nil
		case c.N == n && c.Op == Write:
			return ShortWrite{Bytes: len(c.Data) / 2, Err: ErrCrashed}
		}
		return ErrCrashed
	}
}

// FailAll is a Fault that lets every operation of the kinds fail; without kinds every one.
func FailAll(err error, ops ...Op) Fault {
	return func(c Call) error {
		if len(ops) == 0 || slices.Contains(ops, c.Op) {
			return err
		}
		return nil
	}
}

// inode is the content of a file: what programs see, and how much of it a power cut leaves for sure.
type inode struct {
	data   []byte
	synced int
}

// FS is a journal.FS in memory. Names of files and folders are durable after SyncDir, content after Sync.
type FS struct {
	mu      sync.Mutex
	fault   Fault
	calls   int
	dirs    map[string]bool   // whether a power cut leaves them
	names   map[string]*inode // as programs see them
	durable map[string]*inode // as a power cut leaves them
	locked  map[string]*lock
	size    int64 // of the disk
}

// New returns an empty file system of practically unlimited size, in which only the root folder is.
func New() *FS {
	return &FS{
		dirs: map[string]bool{"/": true, ".": true}, names: map[string]*inode{}, durable: map[string]*inode{},
		locked: map[string]*lock{}, size: math.MaxInt64 / 2,
	}
}

// SetFault makes operations from now on fail as f says; nil ends it.
func (m *FS) SetFault(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// SetSize sets the size of the disk. What does not fit fails with ENOSPC after filling the disk up.
func (m *FS) SetSize(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.size = bytes
}

// Calls returns how many operations there were.
func (m *FS) Calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// Used returns the bytes of all files.
func (m *FS) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used()
}

func (m *FS) used() (n int64) {
	for _, f := range m.names {
		n += int64(len(f.data))
	}
	return n
}

// Put makes a durable file with this content.
func (m *FS) Put(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for dir := filepath.Dir(name); !m.dirs[dir]; dir = filepath.Dir(dir) {
		m.dirs[dir] = true
	}
	f := &inode{data: slices.Clone(data), synced: len(data)}
	m.names[name], m.durable[name] = f, f
}

// Delete removes a file, or a folder with all that is in it, as another program would. Open files stay usable.
func (m *FS) Delete(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gone := func(path string) bool { return path == name || strings.HasPrefix(path, name+"/") }
	maps.DeleteFunc(m.names, func(path string, _ *inode) bool { return gone(path) })
	maps.DeleteFunc(m.durable, func(path string, _ *inode) bool { return gone(path) })
	maps.DeleteFunc(m.dirs, func(path string, _ bool) bool { return gone(path) })
	maps.DeleteFunc(m.locked, func(path string, _ *lock) bool { return gone(path) })
}

// Reader returns what is in dir now, for journal.ReadFS.
func (m *FS) Reader(dir string) fs.FS {
	m.mu.Lock()
	defer m.mu.Unlock()
	files := fstest.MapFS{}
	for name, f := range m.names {
		if filepath.Dir(name) == dir {
			files[filepath.Base(name)] = &fstest.MapFile{Data: slices.Clone(f.data), Mode: 0o640}
		}
	}
	return files
}

// Reboot returns the file system after a power cut: without rng only what was synced; with it each file
// keeps a random part of what was not, the rest gone or zeros, and each unsynced name may be there or not.
func (m *FS) Reboot(rng *rand.Rand) *FS {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := New()
	for dir := range m.dirs {
		if m.survives(dir) {
			after.dirs[dir] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.everyName())) {
		f, old := m.names[name], m.durable[name]
		if f == nil || (old != nil && old != f) || (old == nil && (rng == nil || rng.IntN(2) == 0)) {
			f = old
		}
		if f == nil || (rng != nil && m.names[name] == nil && rng.IntN(2) == 0) {
			continue // never durable, or its removal came through
		}
		if !after.dirs[filepath.Dir(name)] {
			continue
		}
		data := f.survive(rng)
		g := &inode{data: data, synced: len(data)}
		after.names[name], after.durable[name] = g, g
	}
	return after
}

// survives reports whether a power cut leaves a folder and all above it.
func (m *FS) survives(dir string) bool {
	return m.dirs[dir] && (filepath.Dir(dir) == dir || m.survives(filepath.Dir(dir)))
}

func (m *FS) everyName() map[string]*inode {
	all := maps.Clone(m.names)
	maps.Copy(all, m.durable)
	return all
}

// survive returns what a power cut leaves of a file.
func (f *inode) survive(rng *rand.Rand) []byte {
	data := slices.Clone(f.data[:f.synced])
	if rng == nil {
		return data
	}
	tail := slices.Clone(f.data[f.synced:])
	kept := rng.IntN(len(tail) + 1)
	switch rng.IntN(3) {
	case 0: // the end is gone
		tail = tail[:kept]
	case 1: // the length reached the disk, the end did not
		clear(tail[kept:])
	case 2: // a later block reached the disk, an earlier one did not
		clear(tail[kept/2 : kept])
	}
	return append(data, tail...)
}

// begin counts an operation and asks the fault. If all is well it returns with the lock held.
func (m *FS) begin(op Op, name string, data []byte) error {
	m.mu.Lock()
	m.calls++
	call, fault := Call{N: m.calls, Op: op, Name: name, Data: data}, m.fault
	if fault == nil {
		return nil
	}
	m.mu.Unlock()
	if err := fault(call); err != nil {
		return &fs.PathError{Op: string(op), Path: name, Err: err}
	}
	m.mu.Lock()
	return nil
}

// Mkdir implements journal.FS.
func (m *FS) Mkdir(dir string, _ fs.FileMode) error {
	if err := m.begin(Mkdir, dir, nil); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if m.isDir(dir) {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.EEXIST}
	}
	if !m.isDir(filepath.Dir(dir)) {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOENT}
	}
	m.dirs[dir] = false
	return nil
}

func (m *FS) isDir(name string) bool {
	_, ok := m.dirs[name]
	return ok
}

// Lock implements journal.FS.
func (m *FS) Lock(dir string) (io.Closer, error) {
	if err := m.begin(Lock, dir, nil); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if !m.isDir(dir) {
		return nil, &fs.PathError{Op: "lock", Path: dir, Err: syscall.ENOENT}
	}
	if m.locked[dir] != nil {
		return nil, journal.ErrBusy
	}
	l := &lock{m, dir}
	m.locked[dir] = l
	return l, nil
}

// lock is a lock on a folder. One on a folder that was deleted says nothing of another with the same name.
type lock struct {
	fs  *FS
	dir string
}

func (l *lock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	if l.fs.locked[l.dir] == l {
		delete(l.fs.locked, l.dir)
	}
	return nil
}

// List implements journal.FS.
func (m *FS) List(dir string) ([]journal.Entry, error) {
	if err := m.begin(List, dir, nil); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if !m.isDir(dir) {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: syscall.ENOENT}
	}
	var entries []journal.Entry
	for name, f := range m.names {
		if filepath.Dir(name) == dir {
			entries = append(entries, journal.Entry{Name: filepath.Base(name), Size: int64(len(f.data))})
		}
	}
	return entries, nil
}

// Append implements journal.FS.
func (m *FS) Append(name string, _ fs.FileMode) (journal.File, error) {
	if err := m.begin(Append, name, nil); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if !m.isDir(filepath.Dir(name)) {
		return nil, &fs.PathError{Op: "append", Path: name, Err: syscall.ENOENT}
	}
	f := m.names[name]
	if f == nil {
		f = &inode{}
		m.names[name] = f
	}
	return &file{fs: m, name: name, inode: f}, nil
}

// Remove implements journal.FS.
func (m *FS) Remove(name string) error {
	if err := m.begin(Remove, name, nil); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if m.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOENT}
	}
	delete(m.names, name)
	return nil
}

// SyncDir implements journal.FS.
func (m *FS) SyncDir(dir string) error {
	if err := m.begin(SyncDir, dir, nil); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if !m.isDir(dir) {
		return &fs.PathError{Op: "syncdir", Path: dir, Err: syscall.ENOENT}
	}
	for child := range m.dirs {
		if filepath.Dir(child) == dir {
			m.dirs[child] = true
		}
	}
	for name := range m.everyName() {
		if filepath.Dir(name) != dir {
			continue
		}
		if f := m.names[name]; f != nil {
			m.durable[name] = f
		} else {
			delete(m.durable, name)
		}
	}
	return nil
}

// Free implements journal.FS.
func (m *FS) Free(dir string) (free, size int64, err error) {
	if err := m.begin(Free, dir, nil); err != nil {
		return 0, 0, err
	}
	defer m.mu.Unlock()
	return max(0, m.size-m.used()), m.size, nil
}
