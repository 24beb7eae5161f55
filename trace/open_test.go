package trace

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// openSlowly opens a tracer whose loading begins when the test says so.
func openSlowly(t *testing.T, load func() (*kernel, error)) (tr *Tracer, goOn func()) {
	t.Helper()
	gate := make(chan struct{})
	tr = open(Options{Logger: zerolog.New(zerolog.NewTestWriter(t))}, func() (*kernel, error) {
		<-gate
		return load()
	})
	return tr, func() { close(gate) }
}

func needsEBPF(t *testing.T) {
	t.Helper()
	openTracer(t).Close()
}

func refusedKernel() (*kernel, error) {
	return nil, &UnsupportedError{Missing: "eBPF", Takes: "another kernel"}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func jobs(s Snapshot) (n uint64) {
	for _, m := range s.Models {
		n += m.Jobs
	}
	return n + s.Lost
}

// What was told before loading ended holds from then on; the jobs before are not traced,
// also the one at hand.
func TestWorkersBeforeLoadingEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		load func() (*kernel, error)
		want Source
	}{{"ebpf", loadKernel, EBPF}, {"coarse", refusedKernel, SchedStat}} {
		t.Run(test.name, func(t *testing.T) {
			if test.want == EBPF {
				needsEBPF(t)
			}
			tr, goOn := openSlowly(t, test.load)
			defer tr.Close()
			w := startWorker(t, tr)
			w.load(modelNumber, "vision/short")
			w.load(modelNumber+1, "audio/f32")
			for range 5 {
				w.run(modelNumber, compute, 100_000)
			}
			marks, usage := tr.Begin(w.number, modelNumber, time.Now())
			if marks != [3]uint64{2: nowhere} || usage {
				t.Errorf("marks %v, usage %v before anything is known", marks, usage)
			}
			goOn()
			if got := tr.Source(); got != test.want {
				t.Fatalf("source %q, want %q", got, test.want)
			}
			tr.End(w.number, time.Millisecond, [3]uint64{})
			for range 10 {
				w.run(modelNumber, compute, 100_000)
				w.run(modelNumber+1, compute, 100_000)
			}
			s := snapshot(t, tr)
			if len(s.Models) != 2 {
				t.Errorf("%d models, want 2", len(s.Models))
			}
			allCounted(t, s, 20)
		})
	}
}

// Workers come, die and come again while loading goes on; no descriptor stays.
func TestWorkersThatGoBeforeLoadingEnds(t *testing.T) {
	needsEBPF(t)
	before := descriptors(t)
	tr, goOn := openSlowly(t, loadKernel)
	for range 3 {
		w := startWorker(t, tr)
		w.load(modelNumber, "vision/short")
		w.run(modelNumber, compute, 1000)
		w.stop()
	}
	if got := descriptors(t); got != before {
		t.Errorf("%d descriptors with all workers gone, want %d", got, before)
	}
	w := startWorker(t, tr)
	w.load(modelNumber, "vision/short")
	goOn()
	tr.Source()
	for range 10 {
		w.run(modelNumber, compute, 100_000)
	}
	w.stop()
	allCounted(t, snapshot(t, tr), 10)
	tr.Close()
	if got := descriptors(t); got != before {
		t.Errorf("%d descriptors after Close, want %d", got, before)
	}
}

func TestCloseBeforeLoadingEnds(t *testing.T) {
	needsEBPF(t)
	for _, load := range []func() (*kernel, error){loadKernel, refusedKernel} {
		before := descriptors(t)
		tr, goOn := openSlowly(t, load)
		w := startWorker(t, tr)
		w.load(modelNumber, "vision/short")
		w.stop()
		closed := make(chan struct{})
		go func() {
			tr.Close()
			close(closed)
		}()
		goOn()
		<-closed
		if got := descriptors(t); got != before {
			t.Errorf("%d descriptors after Close, want %d", got, before)
		}
	}
}

// Snapshot waits for loading, and so says what the source is.
func TestSnapshotBeforeLoadingEnds(t *testing.T) {
	tr, goOn := openSlowly(t, refusedKernel)
	defer tr.Close()
	got := make(chan Snapshot)
	go func() {
		s, _ := tr.Snapshot()
		got <- s
	}()
	goOn()
	if s := <-got; s.Source != SchedStat || !strings.Contains(s.Limited, "eBPF") {
		t.Errorf("got %+v", s)
	}
	if _, typed := errors.AsType[*UnsupportedError](tr.Limited()); !typed {
		t.Errorf("limited by %v", tr.Limited())
	}
}

// A worker that the kernel does not let follow is left alone.
func TestWorkerThatCantBeFollowed(t *testing.T) {
	needsEBPF(t)
	before := descriptors(t)
	tr, goOn := openSlowly(t, loadKernel)
	noSocket := pipe(t)
	number := tr.Started(1<<30, noSocket[0], noSocket[1])
	if number != 0 {
		t.Errorf("number %d, want 0", number)
	}
	tr.Loaded(number, modelNumber, "vision/short", 1<<30)
	goOn()
	tr.Source()
	tr.Loaded(number, modelNumber+1, "vision/long", 1<<30)
	for model := range uint32(2) {
		if marks, _ := tr.Begin(number, modelNumber+model, time.Now()); marks[2] != nowhere {
			t.Errorf("marks %v for a job of model %d", marks, model)
		}
		tr.End(number, time.Millisecond, [3]uint64{})
	}
	if s := snapshot(t, tr); jobs(s) != 0 {
		t.Errorf("%d jobs, want none", jobs(s))
	}
	tr.Gone(number)
	tr.Close()
	unix.Close(noSocket[0])
	unix.Close(noSocket[1])
	if got := descriptors(t); got != before {
		t.Errorf("%d descriptors after Close, want %d", got, before)
	}
}
