package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"atoll/engine"
)

// malformed makes a broken model of a sound one.
func malformed(r *rand.Rand, sound []byte) (kind string, data []byte) {
	switch r.IntN(4) {
	case 0:
		return "truncated", sound[:r.IntN(len(sound))]
	case 1:
		data = bytes.Clone(sound)
		for range 1 + r.IntN(16) {
			data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		}
		return "bit flips", data
	case 2: // where the tables are, not the weights
		data = bytes.Clone(sound)
		for range 1 + r.IntN(8) {
			data[len(data)-1-r.IntN(min(len(data), 8<<10))] ^= 1 << r.IntN(8)
			data[r.IntN(64)] ^= byte(r.IntN(2)) << r.IntN(8)
		}
		return "flips in tables", data
	}
	data = make([]byte, r.IntN(4096))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	if len(data) > 8 && r.IntN(2) == 0 {
		copy(data[4:], "TFL3")
	}
	return "random bytes", data
}

// A thousand malformed models, given to TensorFlow Lite without any check of
// ours before: each is an error, or still a model (a flipped bit of a weight
// makes another model, not a broken one). The parent never notices more.
func TestMalformedModels(t *testing.T) {
	const seed, models = 20261123, 1000
	r := rand.New(rand.NewPCG(seed, 0))
	clock := time.Unix(0, 0)
	w := start(t, engine.Options{LoadTimeout: 2 * time.Second, Now: func() time.Time {
		clock = clock.Add(time.Hour) // no limit on restarts here
		return clock
	}})
	good := load(t, w, "silero_vad_f32.tflite")
	want := answers(t, good)
	var sound [][]byte
	for _, name := range []string{"face_short_range.tflite", "silero_vad_f16.tflite", "text_classification.tflite"} {
		sound = append(sound, readModel(t, name))
	}
	before := descriptors(t)
	counts := map[string]int{}
	for range models {
		kind, data := malformed(r, sound[r.IntN(len(sound))])
		outcome := attempt(t, w, data)
		counts[kind+": "+outcome]++
		if (kind == "truncated" || kind == "random bytes") && outcome == "still a model" {
			t.Errorf("%s: no error", kind)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%4d %s", counts[k], k)
	}
	if got := answers(t, good); !slices.Equal(got, want) {
		t.Error("the sound model beside them gives another answer")
	}
	if after := descriptors(t); after > before+2 { // a replaced worker may be on its way
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

func attempt(t *testing.T, w *engine.Worker, data []byte) string {
	m, err := w.Load("malformed", data)
	if err == nil {
		_, err = m.Run(2 * time.Second)
		m.Close()
	}
	if err == nil {
		return "still a model"
	}
	if _, ok := errors.AsType[*engine.ModelError](err); ok {
		return "refused"
	}
	if _, ok := errors.AsType[*engine.WorkerError](err); ok {
		return "worker died or hung, replaced"
	}
	t.Errorf("unexpected kind of error: %v", err)
	return fmt.Sprintf("%T", err)
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestEmptyAndHugeModels(t *testing.T) {
	w := start(t, engine.Options{})
	for name, data := range map[string][]byte{"nil": nil, "empty": {}, "one byte": {1}, "zeros": make([]byte, 4096)} {
		if _, err := w.Load(name, data); err == nil {
			t.Errorf("%s: no error", name)
		} else if _, ok := errors.AsType[*engine.ModelError](err); !ok {
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
