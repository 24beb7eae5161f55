package trace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// UnsupportedError says what tracing lacks here.
type UnsupportedError struct {
	Missing string // "the right to create eBPF maps"
	Takes   string // what it takes to have it
	Err     error  // of the kernel; fs.ErrPermission where rights are missing
}

// Error is one line.
func (e *UnsupportedError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("no %s: %s", e.Missing, e.Takes)
	}
	return fmt.Sprintf("no %s (%v): %s", e.Missing, e.Err, e.Takes)
}

func (e *UnsupportedError) Unwrap() error { return e.Err }

const rights = "run atoll as root or with CAP_BPF, CAP_PERFMON and CAP_DAC_READ_SEARCH (before Linux 5.8: CAP_SYS_ADMIN)"

// unsupported is an error of the kernel at what is missing then; option is that of the
// kernel's configuration which has it.
func unsupported(missing, option string, err error) *UnsupportedError {
	takes := "a kernel with " + option
	switch {
	case errors.Is(err, fs.ErrPermission):
		takes = rights + ", and under no policy that forbids it"
	case errors.Is(err, unix.EMFILE):
		takes = "raise RLIMIT_NOFILE (LimitNOFILE= of a service, ulimit -n of a shell)"
	case errors.Is(err, unix.ENFILE):
		takes = "raise /proc/sys/fs/file-max"
	case errors.Is(err, fs.ErrNotExist) && !hasProc():
		takes = "mount -t proc proc /proc"
	}
	return &UnsupportedError{Missing: missing, Takes: takes, Err: err}
}

// typedError makes an UnsupportedError of one that is none.
func typedError(err error) error {
	if _, ok := errors.AsType[*UnsupportedError](err); ok {
		return err
	}
	return unsupported("eBPF", "CONFIG_BPF_SYSCALL, of Linux 4.14 or later", err)
}

func hasProc() bool {
	_, err := os.Stat("/proc/self")
	return err == nil
}
