package actuator

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"atoll/internal/durable"
)

// Guard is the guard process. On in it hears what there is to put back, a line for
// each change of that, and writes to ready when it has heard so first. When in ends,
// which the death of the parent makes it do, it puts back what it heard last and
// removes the file of the record. Signals that end a whole group don't end it.
func Guard(root, record string, in io.Reader, ready io.Writer) error {
	// SIGPIPE: the parent's standard error may be gone with it.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	g := guarding{root: root, record: record, write: writeAttribute, sleep: time.Sleep, stderr: os.Stderr}
	return g.run(in, ready)
}

// guarding is what a guard needs to work.
type guarding struct {
	root, record string
	write        func(name string, b []byte) error
	sleep        func(time.Duration)
	stderr       io.Writer
}

// retries of what can't be put back; together they stay below guardTime.
var retries = []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond}

func (g *guarding) run(in io.Reader, ready io.Writer) error {
	list := g.listen(in, ready)
	if len(list) == 0 {
		return nil // the parent did it
	}
	left, err := putBack(g.root, list, g.write)
	for _, pause := range retries {
		if len(left) == 0 {
			break
		}
		g.sleep(pause)
		left, err = putBack(g.root, left, g.write)
	}
	if len(left) > 0 {
		return fmt.Errorf("guard: these settings stay until the next start of atoll: %w", err)
	}
	fmt.Fprintf(g.stderr, "atoll guard: put back %d settings that atoll left behind\n", len(list))
	return durable.Remove(g.record)
}

// listen returns what it heard last before in ended; it never returns before that,
// because then the parent still turns the actuators. A line without an end was being
// written when the parent died and does not count.
func (g *guarding) listen(in io.Reader, ready io.Writer) []entry {
	var list []entry
	told := false
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 4096), maxRecord)
	lines.Split(wholeLines)
	for lines.Scan() {
		r, err := decodeRecord(lines.Bytes())
		if err != nil {
			fmt.Fprintf(g.stderr, "atoll guard: what the parent says can't be read: %v\n", err)
			continue
		}
		list = r.Entries
		if !told {
			told = true
			if _, err := ready.Write([]byte{'\n'}); err != nil {
				fmt.Fprintf(g.stderr, "atoll guard: the parent does not hear: %v\n", err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintf(g.stderr, "atoll guard: the parent can't be heard any more: %v\n", err)
		_, _ = io.Copy(io.Discard, in)
	}
	return list
}

// wholeLines is bufio.ScanLines without a last line that has no end.
func wholeLines(data []byte, _ bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	return 0, nil, nil
}
