package trace

import (
	"errors"
	"fmt"
	"io/fs"
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
	if errors.Is(err, fs.ErrPermission) {
		takes = rights + ", and under no policy that forbids it"
	}
	return &UnsupportedError{Missing: missing, Takes: takes, Err: err}
}
