package trace

import (
	"bufio"
	"os/exec"
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
		l.count(raw.Done, w.tracer.processes[w.number].ended)
		var s Snapshot
		l.snapshot(&s, w.tracer.clock)
		if len(s.Slowest) == 1 {
			return s.Slowest[0]
		}
		w.tb.Logf("a job is lost: %v", raw.Done.Parts)
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

// planted is how often each cause is planted; all must be named.
const planted = 20

// typicalOf runs ordinary jobs, and returns what they add up to.
func typicalOf(t *testing.T, tr *Tracer, w *standIn) Model {
	t.Helper()
	for range 30 {
		w.run(modelNumber, compute, uint64(jobTime))
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
	typical := typicalOf(t, tr, w)
	if err := pin(w.thread, cpu); err != nil {
		t.Fatal(err)
	}
	burner := startBurner(t, cpu)
	for i := range planted {
		j := w.runs(func() { w.run(modelNumber, compute, uint64(jobTime)) })
		if i == 0 {
			t.Logf("%v: %s", j.Wall, Explain(j, typical))
		}
		if got := CauseOf(j, typical); got != CPUHeld || len(j.Holders) == 0 || j.Holders[0].PID != burner {
			t.Errorf("job %d: %v, held by %+v; want cpu held by process %d: %v", i, got, j.Holders, burner, j.Parts)
		}
	}
	s := snapshot(t, tr)
	if len(s.Preemptors) == 0 || s.Preemptors[0].PID != burner || s.Preemptors[0].Jobs < planted-1 {
		t.Errorf("preemptors %+v, want process %d first", s.Preemptors, burner)
	}
}

func TestNamesPageFaults(t *testing.T) {
	tr, w := oneWorker(t)
	typical := typicalOf(t, tr, w)
	const pages = 20_000
	for i := range planted {
		j := w.runs(func() { w.run(modelNumber, touch, pages) })
		if i == 0 {
			t.Logf("%v: %s", j.Wall, Explain(j, typical))
		}
		if got := CauseOf(j, typical); got != PageFaults || j.MinorFaults < pages || j.MinorFaults > pages+500 {
			t.Errorf("job %d: %v, %d faults; want page faults, %d: %v", i, got, j.MinorFaults, pages, j.Parts)
		}
	}
}

func TestNamesASignalThatStops(t *testing.T) {
	tr, w := oneWorker(t)
	typical := typicalOf(t, tr, w)
	const stopped = 50 * time.Millisecond
	for i := range planted {
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
		if got := CauseOf(j, typical); got != StoppedBySignal || j.Parts[Stopped] < stopped*9/10 {
			t.Errorf("job %d: %v, stopped for %v; want %v: %v", i, got, j.Parts[Stopped], stopped, j.Parts)
		}
	}
}
