package journal

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	namePrefix = "journal-"
	nameSuffix = ".jsonl"
	seqDigits  = 12
	maxSeq     = 999_999_999_999

	reserveShare = 8 // the reserve is at most this part of a file system, or a small one would never take a line
)

// tornMark closes a line that a power cut or a failed write left unfinished: with it the line is never valid JSON.
var tornMark = []byte("#torn\n")

func fileName(seq int64) string {
	return fmt.Sprintf("%s%0*d%s", namePrefix, seqDigits, seq, nameSuffix)
}

// parseName returns the sequence number of a log file's name.
func parseName(name string) (seq int64, ok bool) {
	digits, ok := strings.CutPrefix(name, namePrefix)
	if !ok {
		return 0, false
	}
	if digits, ok = strings.CutSuffix(digits, nameSuffix); !ok || len(digits) != seqDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	return int64(n), err == nil
}

// segment is one file of the log.
type segment struct {
	seq, size int64
}

// files is the log on disk: a sequence of files of which the last is written. One goroutine uses it.
type files struct {
	fs                FS
	dir               string
	fileBytes         int64 // bound of one file
	maxBytes, reserve int64 // bound of all, and what stays free beside them

	lock     io.Closer
	segments []segment // oldest first
	total    int64     // bytes of all segments
	current  File      // the last segment, nil while closed
	unsynced bool      // current has content that was not synced
	unnamed  bool      // a name in dir was not synced
	ceiling  int64     // bound of total while the reserve is reached, else 0
	torn     int64     // torn lines found and closed
	lines    int64     // written to the last segment since the journal was opened
	removed  bool      // somebody removed the last segment; the writer reports it
	lost     int64     // lines that went with it
}

// open makes the folder ready and opens its last file for appending. It locks the folder anew, because another may have
// taken the place of the one that was locked.
func (f *files) open() error {
	f.close()
	if err := makeDir(f.fs, f.dir); err != nil {
		return err
	}
	lock, err := f.fs.Lock(f.dir)
	if err != nil {
		return err
	}
	f.lock = lock
	if err := f.scan(); err != nil {
		return err
	}
	// A file from before may have been named or written by a process that did not live to sync it.
	f.unnamed, f.unsynced = true, true
	if len(f.segments) == 0 {
		// The folder may be new, by this process or one that was killed. Once there is a file its path is safe.
		if err := syncPath(f.fs, f.dir); err != nil {
			return err
		}
		return f.create(1)
	}
	last := f.segments[len(f.segments)-1]
	file, err := f.fs.Append(f.path(last.seq), fileMode)
	if err != nil {
		return err
	}
	f.current = file
	if err := f.mend(last.size); err != nil {
		f.closeCurrent()
		return err
	}
	return nil
}

func (f *files) path(seq int64) string { return filepath.Join(f.dir, fileName(seq)) }

// last is the number of the last segment, 0 if there is none.
func (f *files) last() int64 {
	if len(f.segments) == 0 {
		return 0
	}
	return f.segments[len(f.segments)-1].seq
}

// scan reads which segments there are.
func (f *files) scan() error {
	entries, err := f.fs.List(f.dir)
	if err != nil {
		return err
	}
	before := f.last()
	f.segments, f.total = f.segments[:0], 0
	for _, e := range entries {
		if seq, ok := parseName(e.Name); ok {
			f.segments = append(f.segments, segment{seq, e.Size})
			f.total += e.Size
		}
	}
	slices.SortFunc(f.segments, func(a, b segment) int { return cmp.Compare(a.seq, b.seq) })
	if f.lines > 0 && !slices.ContainsFunc(f.segments, func(s segment) bool { return s.seq == before }) {
		f.miss()
	}
	if f.last() != before {
		f.lines = 0
	}
	return nil
}

// check gives up the current file and the lock if the file or the whole folder was removed: open makes both anew.
func (f *files) check() error {
	if f.current == nil {
		return nil
	}
	linked, err := f.current.Linked()
	if err == nil && !linked {
		f.miss()
		f.close()
	}
	return err
}

// miss notes that the last segment was removed with all lines in it.
func (f *files) miss() {
	f.removed = true
	f.lost += f.lines
	f.lines = 0
}

// mend closes the last line of the current file if it is torn. Where the mark does not fit, the next file is begun.
func (f *files) mend(size int64) error {
	if size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := f.current.ReadAt(last[:], size-1); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if last[0] == '\n' {
		return nil
	}
	if err := f.closeTorn(size); err != nil {
		return err
	}
	f.torn++
	return nil
}

