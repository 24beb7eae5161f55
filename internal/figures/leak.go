package figures

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"atoll/engine"
	"atoll/model"
)

// MeasureLeak is by how many KiB a worker grows over n inferences of the voice
// model, which has most operators.
func MeasureLeak(n int) (kb int, err error) {
	list, err := baselines()
	if err != nil {
		return 0, err
	}
	w, err := engine.Start(engine.Options{})
	if err != nil {
		return 0, err
	}
	defer w.Close()
	m, err := w.Load("voice", list[model.Audio])
	if err != nil {
		return 0, err
	}
	run := func(n int) {
		for range n {
			if err == nil {
				_, err = m.Run(engineDeadline)
			}
		}
	}
	run(2000)
	before, usageErr := usageOf(w.Stats().PID)
	if usageErr != nil {
		return 0, usageErr
	}
	run(n)
	if err != nil {
		return 0, err
	}
	after, err := usageOf(w.Stats().PID)
	return after.residentKB - before.residentKB, err
}

// usage is what a process holds.
type usage struct{ residentKB, files int }

func usageOf(pid int) (u usage, err error) {
	if pid == os.Getpid() {
		runtime.GC()
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmRSS: %d kB", &u.residentKB)
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	u.files = len(files)
	return u, err
}
