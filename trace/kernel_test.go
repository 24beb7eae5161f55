package trace

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// modelNumber is what engine would give the only model of a test.
const modelNumber = 7

func oneWorker(t *testing.T) (*Tracer, *standIn) {
	t.Helper()
	tr := openTracer(t)
	w := startWorker(t, tr)
	w.load(modelNumber, "vision/short")
	return tr, w
}

// allCounted allows for the few that are lost where a kernel hides tasks.
func allCounted(t *testing.T, s Snapshot, want uint64) {
	t.Helper()
	got := uint64(0)
	for _, m := range s.Models {
		got += m.Jobs
	}
	if got+s.Lost != want || s.Lost > 2+want/50 {
		t.Errorf("%d jobs and %d lost, want %d", got, s.Lost, want)
	}
}

// The parts add up to what the caller and the worker measured themselves.
func TestPartsAddUpToTheWallTime(t *testing.T) {
	tr, w := oneWorker(t)
	const jobs = 1000
	var totals, inWorker time.Duration
	for i := range jobs {
		what, amount := uint64(compute), uint64(300_000)
		if i%10 == 0 {
			what, amount = sleep, 1_000_000
		}
		total, worker := w.run(modelNumber, what, amount)
		totals += total
		inWorker += worker
	}
	s := snapshot(t, tr)
	if len(s.Models) != 1 || s.Models[0].Modality != "vision" || s.Models[0].Variant != "short" {
		t.Fatalf("models %+v", s.Models)
	}
	m := s.Models[0]
	if m.Jobs+s.Lost != jobs || s.Lost > jobs/100 {
		t.Errorf("%d jobs and %d lost of %d", m.Jobs, s.Lost, jobs)
	}
	if s.Lost == 0 && m.Wall != totals {
		t.Errorf("wall %v, the caller saw %v", m.Wall, totals)
	}
	if off := (m.Parts.Sum() - m.Wall).Abs(); off*1000 > m.Wall {
		t.Errorf("parts of %v for a wall time of %v", m.Parts.Sum(), m.Wall)
	}
	// What lies between the two marks, by the kernel, against the worker's own clock.
	between := m.Parts.Sum() - m.Parts[Reply]
	t.Logf("wall %v, parts %v, in the worker %v of %v", m.Wall, m.Parts.Sum(), inWorker, between)
	if between < inWorker || s.Lost == 0 && between-inWorker > time.Millisecond*jobs {
		t.Errorf("%v until the reply, %v in the worker", between, inWorker)
	}
	bad := 0
	for _, j := range s.Slowest {
		if off := (j.Parts.Sum() - j.Wall).Abs(); off*50 > j.Wall {
			bad++
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d jobs don't add up", bad, len(s.Slowest))
	}
}

func TestComputingAndSleeping(t *testing.T) {
	for _, test := range []struct {
		name string
		what uint64
		part Part
	}{{"computing", compute, OnCPU}, {"sleeping", sleep, Blocked}} {
		t.Run(test.name, func(t *testing.T) {
			_, w := oneWorker(t)
			const amount = 20 * time.Millisecond
			j := w.runs(func() { w.run(modelNumber, test.what, uint64(amount)) })
			if got := j.Parts[test.part] + j.Parts[SoftIRQ] + j.Parts[HardIRQ]; got < amount*95/100 || j.Parts[test.part] > 3*amount {
				t.Errorf("%v: %v, want about %v of %v", test.part, j.Parts[test.part], amount, j.Parts)
			}
		})
	}
}

// A job that failed is not one of the model's, nor is one whose worker died.
func TestFailedJobsAreNotCounted(t *testing.T) {
	tr, w := oneWorker(t)
	for range 3 {
		w.run(modelNumber, compute, 100_000)
		w.run(modelNumber, refuse, 0)
	}
	marks, _ := tr.Begin(w.number, modelNumber, time.Now())
	if _, err := w.call(opRun, modelNumber, die<<56, marks); err == nil {
		t.Fatal("an answer from the dead")
	}
	w.stop()
	s := snapshot(t, tr)
	allCounted(t, s, 3)
}

// The jobs of a worker that was replaced and those of its successor are one sum.
func TestReplacedWorker(t *testing.T) {
	tr := openTracer(t)
	for range 3 {
		w := startWorker(t, tr)
		w.load(modelNumber, "vision/short")
		w.load(modelNumber+1, "audio/f32")
		for range 5 {
			w.run(modelNumber, compute, 100_000)
			w.run(modelNumber+1, compute, 100_000)
		}
		w.stop()
	}
	s := snapshot(t, tr)
	if len(s.Models) != 2 || s.Models[0].Modality != "audio" || s.Models[1].Modality != "vision" {
		t.Errorf("got %+v, want two models", s.Models)
	}
	allCounted(t, s, 30)
}

func TestSeveralWorkers(t *testing.T) {
	tr := openTracer(t)
	var list []*standIn
	for i := range 3 {
		w := startWorker(t, tr)
		w.load(uint32(i+1), "vision/short")
		list = append(list, w)
	}
	for range 20 {
		for i, w := range list {
			w.run(uint32(i+1), compute, 50_000)
		}
	}
	s := snapshot(t, tr)
	if len(s.Models) != 1 {
		t.Errorf("got %+v, want one model", s.Models)
	}
	allCounted(t, s, 60)
}

func TestTooManyWorkersAreNotTraced(t *testing.T) {
	tr := openTracer(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	for n := range maxWorkers {
		if got := tr.Started(1<<30+n, fds[0], fds[1]); got != n {
			t.Errorf("worker %d has the number %d", n, got)
		}
	}
	if got := tr.Started(1, fds[0], fds[1]); got != -1 {
		t.Errorf("one too many has the number %d, want -1", got)
	}
	tr.Loaded(-1, 1, "vision/short", 1)
	tr.Begin(-1, 1, time.Now())
	tr.End(-1, 1, [3]uint64{})
	tr.Gone(-1)
}

// Messages that are no jobs, are too short or speak of unknown models change nothing.
func TestOtherMessages(t *testing.T) {
	tr, w := oneWorker(t)
	w.call(opBind, modelNumber, 0, [3]uint64{1, 2, 3})
	w.call(opRun, modelNumber+1, compute<<56, [3]uint64{1, 2, 3<<32 | maxWorkers})
	w.run(modelNumber+1, compute, 1000) // of a model that nobody told of
	short := make([]byte, headerSize)
	short[0] = opRun
	binary.LittleEndian.PutUint32(short[8:], modelNumber)
	unix.Write(w.socket, short)
	unix.Read(w.socket, short)
	if s := snapshot(t, tr); len(s.Models) != 0 || s.Lost != 0 {
		t.Errorf("got %+v, %d lost; want nothing", s.Models, s.Lost)
	}
	w.run(modelNumber, compute, 1000)
	allCounted(t, snapshot(t, tr), 1)
}

func TestNoAllocationForAJob(t *testing.T) {
	tr, w := oneWorker(t)
	at := time.Now()
	if got := testing.AllocsPerRun(100, func() {
		tr.Begin(w.number, modelNumber, at)
		tr.End(w.number, time.Millisecond, [3]uint64{})
	}); got != 0 {
		t.Errorf("%v allocations for a job, want 0", got)
	}
}

// What interrupts took of one job is not taken off the next, which may begin before the
// worker's thread has slept.
func TestInterruptsOfTheJobBefore(t *testing.T) {
	_, w := oneWorker(t)
	interrupted := 0
	for range 20 {
		w.run(modelNumber, linger, uint64(10*time.Millisecond))
		raw, err := w.tracer.kernel.worker(w.number)
		if err != nil {
			t.Fatal(err)
		}
		if raw.Job.Counts[5]+raw.Job.Counts[6] > 0 {
			interrupted++
		}
		if raw.Mark == 0 && raw.Stolen != 0 {
			t.Fatalf("%d ns of interrupts are left for the next job", raw.Stolen)
		}
	}
	if interrupted == 0 {
		t.Skip("no job was interrupted")
	}
}

// A program that fails to load leaves no descriptor open.
func TestFailedLoadLeavesNothingOpen(t *testing.T) {
	needsEBPF(t)
	before := descriptors(t)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	for _, spare := range []int{3, 30, spareDescriptors} {
		few := unix.Rlimit{Cur: uint64(before + spare), Max: limit.Max}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
			t.Fatal(err)
		}
		k, err := loadKernel()
		if err == nil {
			k.close()
		}
		if err := typedError(err); !errors.Is(err, unix.EMFILE) || !strings.Contains(err.Error(), "RLIMIT_NOFILE") {
			t.Errorf("%d descriptors to spare: %v", spare, err)
		}
		if got := descriptors(t); got != before {
			t.Errorf("%d descriptors to spare: %d are open, want %d", spare, got, before)
		}
	}
}
