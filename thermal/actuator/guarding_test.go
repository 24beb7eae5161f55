package actuator

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// The guard's own side, without processes.
func TestGuarding(t *testing.T) {
	line := func(list ...entry) string { return string(record{Boot: bootID, Entries: list}.encode()) }
	low, high := entry{Path: cap0, Value: 1000000}, entry{Path: cap0, Value: 1500000}
	long := strings.Repeat("x", maxRecord+2)
	for name, c := range map[string]struct {
		in   io.Reader
		want string
	}{
		"nothing":             {strings.NewReader(""), "500000"},
		"told nothing":        {strings.NewReader(line()), "500000"},
		"told once":           {strings.NewReader(line(high)), "1500000"},
		"a byte at a time":    {iotest.OneByteReader(strings.NewReader(line(high))), "1500000"},
		"the last counts":     {strings.NewReader(line(low) + line(high)), "1500000"},
		"parent did it":       {strings.NewReader(line(high) + line()), "500000"},
		"torn":                {strings.NewReader(line(high) + strings.TrimSpace(line(low))), "1500000"},
		"torn at once":        {strings.NewReader(line(high)[:20]), "500000"},
		"nonsense between":    {strings.NewReader(line(high) + "{}\nxyz\n"), "1500000"},
		"a line far too long": {strings.NewReader(line(high) + long + "\n" + line()), "1500000"},
		"pipe fails":          {io.MultiReader(strings.NewReader(line(high)), iotest.ErrReader(errBusy)), "1500000"},
	} {
		r := newRig(t, onlyCPU().with(files{cap0: "500000"}))
		g := guarding{root: r.root, record: filepath.Join(r.root, recordName), write: r.access().write, sleep: func(time.Duration) {}, stderr: io.Discard}
		if err := g.run(c.in, io.Discard); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := r.get(cap0); got != c.want {
			t.Errorf("%s: %s kHz, want %s", name, got, c.want)
		}
	}
}

// A parent that can't be understood any more still lives: nothing is put back before
// its end.
func TestGuardingWaits(t *testing.T) {
	r := newRig(t, onlyCPU().with(files{cap0: "500000"}))
	g := guarding{root: r.root, record: filepath.Join(r.root, recordName), write: writeAttribute, stderr: io.Discard}
	out, in := io.Pipe()
	ended := make(chan error)
	go func() { ended <- g.run(out, io.Discard) }()
	said := string(record{Boot: bootID, Entries: []entry{{Path: cap0, Value: 1500000}}}.encode())
	for _, text := range []string{said, strings.Repeat("x", maxRecord+2), "more"} {
		wrote := make(chan error)
		go func() {
			_, err := io.WriteString(in, text)
			wrote <- err
		}()
		select {
		case err := <-wrote:
			if err != nil {
				t.Fatal(err)
			}
		case err := <-ended:
			t.Fatalf("ended (%v) while its parent lives", err)
		}
		r.want("parent lives", files{cap0: "500000"})
	}
	in.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	r.want("parent ended", files{cap0: "1500000"})
}

func TestGuardingRetries(t *testing.T) {
	for _, c := range []struct{ failures, want int }{{0, 0}, {1, 1}, {len(retries), len(retries)}, {len(retries) + 1, -1}} {
		r := newRig(t, onlyCPU().with(files{cap0: "500000", recordName: "x"}))
		failures, slept := c.failures, 0
		r.fail = func(string, string) error {
			if failures--; failures >= 0 {
				return errBusy
			}
			return nil
		}
		g := guarding{
			root: r.root, record: filepath.Join(r.root, recordName), write: r.access().write,
			sleep: func(time.Duration) { slept++ }, stderr: io.Discard,
		}
		err := g.run(bytes.NewReader(record{Boot: bootID, Entries: []entry{{Path: cap0, Value: 1500000}}}.encode()), io.Discard)
		_, gone := os.Stat(g.record)
		if failed := c.want < 0; (err != nil) != failed || (gone == nil) != failed || !failed && slept != c.want {
			t.Errorf("%d failures: %v after %d pauses, record %v", c.failures, err, slept, gone)
		}
	}
	total := time.Duration(0)
	for _, pause := range retries {
		total += pause
	}
	if total >= guardTime {
		t.Errorf("pauses take %v, the guard has %v", total, guardTime)
	}
}
