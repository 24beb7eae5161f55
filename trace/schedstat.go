package trace

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// schedstat follows a worker's thread by what /proc and the worker itself tell of it.
type schedstat struct {
	file   int    // /proc/PID/task/TID/schedstat; 0: none
	before uint64 // waited as the job at hand began
	slot   uint32
	usage  [3]uint64 // on a CPU, in ns; minor and major faults
	buf    [64]byte
}

// probeSchedstat says whether the kernel has what schedstat reads.
func probeSchedstat() error {
	var s schedstat
	err := s.open(os.Getpid(), os.Getpid())
	s.close()
	return err
}

func (s *schedstat) open(pid, thread int) error {
	s.close()
	file, err := unix.Open(fmt.Sprintf("/proc/%d/task/%d/schedstat", pid, thread), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return unsupported("file /proc/PID/task/TID/schedstat", "CONFIG_SCHED_INFO; until then waiting for a CPU counts as blocked", err)
	}
	s.file = file
	return nil
}

func (s *schedstat) close() {
	if s.file > 0 {
		unix.Close(s.file)
	}
	s.file = 0
}

// waited is how long the thread has waited for a CPU in its life, in nanoseconds: the
// second number of the file. 0 where there is none.
func (s *schedstat) waited() (ns uint64) {
	if s.file == 0 {
		return 0
	}
	n, err := unix.Pread(s.file, s.buf[:], 0)
	if err != nil {
		return 0 // it has died
	}
	spaces := 0
	for _, c := range s.buf[:n] {
		switch {
		case c == ' ':
			spaces++
		case spaces == 1 && c >= '0' && c <= '9':
			ns = 10*ns + uint64(c-'0')
		}
	}
	return ns
}

// job is the one at hand, which took wall.
func (s *schedstat) job(asked, wall uint64) bpfJob {
	onCPU := min(s.usage[0], wall)
	waited := s.waited()
	waited = min(waited-min(s.before, waited), wall-onCPU)
	j := bpfJob{Asked: asked, Marked: asked, Replied: asked + wall, MinKhz: noClock, Slot: s.slot}
	j.Parts[OnCPU], j.Parts[RunQueue], j.Parts[Blocked] = onCPU, waited, wall-onCPU-waited
	j.Counts[0], j.Counts[1] = s.usage[1], s.usage[2]
	return j
}
