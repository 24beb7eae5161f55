package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Clock tells the time for the stamp of a record.
type Clock interface {
	// Now is the wall clock, which may be wrong and may step.
	Now() time.Time
	// SinceBoot is the time since the machine started. It never falls.
	SinceBoot() time.Duration
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) SinceBoot() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail on Linux
	}
	return time.Duration(ts.Nano())
}

// unknownBoot stands in for the boot id where the kernel does not give one.
const unknownBoot = "unknown"

// bootID reads the kernel's id of this boot (random(4)) below root.
func bootID(root string) (string, error) {
	name := filepath.Join(root, "proc/sys/kernel/random/boot_id")
	raw, err := os.ReadFile(name)
	if err != nil {
		return unknownBoot, err
	}
	id := strings.TrimSpace(string(raw))
	if !validBoot(id) {
		return unknownBoot, fmt.Errorf("%s: not a boot id", name)
	}
	return id, nil
}

// validBoot reports whether id can stand in a stamp without being escaped.
func validBoot(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
