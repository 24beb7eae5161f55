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

// A worker whose socket takes no programs is followed by what /proc tells, and Limited
// says so.
func TestWorkerThatCantBeFollowed(t *testing.T) {
	needsEBPF(t)
	before := descriptors(t)
	for _, early := range []bool{true, false} {
		tr, goOn := openSlowly(t, loadKernel)
		if !early {
			goOn()
			tr.Source()
		}
		noSocket := pipe(t)
		number := tr.Started(os.Getpid(), noSocket[0], noSocket[1])
		tr.Loaded(number, modelNumber, "vision/short", unix.Gettid())
		if early {
			goOn()
			tr.Source()
		}
		for range 3 {
			marks, usage := tr.Begin(number, modelNumber, time.Now())
			if marks != [3]uint64{} || !usage {
				t.Errorf("early %v: marks %v, usage %v, want those of a coarse job", early, marks, usage)
			}
			tr.End(number, time.Millisecond, [3]uint64{600_000, 1, 0})
		}
		w := startWorker(t, tr) // the others still are, by eBPF
		w.load(modelNumber, "audio/f32")
		for range 5 {
			w.run(modelNumber, compute, 100_000)
		}
		s := snapshot(t, tr)
		if s.Source != EBPF || len(s.Models) != 2 || s.Models[1].Jobs != 3 || !strings.Contains(s.Limited, "socket of a worker") {
			t.Errorf("early %v: %+v", early, s)
		}
		allCounted(t, s, 8)
		w.stop()
		tr.Gone(number)
		tr.Close()
		unix.Close(noSocket[0])
		unix.Close(noSocket[1])
		if got := descriptors(t); got != before {
			t.Errorf("%d descriptors after Close, want %d", got, before)
		}
	}
}
