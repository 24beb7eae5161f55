package sensors

import (
	"bytes"
	"errors"
	"io"
)

// cpuTimes is what /proc/stat tells of a CPU (proc_stat(5)), in ticks since boot.
type cpuTimes struct {
	number     int
	busy, idle uint64
	share      float64 // busy of all, between the last two readings that differ
}

var (
	errNoCPU = errors.New("has no line of a CPU")
	errStat  = errors.New("not the form of proc_stat(5)")
)

// nextCPU returns the first CPU of the lines and those after it; io.EOF when there is
// none: the CPUs come first, and a line that is cut off does not count.
func nextCPU(lines []byte) (cpuTimes, []byte, error) {
	for {
		line, rest, whole := bytes.Cut(lines, []byte("\n"))
		after, ok := bytes.CutPrefix(line, []byte("cpu"))
		if !whole || !ok {
			return cpuTimes{}, nil, io.EOF
		}
		if len(after) > 0 && after[0] == ' ' {
			lines = rest // the sum of all
			continue
		}
		t, err := parseCPU(after)
		return t, rest, err
	}
}

// parseCPU reads what follows "cpu": its number, and the times as user, nice,
// system, idle, iowait, irq, softirq, steal; guests are in user and nice.
func parseCPU(line []byte) (t cpuTimes, err error) {
	number, line := field(line)
	n, err := parseNumber(number)
	if err != nil || n < 0 || n > 1<<20 {
		return t, errStat
	}
	t.number = int(n)
	for i := range 8 {
		var word []byte
		if word, line = field(line); len(word) == 0 {
			if i < 4 {
				return t, errStat
			}
			break // an old kernel
		}
		n, err := parseNumber(word)
		if err != nil || n < 0 {
			return t, errStat
		}
		if i == 3 || i == 4 {
			t.idle += uint64(n)
		} else {
			t.busy += uint64(n)
		}
	}
	return t, nil
}

// field returns the first word of a line and what follows.
func field(line []byte) (word, rest []byte) {
	line = bytes.TrimLeft(line, " ")
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		return line[:i], line[i:]
	}
	return line, nil
}

// since returns how busy the CPU was from the time of last on, 0 to 1. Counters may
// fall: iowait does, and all may when a CPU comes back.
func (t cpuTimes) since(last cpuTimes) float64 {
	busy, idle := float64(t.busy)-float64(last.busy), float64(t.idle)-float64(last.idle)
	busy, idle = max(busy, 0), max(idle, 0)
	if busy+idle == 0 {
		return last.share // less than a tick has passed
	}
	return busy / (busy + idle)
}
