package engine_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"atoll/engine"
)

func TestNoModelAtAll(t *testing.T) {
	w := start(t, engine.Options{})
	for name, data := range map[string][]byte{"nil": nil, "empty": {}, "one byte": {1}, "zeros": make([]byte, 4096)} {
		_, err := w.Load(name, data)
		if _, ok := errors.AsType[*engine.ModelError](err); !ok {
			t.Errorf("%s: %v, want a ModelError", name, err)
		}
	}
	if got := w.Stats().Starts; got != 1 {
		t.Errorf("%d workers started, want 1", got)
	}
}

// The worker's memory is the same after many inferences. The steady path has no
// allocation in either process; this holds TensorFlow Lite to it as well.
func TestNoLeak(t *testing.T) {
	runs := 100_000
	if testing.Short() || raceEnabled {
		runs = 10_000
	}
	w := start(t, engine.Options{})
	m := load(t, w, "silero_vad_f32.tflite")
	run := func(n int) {
		for range n {
			if _, err := m.Run(deadline); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(2000)
	pid := w.Stats().PID
	before := residentKB(t, pid)
	run(runs)
	after := residentKB(t, pid)
	t.Logf("worker: %d KiB before, %d KiB after %d inferences", before, after, runs)
	if after > before+512 {
		t.Errorf("worker grew by %d KiB", after-before)
	}
}

// Models that come and go leave nothing behind, in the parent or the worker.
func TestLoadAndCloseLeakNothing(t *testing.T) {
	w := start(t, engine.Options{})
	data := readModel(t, "face_short_range.tflite")
	cycle := func(n int) {
		for range n {
			m, err := w.Load("face", data)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Run(deadline); err != nil {
				t.Fatal(err)
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	cycle(20)
	pid := w.Stats().PID
	memory, files := residentKB(t, pid), descriptors(t, "self")
	workerFiles := descriptors(t, fmt.Sprint(pid))
	cycle(100)
	if grew := residentKB(t, pid) - memory; grew > 2048 {
		t.Errorf("worker grew by %d KiB over 100 models", grew)
	}
	if got := descriptors(t, "self"); got != files {
		t.Errorf("parent has %d descriptors, %d before", got, files)
	}
	if got := descriptors(t, fmt.Sprint(pid)); got != workerFiles {
		t.Errorf("worker has %d descriptors, %d before", got, workerFiles)
	}
}

func descriptors(t *testing.T, process string) int {
	t.Helper()
	list, err := os.ReadDir("/proc/" + process + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func residentKB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kb int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			return kb
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
