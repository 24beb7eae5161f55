package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

var (
	// ErrBusy says that another process writes logs to the same folder.
	ErrBusy = errors.New("another process is writing logs there")
	// ErrClosed is what a closed Journal answers.
	ErrClosed = errors.New("the journal is closed")
	// ErrReserve says that the file system has too little free space to let the logs grow.
	ErrReserve = errors.New("the reserve of free space is reached")

	errRemoved = errors.New("the log file was removed")
)

// DirError says that logs cannot be written to a folder and what to do about it. It wraps the cause.
type DirError struct {
	Dir  string
	Hint string // what the user can do
	Err  error
}

func (e *DirError) Error() string {
	return fmt.Sprintf("cannot write logs in %s: %v: %s", e.Dir, e.Err, e.Hint)
}

// Unwrap returns the cause.
func (e *DirError) Unwrap() error { return e.Err }

func dirError(dir string, err error) *DirError {
	hint := "choose another state folder"
	switch {
	case errors.Is(err, ErrBusy):
		hint = "stop the other process or choose another state folder"
	case errors.Is(err, syscall.EROFS):
		hint = "mount it writable or choose a state folder on a writable file system"
	case errors.Is(err, fs.ErrPermission):
		hint = "give this user the right to write there or choose another state folder"
	case errors.Is(err, syscall.ENOTDIR):
		hint = "move away the file that stands where a folder should be or choose another state folder"
	}
	return &DirError{Dir: dir, Hint: hint, Err: err}
}

// passing reports whether the cause of err may go away by itself, so that trying again makes sense.
func passing(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, ErrReserve} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
