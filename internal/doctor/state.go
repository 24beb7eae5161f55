package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"
)

// Disk is the file system that holds the state.
type Disk interface {
	// Folder looks at a folder, or at the nearest one above it that there is.
	Folder(dir string) (Folder, error)
	// Write writes, syncs and removes a small file in dir, and tells how long that took.
	Write(dir string) (time.Duration, error)
	// Writable is nil if this process may make something in dir.
	Writable(dir string) error
	// Logs is how much the files in dir take, in bytes; 0 if there are none.
	Logs(dir string) int64
	Exists(name string) bool
}

// Folder is what the file system says of a folder.
type Folder struct {
	Dir        string // that there is
	Type       string // of the file system, where it is one of these: "tmpfs", "ramfs", "overlay"
	Free, Size int64  // of the file system, bytes
}

// What state and logs take beside the log's cap: the journal's reserve
// (journal.Options.ReserveBytes), which is never more than an eighth of the disk.
const reserve = 32 << 20

// slowSync is a sync that shows a card near its end, or too busy.
const slowSync = 500 * time.Millisecond

func checkState(_ context.Context, x *examination) Item {
	state := x.Live.State
	if state == "" {
		return failed("no state folder, as HOME is not set", "give one: --state DIR")
	}
	f, err := x.Live.Disk.Folder(state)
	if err != nil {
		return failed(cause(state, err), "name a folder on a disk that works: --state DIR")
	}
	const unwritable = "let its user write there (chown), mount the disk writable, or name another: --state DIR"
	found := state
	var took time.Duration
	if f.Dir == state {
		took, err = x.Live.Disk.Write(state)
	} else {
		found += " (made at the first run)"
		err = x.Live.Disk.Writable(f.Dir)
	}
	if errors.Is(err, syscall.ENOSPC) {
		return failed("nothing can be kept there: "+cause(state, err), "make room on the disk, or name another: --state DIR")
	}
	if err != nil {
		return failed("nothing can be kept there: "+cause(state, err), unwritable)
	}
	return x.room(f, found, took)
}

// room judges a folder that can be written.
func (x *examination) room(f Folder, found string, took time.Duration) Item {
	log := x.config.Log
	limit, file := int64(log.MaxMB)<<20, int64(log.FileMB)<<20
	there := f.Free + x.Live.Disk.Logs(filepath.Join(x.Live.State, "log"))
	found += fmt.Sprintf(", %s free", mebibytes(f.Free))
	fix := fmt.Sprintf("make room on the disk, or lower log.max_mb (%d)", log.MaxMB)
	switch {
	case there < 2*file:
		return failed(found+": not enough for two log files", fix)
	case there < limit+min(reserve, f.Size/8):
		return warning(fmt.Sprintf("%s: the log may take %s, so old lines go early", found, mebibytes(limit)), fix)
	case f.Type == "tmpfs" || f.Type == "ramfs":
		return warning(fmt.Sprintf("%s, in memory (%s): logs and state are lost at every restart", found, f.Type), "put it on a disk: --state DIR")
	case f.Type == "overlay":
		return warning(found+", on an overlay: logs and state are lost at a restart if its upper layer is in memory (read-only root, container)", "put it on a partition or volume of its own: --state DIR")
	case took > slowSync:
		return warning(fmt.Sprintf("%s, but a small file took %v to sync", found, took.Round(time.Millisecond)), "the card may be near its end, or too busy: replace it before it goes up")
	}
	return ok("%s", found)
}

// cause tells an error with the folder that it is about.
func cause(dir string, err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Sprintf("%s: %v", dir, path.Err)
	}
	return err.Error()
}
