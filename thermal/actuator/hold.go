package actuator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/sys/unix"

	"atoll/internal/durable"
)

const (
	recordName = "actuators.json"
	lockName   = "actuators.lock"
	bootFile   = "proc/sys/kernel/random/boot_id"
)

var bootName = regexp.MustCompile(`^[0-9a-z-]{1,64}$`)

// hold is the right to turn the actuators of a board: a locked file in the state
// folder and the record beside it. Instances with other state folders meet at a lock
// of the folder sys itself. The guard inherits both locks.
type hold struct {
	lock   *os.File
	sys    *os.File
	record string // its file
	boot   string

	left     record  // what a killed instance left behind on this boot
	failed   []entry // what of it could not be put back
	problems []Problem
}

// takeHold locks the state folder's record and puts back what it lists.
func takeHold(root string, o Options) (*hold, error) {
	if o.State == "" {
		return nil, errors.New("there is no state folder for the record of what to put back")
	}
	state, err := filepath.Abs(o.State) // the guard runs in another folder
	if err != nil {
		return nil, err
	}
	boot, err := readText(root, bootFile)
	if err != nil {
		return nil, err
	}
	if !bootName.MatchString(boot) {
		return nil, fmt.Errorf("%s: %.40q is no boot id", filepath.Join(root, bootFile), boot)
	}
	if err := os.MkdirAll(state, 0o750); err != nil {
		return nil, err
	}
	lock, err := takeLock(filepath.Join(state, lockName))
	if err != nil {
		return nil, err
	}
	sys, err := lockSys(root)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	h := &hold{lock: lock, sys: sys, record: filepath.Join(state, recordName), boot: boot}
	h.note(0)
	h.recover(root, o)
	return h, nil
}

// recover puts back what the record lists, if it is of this boot.
func (h *hold) recover(root string, o Options) {
	left, err := readRecord(h.record)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		err = fmt.Errorf("%s is refused and put aside as %s.refused, nothing is put back from it: %w", h.record, recordName, err)
		o.Logger.Error().Err(err).Msg("record of actuators is damaged")
		h.problems = append(h.problems, Problem{"record", errors.Join(err, os.Rename(h.record, h.record+".refused"))})
		return
	}
	if left.Boot != h.boot || len(left.Entries) == 0 {
		return
	}
	h.left = left
	h.failed, err = putBack(root, left.Entries, o.access.write)
	if err != nil {
		o.Logger.Error().Err(err).Msg("settings that a killed atoll left behind can't be put back")
		h.problems = append(h.problems, Problem{"record", err})
		return
	}
	o.Logger.Warn().Int("settings", len(left.Entries)).Msg("put back settings that a killed atoll left behind")
}

// save replaces the record.
func (h *hold) save(list []entry) error {
	if len(list) == 0 {
		return durable.Remove(h.record)
	}
	return durable.Replace(h.record, record{Boot: h.boot, Entries: list}.encode())
}

func (h *hold) release() {
	_ = h.sys.Close()
	_ = h.lock.Close()
}

// note writes into the lock who holds it, for those who find it locked.
func (h *hold) note(guard int) {
	b := fmt.Appendf(nil, "%d %d\n", os.Getpid(), guard)
	if _, err := h.lock.WriteAt(b, 0); err == nil {
		_ = h.lock.Truncate(int64(len(b)))
	}
}

// guardTime is how long a guard may take to put everything back.
const guardTime = 5 * time.Second

// takeLock locks a file. When a guard still puts back what its dead parent left, it
// waits for that.
func takeLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o640)
	if err != nil {
		return nil, err
	}
	err = flock(f)
	if errors.Is(err, unix.EWOULDBLOCK) {
		parent, guard := holders(f)
		if parent == 0 || !ends(parent, 0) || guard == 0 || !ends(guard, guardTime) {
			err = &HeldError{PID: parent}
		} else if err = flock(f); errors.Is(err, unix.EWOULDBLOCK) {
			err = &HeldError{PID: parent}
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return f, nil
}

func lockSys(root string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(root, "sys"), os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	if err = flock(f); err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = &HeldError{}
	}
	return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
}

func flock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// holders reads who holds the lock; 0 is unknown.
func holders(f *os.File) (parent, guard int) {
	b := make([]byte, 64)
	n, _ := f.ReadAt(b, 0)
	if k, err := fmt.Sscanf(string(b[:n]), "%d %d\n", &parent, &guard); err != nil || k != 2 || parent <= 0 || guard < 0 {
		return 0, 0
	}
	return parent, guard
}

// ends reports whether a process has ended or does so within the time.
func ends(pid int, within time.Duration) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return errors.Is(err, unix.ESRCH)
	}
	defer unix.Close(fd)
	deadline := time.Now().Add(within)
	for {
		left := unix.NsecToTimespec(int64(max(time.Until(deadline), 0)))
		n, err := unix.Ppoll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, &left, nil)
		if err == unix.EINTR {
			continue
		}
		return err == nil && n > 0
	}
}
