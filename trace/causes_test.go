package trace

import (
	"bufio"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// runs makes a job and returns what is known of it, as if it were the only one. A job
// whose record is incomplete is made again: some kernels hide tasks of a hypervisor's
// agent, and with them when the worker's thread went on after those.
func (w *standIn) runs(job func()) Job {
	w.tb.Helper()
	for range 5 {
		job()
		raw, err := w.tracer.kernel.worker(w.number)
		if err != nil {
			w.tb.Fatal(err)
		}
		l := newLedger()
		l.slots = w.tracer.ledger.slots
		l.count(raw.Job, w.tracer.processes[w.number].ended)
		var s Snapshot
		l.snapshot(&s, w.tracer.clock)
		if len(s.Slowest) == 1 {
			return s.Slowest[0]
		}
		w.tb.Logf("a job is lost: %v", raw.Job.Parts)
	}
	w.tb.Fatal("five jobs in a row are lost")
	return Job{}
}

// startBurner keeps a CPU busy until the test ends, and returns its process.
func startBurner(t *testing.T, cpu int) (pid int) {
	t.Helper()
	c := exec.Command("/proc/self/exe", "burn", strconv.Itoa(cpu))
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	if _, err := bufio.NewReader(out).ReadByte(); err != nil {
		t.Fatal(err)
	}
	return c.Process.Pid
}

// planted is how many jobs that suffer from a cause the most each test makes.
const planted = 20

// outweighs says whether what a test planted in part of j is more than twice all that j
// waited otherwise: on a busy machine that may rightly be the cause.
func outweighs(j Job, part Part, planted time.Duration) bool {
	waited := j.Parts.Sum() - j.Parts[OnCPU]
	if part != OnCPU {
		waited -= j.Parts[part]
	}
	return planted > 2*waited
}

// tries is how often a cause is planted at most until `planted` jobs suffer from it the most.
const tries = 5 * planted

// enough holds that a cause was named for three in four of the jobs that counted. On a
// quiet machine it is for all; where others are busy, some jobs have a worse cause, and
// where those leave hardly any job alone nothing can be said.
func enough(t *testing.T, right, all int) {
	t.Helper()
	t.Logf("named %d of %d times", right, all)
	if all < planted/4 {
		t.Skipf("others disturbed all but %d of %d jobs: needs a quieter machine", all, tries)
	}
	if 4*right < 3*all {
		t.Errorf("the cause is named %d of %d times", right, all)
	}
}

// typicalOf runs ordinary jobs, and returns what they add up to.
func typicalOf(t *testing.T, tr *Tracer, w *standIn, took time.Duration) Model {
	t.Helper()
	for range 30 {
		w.run(modelNumber, compute, uint64(took))
	}
	return snapshot(t, tr).Models[0]
}

const jobTime = 20 * time.Millisecond

func TestNamesWhoHoldsTheCPU(t *testing.T) {
	tr, w := oneWorker(t)
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(w.thread, &allowed); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !allowed.IsSet(cpu) {
		cpu++
	}
	typical := typicalOf(t, tr, w, jobTime)
	if err := pin(w.thread, cpu); err != nil {
		t.Fatal(err)
	}
	burner := startBurner(t, cpu)
	right, all := 0, 0
	for i := 0; i < tries && all < planted; i++ {
		j := w.runs(func() { w.run(modelNumber, compute, uint64(jobTime)) })
		if len(j.Holders) > 1 && j.Holders[0].PID != burner && j.Holders[1].PID == burner {
			continue // another task of a busy machine held it for longer
		}
		all++
		if all == 1 {
			t.Logf("%v: %s", j.Wall, Explain(j, typical))
		}
		if CauseOf(j, typical) == CPUHeld && j.Holders[0].PID == burner {
			right++
		} else {
			t.Logf("job %d: held by %+v; want process %d: %v", i, j.Holders, burner, j.Parts)
		}
	}
	enough(t, right, all)
	s := snapshot(t, tr)
	isBurner := func(h Holder) bool {
		return h.PID == burner && h.Jobs >= uint64(right) && h.Time > time.Duration(right)*jobTime/4
	}
	if !slices.ContainsFunc(s.Preemptors, isBurner) {
		t.Errorf("preemptors %+v, want process %d among them", s.Preemptors, burner)
	}
}

func TestNamesPageFaults(t *testing.T) {
	tr, w := oneWorker(t)
	const usual = time.Millisecond
	typical := typicalOf(t, tr, w, usual)
	const pages = 20_000
	right, all := 0, 0
	for i := 0; i < tries && all < planted; i++ {
		j := w.runs(func() { w.run(modelNumber, touch, pages) })
		if i == 0 {
			t.Logf("%v: %s", j.Wall, Explain(j, typical))
		}
		if j.MinorFaults < pages || j.MinorFaults > pages+500 {
			t.Errorf("job %d: %d faults, want %d", i, j.MinorFaults, pages)
		}
		if !outweighs(j, OnCPU, j.Parts[OnCPU]-usual) {
			continue
		}
		all++
		if got := CauseOf(j, typical); got == PageFaults {
			right++
		} else {
			t.Logf("job %d: %v: %v", i, got, j.Parts)
		}
	}
	enough(t, right, all)
}

func TestNamesASignalThatStops(t *testing.T) {
	tr, w := oneWorker(t)
	typical := typicalOf(t, tr, w, jobTime)
	const stopped = 50 * time.Millisecond
	right, all := 0, 0
	for i := 0; i < tries && all < planted; i++ {
		j := w.runs(func() {
			done := make(chan struct{})
			go func() {
				defer close(done)
				time.Sleep(5 * time.Millisecond)
				w.cmd.Process.Signal(unix.SIGSTOP)
				time.Sleep(stopped)
				w.cmd.Process.Signal(unix.SIGCONT)
			}()
			w.run(modelNumber, compute, uint64(jobTime))
			<-done
		})
		if i == 0 {
			t.Logf("%v: %s", j.Wall, Explain(j, typical))
		}
		if !outweighs(j, Stopped, stopped) {
			continue
		}
		all++
		if got := CauseOf(j, typical); got == StoppedBySignal && j.Parts[Stopped] > stopped/2 {
			right++
		} else {
			t.Logf("job %d: %v: %v", i, got, j.Parts)
		}
	}
	enough(t, right, all)
}
