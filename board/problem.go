package board

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Kind tells for what reason something cannot be used, for programs.
type Kind string

// Kinds of problems.
const (
	Absent      Kind = "absent"      // a driver, node or file that it takes does not exist
	Permission  Kind = "permission"  // it exists, but not for this process
	Driver      Kind = "driver"      // the driver answers with an error: EAGAIN, EIO, …
	Invalid     Kind = "invalid"     // what was read makes no sense
	Busy        Kind = "busy"        // another program holds it
	Degraded    Kind = "degraded"    // it works, but worse than it could
	Unsupported Kind = "unsupported" // the kernel was built without it
	NotProbed   Kind = "not_probed"  // a captured tree cannot tell
)

// Problem is why something that is present cannot be used, or not fully, and what
// to do about it.
type Problem struct {
	Kind Kind   `json:"kind"`
	What string `json:"what"` // "no permission on /dev/apex_0"
	Fix  string `json:"fix"`  // one instruction, or empty if there is none
}

// readProblem is why an attribute could not be read.
func readProblem(name string, err error) *Problem {
	var errno syscall.Errno
	var garbage *errNoNumber
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(name, "proc/"):
		return &Problem{Absent, fmt.Sprintf("/%s does not exist", name), "mount it: sudo mount -t proc proc /proc"}
	case errors.Is(err, fs.ErrNotExist):
		return &Problem{Absent, fmt.Sprintf("/%s does not exist", name), "the driver does not offer it: see dmesg for its messages"}
	case errors.Is(err, fs.ErrPermission):
		return &Problem{Permission, fmt.Sprintf("no permission to read /%s", name), "run atoll as root, or let its group read the file"}
	case errors.Is(err, syscall.EAGAIN):
		return &Problem{Driver, fmt.Sprintf("the driver has no value in /%s (EAGAIN)", name), "it may be asleep or still starting: try again; if it stays so, see dmesg"}
	case errors.As(err, &garbage):
		return &Problem{Invalid, garbage.Error(), "a driver writes a number there: see dmesg for its messages"}
	case errors.As(err, &errno):
		return &Problem{Driver, fmt.Sprintf("the driver cannot read /%s (%s)", name, unix.ErrnoName(errno)), "check that the part is powered and wired, and see dmesg"}
	}
	return &Problem{Invalid, fmt.Sprintf("cannot read /%s: %v", name, err), ""}
}

// implausible is a number that no such part can measure.
func implausible(name string, n int64) *Problem {
	return &Problem{Invalid, fmt.Sprintf("/%s reads %d, which no such part can measure", name, n), "the sensor is broken, unpowered or not wired: it is left out"}
}

// nodeProblem is why a device node cannot be used so, or nil. The rule tells how to
// get the permission.
func (r *reader) nodeProblem(name string, mode Mode, rule string) *Problem {
	err := r.tree.Access(name, mode)
	var errno syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &Problem{Absent, fmt.Sprintf("/%s does not exist", name), "the kernel has the device: start udev, or give the container its node (docker run --device)"}
	case errors.Is(err, fs.ErrPermission):
		return &Problem{Permission, fmt.Sprintf("no permission on /%s", name), rule}
	case errors.As(err, &errno):
		return &Problem{Driver, fmt.Sprintf("cannot use /%s (%s)", name, unix.ErrnoName(errno)), "see dmesg for the driver's messages"}
	}
	return &Problem{Invalid, fmt.Sprintf("cannot use /%s: %v", name, err), ""}
}

// groupRule tells how to join the group that owns a kind of nodes.
func groupRule(group string) string {
	return fmt.Sprintf("join its group: sudo usermod -aG %s $USER, then log in again", group)
}
