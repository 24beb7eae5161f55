package engine_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"atoll/engine"
)

const deadline = 5 * time.Second

func readModel(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../models/" + name)
	if err != nil {
		t.Fatalf("%v: run make models", err)
	}
	return data
}

func start(t testing.TB, opts engine.Options) *engine.Worker {
	t.Helper()
	w, err := engine.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func load(t testing.TB, w *engine.Worker, name string) *engine.Model {
	t.Helper()
	m, err := w.Load(name, readModel(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// answers is what silero says of a fixed input: enough to tell right from wrong.
func answers(t testing.TB, m *engine.Model) []float32 {
	t.Helper()
	in := m.Inputs()[0].Float32s()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range in {
		in[i] = r.Float32() - 0.5
	}
	if _, err := m.Run(deadline); err != nil {
		t.Fatal(err)
	}
	return slices.Concat(m.Outputs()[0].Float32s(), m.Outputs()[1].Float32s())
}

func TestDescribesTensors(t *testing.T) {
	w := start(t, engine.Options{})
	cases := []struct {
		model           string
		inputs, outputs [][]int
	}{
		{"face_short_range.tflite", [][]int{{1, 128, 128, 3}}, [][]int{{1, 896, 16}, {1, 896, 1}}},
		{"face_full_range.tflite", [][]int{{1, 192, 192, 3}}, [][]int{{1, 2304, 16}, {1, 2304, 1}}},
		{"face_full_range_sparse.tflite", [][]int{{1, 192, 192, 3}}, [][]int{{1, 2304, 16}, {1, 2304, 1}}},
		{"silero_vad_f32.tflite", [][]int{{1, 576}, {1, 128}, {1, 128}}, [][]int{{1, 1}, {1, 128}, {1, 128}}},
		{"silero_vad_f16.tflite", [][]int{{1, 576}, {1, 128}, {1, 128}}, [][]int{{1, 1}, {1, 128}, {1, 128}}},
		{"text_classification.tflite", [][]int{{1, 256}}, [][]int{{1, 2}}},
	}
	shapes := func(list []engine.Tensor) (all [][]int) {
		for _, x := range list {
			all = append(all, x.Shape)
		}
		return all
	}
	for _, c := range cases {
		m := load(t, w, c.model)
		if got := shapes(m.Inputs()); !slices.EqualFunc(got, c.inputs, slices.Equal) {
			t.Errorf("%s inputs: got %v, want %v", c.model, got, c.inputs)
		}
		if got := shapes(m.Outputs()); !slices.EqualFunc(got, c.outputs, slices.Equal) {
			t.Errorf("%s outputs: got %v, want %v", c.model, got, c.outputs)
		}
		if _, err := m.Run(deadline); err != nil {
			t.Errorf("%s: %v", c.model, err)
		}
	}
}

func TestSameInputSameOutput(t *testing.T) {
	want := answers(t, load(t, start(t, engine.Options{}), "silero_vad_f32.tflite"))
	for range 3 {
		if got := answers(t, load(t, start(t, engine.Options{}), "silero_vad_f32.tflite")); !slices.Equal(got, want) {
			t.Fatal("another worker gives another answer to the same input")
		}
	}
}

func TestKilledWorkerIsReplaced(t *testing.T) {
	w := start(t, engine.Options{})
	m, other := load(t, w, "silero_vad_f32.tflite"), load(t, w, "text_classification.tflite")
	want := answers(t, m)
	for range 5 {
		if err := syscall.Kill(w.Stats().PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		// Whether this job or the engine itself finds out first is chance.
		_, err := m.Run(deadline)
		if got, ok := errors.AsType[*engine.WorkerError](err); err != nil && (!ok || !strings.Contains(got.Cause, "signal: killed")) {
			t.Fatalf("job of a killed worker: %v, want a WorkerError that says killed", err)
		}
		if _, err := m.Run(deadline); err != nil {
			t.Fatalf("job after: %v", err)
		}
		if got := answers(t, m); !slices.Equal(got, want) {
			t.Fatal("new worker gives another answer")
		}
		if _, err := other.Run(deadline); err != nil {
			t.Fatalf("other model after: %v", err)
		}
	}
	if got := w.Stats().Starts; got != 6 {
		t.Errorf("%d starts, want 6", got)
	}
}

// A worker that dies between two jobs costs none of them.
func TestIdleWorkerIsReplaced(t *testing.T) {
	w := start(t, engine.Options{})
	m := load(t, w, "silero_vad_f32.tflite")
	pid := w.Stats().PID
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for w.Stats().PID == pid || w.Stats().PID == 0 { // the engine notices by itself
		unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
	}
	if _, err := m.Run(deadline); err != nil {
		t.Errorf("next job: %v", err)
	}
	if got := w.Stats(); got.Failed != 0 || got.Starts != 2 {
		t.Errorf("stats %+v, want no failure and two starts", got)
	}
}

// Signals to the whole process group are for the parent to act on.
func TestWorkerLeavesSignalsToItsParent(t *testing.T) {
	w := start(t, engine.Options{})
	m := load(t, w, "silero_vad_f32.tflite")
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(w.Stats().PID, signal); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Run(deadline); err != nil {
			t.Errorf("job after %v: %v", signal, err)
		}
	}
	if got := w.Stats().Starts; got != 1 {
		t.Errorf("%d starts, want 1", got)
	}
}

func TestHangingWorkerIsReplaced(t *testing.T) {
	w := start(t, engine.Options{})
	m := load(t, w, "silero_vad_f32.tflite")
	if _, err := m.Run(deadline); err != nil {
		t.Fatal(err)
	}
	pid := w.Stats().PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err := m.Run(50 * time.Millisecond)
	if got, ok := errors.AsType[*engine.WorkerError](err); !ok || got.Cause != "deadline of 50ms passed" {
		t.Fatalf("job of a stopped worker: %v, want a WorkerError that says deadline", err)
	}
	t.Logf("failed %v after the call", time.Since(began))
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("worker %d is still there: %v", pid, err)
	}
	if _, err := m.Run(deadline); err != nil {
		t.Errorf("job after: %v", err)
	}
}

func TestBrokenWorkers(t *testing.T) {
	for mode, want := range map[string]string{
		"exits":   "exit status 3 (no room in the boat)",
		"garbage": "reply to another request",
		"short":   "message too short",
		"hangs":   "deadline of 200ms passed",
	} {
		t.Run(mode, func(t *testing.T) {
			w := start(t, engine.Options{Command: []string{"/proc/self/exe", mode}, LoadTimeout: 200 * time.Millisecond})
			_, err := w.Load("m", readModel(t, "silero_vad_f32.tflite"))
			got, ok := errors.AsType[*engine.WorkerError](err)
			if !ok || !strings.Contains(got.Cause, want) {
				t.Errorf("load: %v, want a WorkerError that says %q", err, want)
			}
		})
	}
}

func TestWorkerThatCannotStart(t *testing.T) {
	_, err := engine.Start(engine.Options{Command: []string{"/nonexistent"}})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("start of nothing: %v, want ErrNotExist", err)
	}
}

// A worker that always dies is not started without end.
func TestRestartsAreLimited(t *testing.T) {
	now, mu := time.Unix(0, 0), sync.Mutex{}
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	w := start(t, engine.Options{Command: []string{"/proc/self/exe", "exits"}, Now: clock})
	data := readModel(t, "silero_vad_f32.tflite")
	limited := false
	for range 30 {
		_, err := w.Load("m", data)
		limit, ok := errors.AsType[*engine.RestartLimitError](err)
		if ok && limit.Wait > 0 {
			limited = true
			break
		}
	}
	if !limited {
		t.Fatal("30 workers died and nobody stopped it")
	}
	starts := w.Stats().Starts
	if starts > 12 {
		t.Errorf("%d starts before the limit", starts)
	}
	mu.Lock()
	now = now.Add(time.Minute)
	mu.Unlock()
	if _, err := w.Load("m", data); err == nil || strings.Contains(err.Error(), "too often") {
		t.Errorf("a minute later: %v, want another try", err)
	}
}

func TestClose(t *testing.T) {
	w := start(t, engine.Options{})
	pid := w.Stats().PID
	w.Close()
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("worker %d is still there after Close: %v", pid, err)
	}
	if _, err := w.Load("m", readModel(t, "silero_vad_f32.tflite")); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("load after Close: %v, want ErrClosed", err)
	}
}

func TestClosedModel(t *testing.T) {
	w := start(t, engine.Options{})
	m := load(t, w, "silero_vad_f32.tflite")
	for range 2 {
		if err := m.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := m.Run(deadline); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("run after Close: %v, want ErrClosed", err)
	}
}

func TestConcurrentJobs(t *testing.T) {
	w := start(t, engine.Options{})
	var all sync.WaitGroup
	for range 4 {
		m := load(t, w, "silero_vad_f32.tflite")
		want := answers(t, m)
		all.Go(func() {
			for range 200 {
				if _, err := m.Run(deadline); err != nil {
					t.Error(err)
					return
				}
			}
			if got := slices.Concat(m.Outputs()[0].Float32s(), m.Outputs()[1].Float32s()); !slices.Equal(got, want) {
				t.Error("another job's output in this model's memory")
			}
		})
	}
	all.Wait()
	if got := w.Stats(); got.Jobs != 4*201 || got.Failed != 0 {
		t.Errorf("stats %+v, want %d jobs and no failure", got, 4*201)
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	m := load(t, start(t, engine.Options{}), "face_short_range.tflite")
	if got := testing.AllocsPerRun(100, func() {
		if _, err := m.Run(deadline); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations for an inference, want 0", got)
	}
}
