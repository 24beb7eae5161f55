package figures

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Footprint is what a run of a program took.
type Footprint struct {
	Wall time.Duration
	CPU  time.Duration // of the processors, for it and those that it waited for
	// Peak is the sum of the largest resident sets of the program and of those it
	// started, in bytes. Pages that they share count in each, and the largest of one may
	// be at another time than that of another, so it is no less than what was used at once.
	Peak int64
}

// peakEvery is how often the largest resident sets are read, which the kernel keeps: only
// what they grow by between the last reading and the end is missed.
const peakEvery = 50 * time.Millisecond

// MeasureRun runs a program to its end.
func MeasureRun(ctx context.Context, program string, args ...string) (f Footprint, err error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return f, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	peaks := map[int]int64{}
	tick := time.NewTicker(peakEvery)
	defer tick.Stop()
	for running := true; running; {
		select {
		case err = <-ended:
			running = false
		case <-tick.C:
			notePeaks(peaks, cmd.Process.Pid)
		}
	}
	f.Wall = time.Since(began)
	if err != nil {
		return f, fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	f.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	for _, bytes := range peaks {
		f.Peak += bytes
	}
	if f.Peak == 0 {
		return f, errors.New("it ended before its memory was read")
	}
	return f, nil
}

// notePeaks notes the largest resident sets so far of a process and its children. Those
// that have just ended have none.
func notePeaks(peaks map[int]int64, pid int) {
	children, err := Children(pid)
	if err != nil {
		return
	}
	for _, p := range append(children, pid) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			var kb int64
			if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
				peaks[p] = kb << 10
			}
		}
	}
}