func (f *files) closeTorn(size int64) error {
	if size+int64(len(tornMark)) > f.fileBytes {
		return f.rotate()
	}
	if err := f.makeRoom(int64(len(tornMark))); err != nil {
		return err
	}
	n, err := f.current.Write(tornMark)
	f.grow(int64(n))
	return err
}

// create begins segment seq.
func (f *files) create(seq int64) error {
	if seq > maxSeq {
		return fmt.Errorf("%s is the last possible log file: remove it", f.path(seq-1))
	}
	file, err := f.fs.Append(f.path(seq), fileMode)
	if err != nil {
		return err
	}
	f.current, f.unnamed, f.lines = file, true, 0
	f.segments = append(f.segments, segment{seq: seq})
	return nil
}

// rotate ends the current file, synced, and begins the next. If the current one was removed, another is open already.
func (f *files) rotate() error {
	full := f.current
	if err := f.sync(); err != nil {
		return err
	}
	if f.current != full {
		return nil
	}
	f.closeCurrent()
	return f.create(f.last() + 1)
}

// append writes whole lines and returns how many bytes of whole lines are written. After an error the current file is
// closed; the next call opens it again and closes the torn line, if there is one.
func (f *files) append(lines []byte) (written int, err error) {
	defer func() {
		if err != nil {
			f.closeCurrent()
		}
	}()
	if !f.unsynced { // nothing since the last sync: it may have been removed long ago
		if err := f.check(); err != nil {
			return 0, err
		}
	}
	for written < len(lines) {
		if f.current == nil {
			if err := f.open(); err != nil {
				return written, err
			}
		}
		chunk := f.fitting(lines[written:])
		if len(chunk) == 0 {
			if err := f.rotate(); err != nil {
				return written, err
			}
			continue
		}
		if err := f.makeRoom(int64(len(chunk))); err != nil {
			return written, err
		}
		n, err := f.current.Write(chunk)
		f.grow(int64(n))
		f.lines += int64(bytes.Count(chunk[:n], newline))
		written += bytes.LastIndexByte(chunk[:n], '\n') + 1
		if err != nil {
			return written, err
		}
		if n < len(chunk) {
			return written, io.ErrShortWrite
		}
	}
	return written, nil
}

// fitting returns the leading lines that fit into the current file. An empty file takes at least one.
func (f *files) fitting(lines []byte) []byte {
	size := f.segments[len(f.segments)-1].size
	room := f.fileBytes - size
	if int64(len(lines)) <= room {
		return lines
	}
	end := 0
	if room > 0 {
		end = bytes.LastIndexByte(lines[:room], '\n') + 1
	}
	if end == 0 && size == 0 {
		end = bytes.IndexByte(lines, '\n') + 1
	}
	return lines[:end]
}

func (f *files) grow(n int64) {
	f.segments[len(f.segments)-1].size += n
	f.total += n
	f.unsynced = f.unsynced || n > 0
}

// makeRoom removes the oldest files until n more bytes keep to the bounds.
func (f *files) makeRoom(n int64) error {
	limit := f.maxBytes
	if free, size, err := f.fs.Free(f.dir); err == nil && f.reserve > 0 && free-n < min(f.reserve, size/reserveShare) {
		if f.ceiling == 0 {
			f.ceiling = f.total
		}
		limit = min(limit, f.ceiling)
	} else {
		f.ceiling = 0 // enough space, or a file system that cannot tell: it will say ENOSPC
	}
	for f.total+n > limit && len(f.segments) > 1 {
		if err := f.fs.Remove(f.path(f.segments[0].seq)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		f.total -= f.segments[0].size
		f.segments = slices.Delete(f.segments, 0, 1)
	}
	if f.total+n > limit {
		return ErrReserve
	}
	return nil
}

// sync makes all lines written so far survive a power cut.
func (f *files) sync() error {
	if err := f.check(); err != nil {
		return err
	}
	if f.current == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	if f.unsynced {
		if err := f.current.Sync(); err != nil {
			f.closeCurrent()
			return err
		}
		f.unsynced = false
	}
	if f.unnamed {
		if err := f.fs.SyncDir(f.dir); err != nil {
			return err
		}
		f.unnamed = false
	}
	return nil
}

// closeCurrent closes the current file. Only a sync can tell whether its content is safe, so errors say nothing more.
func (f *files) closeCurrent() {
	if f.current != nil {
		_ = f.current.Close()
		f.current = nil
	}
}

// close gives up the files and the lock on the folder.
func (f *files) close() {
	f.closeCurrent()
	if f.lock != nil {
		_ = f.lock.Close()
		f.lock = nil
	}
}
