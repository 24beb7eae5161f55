package trace

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = time.Millisecond

// ordinary is a job as most are.
func ordinary() Job {
	return Job{
		Modality: "vision", Variant: "short", Wall: 4900 * time.Microsecond,
		Parts:   Parts{OnCPU: 4600 * time.Microsecond, RunQueue: 100 * time.Microsecond, Preempted: 50 * time.Microsecond, Blocked: 100 * time.Microsecond, HardIRQ: 20 * time.Microsecond, SoftIRQ: 10 * time.Microsecond, Reply: 20 * time.Microsecond},
		Counts:  Counts{MinorFaults: 3, HardIRQs: 2, SoftIRQs: 1},
		MinKHz:  1_500_000,
		Helpers: Helpers{OnCPU: 4 * ms, Waiting: 100 * time.Microsecond},
	}
}

// among is the sum of n ordinary jobs and j, with a histogram as coarse as can be.
func among(n int, j Job) Model {
	m := Model{}
	for range n {
		add(&m, ordinary())
	}
	add(&m, j)
	m.P50 = 6300 * time.Microsecond
	return m
}

// longer adds a time to a part of a job.
func longer(p Part, d time.Duration) func(*Job) {
	return func(j *Job) { j.Parts[p] += d; j.Wall += d }
}

func held(by ...Holder) func(*Job) { return func(j *Job) { j.Holders = by } }

