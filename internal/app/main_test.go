package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"atoll/engine/worker"
	"atoll/thermal/actuator"
)

// TestMain makes this test binary its own worker and guard, as atoll is, and a run that
// is to be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "worker":
			exit(worker.Main())
		case "guard":
			exit(actuator.Guard(os.Args[2], os.Args[3], os.Stdin, os.Stdout))
		case "run":
			exit(runToBeEnded(os.Args[2], os.Args[3]))
		case "panics":
			exit(runToPanic(os.Args[2], os.Args[3]))
		}
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		unix.Exit(1)
	}
	unix.Exit(0) // os.Exit waits for a second under the race detector
}

// logbook is a log that tests read while it is written.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// records are those with that message so far.
func (l *logbook) records(t testing.TB, message string) (list []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.text.Bytes()) {
		var r map[string]any
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if r["message"] == message {
			list = append(list, r)
		}
	}
	return list
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