func TestExplain(t *testing.T) {
	busy := Holder{Task: "kworker/1:2", PID: 812, Time: 2 * ms}
	for _, tt := range []struct {
		name   string
		jobs   int // besides it
		change []func(*Job)
		cause  Cause
		want   string
	}{
		{"nothing", 99, nil, Ordinary, "as usual"},
		{"a little of everything", 99, []func(*Job){longer(OnCPU, 400*time.Microsecond), longer(Blocked, 300*time.Microsecond)}, Ordinary, "as usual"},
		{"held after waking", 99, []func(*Job){longer(RunQueue, 3*ms), held(busy)}, CPUHeld, "3.1 ms of 7.9 ms waiting for a CPU held by kworker/1:2"},
		{"held while running", 99, []func(*Job){longer(Preempted, 3*ms), held(busy)}, CPUHeld, "3.1 ms of 7.9 ms waiting for a CPU held by kworker/1:2"},
		{"held by many", 99, []func(*Job){longer(Preempted, 6*ms), held(Holder{"a", 7, ms, 0}, busy)}, CPUHeld, "6.2 ms of 10.9 ms waiting for a CPU held by kworker/1:2 and others"},
		{"held by nobody known", 99, []func(*Job){longer(RunQueue, 3*ms)}, CPUBusy, "3.1 ms of 7.9 ms waiting for a CPU"},
		{"held by the idle task", 99, []func(*Job){longer(RunQueue, 3*ms), held(Holder{"swapper/1", 0, 3 * ms, 0})}, CPUBusy, "3.1 ms of 7.9 ms waiting for a CPU"},
		{"held mostly by nobody known", 99, []func(*Job){longer(RunQueue, 30*ms), held(busy)}, CPUBusy, "30.1 ms of 34.9 ms waiting for a CPU"},
		{"asleep", 99, []func(*Job){longer(Blocked, 3*ms)}, Asleep, "3.1 ms of 7.9 ms blocked"},
		{"helpers held, asleep", 99, []func(*Job){longer(Blocked, 3*ms), func(j *Job) { j.Helpers.Waiting += 3 * ms }}, HelpersHeld, "3.1 ms of 7.9 ms blocked while the worker's other threads waited 3.1 ms for a CPU"},
		{"helpers held, spinning", 99, []func(*Job){longer(OnCPU, 3*ms), func(j *Job) { j.Helpers.Waiting += 2 * ms }}, HelpersHeld, "7.6 ms of 7.9 ms computing while the worker's other threads waited 2.1 ms for a CPU"},
		{"storage", 99, []func(*Job){longer(Blocked, 40*ms), func(j *Job) { j.MajorFaults = 12 }}, MajorFaults, "40.1 ms of 44.9 ms blocked: 12 pages (usually 0) had to be read from storage"},
		{"fast storage", 99, []func(*Job){longer(OnCPU, 2*ms), func(j *Job) { j.MajorFaults = 400 }}, MajorFaults, "6.6 ms of 6.9 ms computing: 400 pages (usually 0) had to be read from storage"},
		{"first touch", 99, []func(*Job){longer(OnCPU, 2*ms), func(j *Job) { j.MinorFaults = 2048 }}, PageFaults, "2,048 page faults (usually 3): memory touched for the first time"},
		{"page faults that explain little", 99, []func(*Job){longer(OnCPU, 50*ms), func(j *Job) { j.MinorFaults = 500 }}, Computing, "54.6 ms of 54.9 ms computing (usually 4.6 ms)"},
		{"few page faults", 99, []func(*Job){longer(OnCPU, 600*time.Microsecond), func(j *Job) { j.MinorFaults = 60 }}, Computing, "5.2 ms of 5.5 ms computing (usually 4.6 ms)"},
		{"stopped", 99, []func(*Job){longer(Stopped, 50*ms)}, StoppedBySignal, "50.0 ms of 54.9 ms stopped by a signal (SIGSTOP or a debugger)"},
		{"stopped, page faults besides", 99, []func(*Job){longer(Stopped, 50*ms), longer(OnCPU, ms), func(j *Job) { j.MinorFaults = 900 }}, StoppedBySignal, "50.0 ms of 55.9 ms stopped by a signal (SIGSTOP or a debugger)"},
		{"devices", 99, []func(*Job){longer(HardIRQ, 3*ms), func(j *Job) { j.HardIRQs = 1204 }}, HardInterrupts, "3.0 ms of 7.9 ms in 1,204 hard interrupts (usually 2)"},
		{"network", 99, []func(*Job){longer(SoftIRQ, 3*ms), func(j *Job) { j.SoftIRQs = 1 }}, SoftInterrupts, "3.0 ms of 7.9 ms in 1 soft interrupt (usually 1)"},
		{"throttled", 99, []func(*Job){longer(OnCPU, 5*ms), func(j *Job) { j.MinKHz = 600_000 }}, SlowClock, "9.6 ms of 9.9 ms computing at 600 MHz (usually 1,500 MHz)"},
		{"slower by far than its clock", 99, []func(*Job){longer(OnCPU, 50*ms), func(j *Job) { j.MinKHz = 1_400_000 }}, Computing, "54.6 ms of 54.9 ms computing (usually 4.6 ms)"},
		{"clock unknown", 99, []func(*Job){longer(OnCPU, 5*ms), func(j *Job) { j.MinKHz = 0 }}, Computing, "9.6 ms of 9.9 ms computing (usually 4.6 ms)"},
		{"parent late", 99, []func(*Job){longer(Reply, 2*ms)}, LateReply, "2.0 ms of 6.9 ms until atoll came to read the answer"},

		{"among two", 1, []func(*Job){longer(Stopped, 50*ms)}, StoppedBySignal, "50.0 ms of 54.9 ms stopped by a signal (SIGSTOP or a debugger)"},
		{"the only one", 0, nil, Ordinary, "as usual"},
		{"the only one, held", 0, []func(*Job){longer(RunQueue, 3*ms), held(busy)}, CPUHeld, "3.1 ms of 7.9 ms waiting for a CPU held by kworker/1:2"},
		{"the only one, first touch", 0, []func(*Job){longer(OnCPU, 2*ms), func(j *Job) { j.MinorFaults = 8192 }}, PageFaults, "8,192 page faults: memory touched for the first time"},
		{"the only one, storage", 0, []func(*Job){longer(Blocked, 40*ms), func(j *Job) { j.MajorFaults = 1 }}, MajorFaults, "40.1 ms of 44.9 ms blocked: 1 page had to be read from storage"},
	} {
		j := ordinary()
		for _, change := range tt.change {
			change(&j)
		}
		m := among(tt.jobs, j)
		if got := CauseOf(j, m); got != tt.cause {
			t.Errorf("%s: cause %v, want %v", tt.name, got, tt.cause)
		}
		if got := Explain(j, m); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What all jobs suffer from is not silently called usual.
func TestExplainChronic(t *testing.T) {
	j := ordinary()
	longer(RunQueue, 4*ms)(&j)
	j.Holders = []Holder{{Task: "burn", PID: 7, Time: 4 * ms}}
	m := Model{Jobs: 50, P50: 9 * ms, Wall: 50 * j.Wall}
	for i, d := range j.Parts {
		m.Parts[i] = 50 * d
	}
	if got, want := Explain(j, m), "4.2 ms of 8.9 ms waiting for a CPU held by burn, as usual"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := CauseOf(j, m); got != CPUHeld {
		t.Errorf("cause %v, want %v", got, CPUHeld)
	}
}

// plants are ways to make a job slower by d, and what that is to be called.
var plants = map[Cause]func(j *Job, d time.Duration){
	CPUHeld: func(j *Job, d time.Duration) {
		longer(Preempted, d/2)(j)
		longer(RunQueue, d-d/2)(j)
		j.Holders = []Holder{{Task: "burn", PID: 7, Time: d}}
	},
	CPUBusy:         longerBy(RunQueue),
	Asleep:          longerBy(Blocked),
	StoppedBySignal: longerBy(Stopped),
	HardInterrupts:  longerBy(HardIRQ),
	SoftInterrupts:  longerBy(SoftIRQ),
	LateReply:       longerBy(Reply),
	Computing:       longerBy(OnCPU),
	HelpersHeld:     func(j *Job, d time.Duration) { longer(OnCPU, d)(j); j.Helpers.Waiting += d },
	MajorFaults:     func(j *Job, d time.Duration) { longer(Blocked, d)(j); j.MajorFaults += 1 + uint64(d/(5*ms)) },
	PageFaults:      func(j *Job, d time.Duration) { longer(OnCPU, d)(j); j.MinorFaults += uint64(d / time.Microsecond) },
	SlowClock: func(j *Job, d time.Duration) {
		j.MinKHz = uint64(float64(j.MinKHz) * float64(j.Parts[OnCPU]) / float64(j.Parts[OnCPU]+d))
		longer(OnCPU, d)(j)
	},
}

func longerBy(p Part) func(*Job, time.Duration) {
	return func(j *Job, d time.Duration) { longer(p, d)(j) }
}

// A planted cause is the one that is named, in few jobs as in many, also when up to a
// quarter of the others have it too.
func TestPlantedCausesAreNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, m := ordinary(), Model{}
		scale := rapid.Float64Range(0.2, 50).Draw(t, "scale")
		for i := range base.Parts {
			base.Parts[i] = time.Duration(float64(base.Parts[i]) * scale * rapid.Float64Range(0.8, 1.2).Draw(t, "part"))
		}
		base.Wall = base.Parts.Sum()
		n := rapid.IntRange(1, 60).Draw(t, "jobs")
		bad := rapid.IntRange(0, n/4).Draw(t, "bad ones among them")
		excess := rapid.Float64Range(0.6, 20).Draw(t, "excess")
		var slow Job
		cause := Cause(rapid.IntRange(int(Ordinary)+1, int(numCauses)-1).Draw(t, "cause"))
		for i := range n + 1 {
			j := base
			for p := range j.Parts {
				j.Parts[p] = time.Duration(float64(j.Parts[p]) * rapid.Float64Range(0.97, 1.03).Draw(t, "noise"))
			}
			j.Wall = j.Parts.Sum()
			if i <= bad {
				plants[cause](&j, time.Duration(float64(base.Wall)*excess*rapid.Float64Range(0.9, 1.1).Draw(t, "of it")))
			}
			if i == 0 {
				slow = j
			}
			add(&m, j)
		}
		m.P50 = time.Duration(float64(base.Wall) * rapid.Float64Range(0.75, 1.5).Draw(t, "median as the histogram has it"))
		if got := CauseOf(slow, m); got != cause {
			t.Errorf("%v, want %v: %s", got, cause, Explain(slow, m))
		}
	})
}

// add puts one more job into a model.
func add(m *Model, j Job) {
	m.Wall += j.Wall
	for i, d := range j.Parts {
		m.Parts[i] += d
	}
	m.MinorFaults += j.MinorFaults
	m.MajorFaults += j.MajorFaults
	m.HardIRQs += j.HardIRQs
	m.SoftIRQs += j.SoftIRQs
	m.Helpers.Waiting += j.Helpers.Waiting
	m.MeanKHz = (m.MeanKHz*m.Jobs + j.MinKHz) / (m.Jobs + 1)
	m.Jobs++
}

// Numbers from another process may be anything.
func TestExplainNeverPanics(t *testing.T) {
	anyJob, anyModel := rapid.Make[Job](), rapid.Make[Model]()
	rapid.Check(t, func(t *rapid.T) {
		j, m := anyJob.Draw(t, "job"), anyModel.Draw(t, "model")
		if got := Explain(j, m); got == "" || strings.Contains(got, "%!") {
			t.Errorf("got %q", got)
		}
		if c := CauseOf(j, m); c < 0 || c >= numCauses || strings.Contains(c.String(), "(") {
			t.Errorf("cause %v", c)
		}
	})
}

func TestNumbers(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0 µs", 310 * time.Microsecond: "310 µs", ms: "1.0 ms", 3149 * time.Microsecond: "3.1 ms", 12 * time.Second: "12.0 s"} {
		if got := inUnit(d); got != want {
			t.Errorf("inUnit(%v) = %s, want %s", d, got, want)
		}
	}
	if got, want := Cause(99).String(), "cause(99)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
