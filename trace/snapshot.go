package trace

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Source says what numbers come from.
type Source string

// The sources.
const (
	// EBPF: the kernel's scheduler, interrupts, page faults and clocks, event by event.
	EBPF Source = "ebpf"
	// SchedStat: /proc/PID/task/TID/schedstat and getrusage, read before and after
	// every job: time on a CPU, time waiting for one, the rest, and page faults. What
	// only eBPF sees is 0.
	SchedStat Source = "schedstat"
)

// Part is one part of a job's wall time. The parts of a job don't overlap, and add up
// to its wall time.
type Part int

// The parts. Interrupts that came while a job ran are not counted as OnCPU.
const (
	OnCPU     Part = iota // computing
	RunQueue              // woken, and waiting for a CPU
	Preempted             // pushed off its CPU by another task, and waiting to go on
	Blocked               // asleep: waiting for a disk, a lock or another thread
	Stopped               // by a signal such as SIGSTOP, or a debugger
	HardIRQ               // its CPU served an interrupt
	SoftIRQ               // its CPU did work that interrupts had left for later
	Reply                 // the worker was done; the parent had not run yet to hear of it
	NumParts
)

var partNames = [NumParts]string{"on_cpu", "run_queue", "preempted", "blocked", "stopped", "hard_irq", "soft_irq", "reply"}

// String is the part's name in JSON.
func (p Part) String() string {
	if p < 0 || p >= NumParts {
		return fmt.Sprintf("part(%d)", int(p))
	}
	return partNames[p]
}

// Parts holds a time for each part. In JSON it is an object of nanoseconds by name.
type Parts [NumParts]time.Duration

// Sum is all parts together.
func (p Parts) Sum() (sum time.Duration) {
	for _, d := range p {
		sum += d
	}
	return sum
}

// MarshalJSON writes an object of nanoseconds by the parts' names, in their order.
func (p Parts) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, d := range p {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%q:%d", partNames[i], int64(d))
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote; a name it doesn't know is an error.
func (p *Parts) UnmarshalJSON(b []byte) error {
	var byName map[string]int64
	if err := json.Unmarshal(b, &byName); err != nil {
		return err
	}
	*p = Parts{}
	for name, ns := range byName {
		i := slices.Index(partNames[:], name)
		if i < 0 {
			return fmt.Errorf("unknown part %q of a job's time", name)
		}
		p[i] = time.Duration(ns)
	}
	return nil
}

// Counts are what happened to a job, or to jobs, besides time passing.
type Counts struct {
	MinorFaults uint64 `json:"minor_faults"` // pages that were mapped at their first touch
	MajorFaults uint64 `json:"major_faults"` // pages that had to be read from storage
	Preemptions uint64 `json:"preemptions"`
	Migrations  uint64 `json:"migrations"`   // to another CPU
	FreqChanges uint64 `json:"freq_changes"` // of the clock of the CPU that it ran on
	HardIRQs    uint64 `json:"hard_irqs"`
	SoftIRQs    uint64 `json:"soft_irqs"`
}

// Holder is a task that held the CPU while a job waited for it.
type Holder struct {
	Task string        `json:"task"` // its name, as the kernel knows it, at most 15 bytes
	PID  int           `json:"pid"`
	Time time.Duration `json:"ns"`
	// Jobs is how many times it held one up; 0 in the list of a single job.
	Jobs uint64 `json:"jobs,omitempty"`
}

// Job is one inference.
type Job struct {
	Modality string        `json:"modality"`
	Variant  string        `json:"variant"`
	At       time.Time     `json:"at"` // when it was asked for
	Wall     time.Duration `json:"wall_ns"`
	Parts    Parts         `json:"parts_ns"`
	Counts
	MinKHz  uint64   `json:"min_khz,omitempty"` // lowest clock seen while it ran; 0: unknown
	Holders []Holder `json:"holders"`           // longest first, at most MaxHolders
	Helpers Helpers  `json:"helpers"`
	Reason  string   `json:"reason"` // in words, see Explain
}

// Helpers are the worker's other threads during a job, together.
type Helpers struct {
	OnCPU   time.Duration `json:"on_cpu_ns"`
	Waiting time.Duration `json:"waiting_ns"` // for a CPU, woken or preempted
}

// MaxHolders is how many holders of its CPU are told of one job.
const MaxHolders = 4

// Bucket is one column of a histogram: jobs of a wall time from From up to below
// twice that.
type Bucket struct {
	From time.Duration `json:"from_ns"` // a power of two of nanoseconds
	Jobs uint64        `json:"jobs"`
}

// Model sums up the jobs of one variant of a modality.
type Model struct {
	Modality string        `json:"modality"`
	Variant  string        `json:"variant"`
	Jobs     uint64        `json:"jobs"`
	P50      time.Duration `json:"p50_ns"` // from the histogram, interpolated within a bucket
	P99      time.Duration `json:"p99_ns"`
	Max      time.Duration `json:"max_ns"`
	Wall     time.Duration `json:"wall_ns"`  // of all jobs
	Parts    Parts         `json:"parts_ns"` // of all jobs
	Counts
	MeanKHz   uint64   `json:"mean_khz,omitempty"` // mean of the jobs' MinKHz; 0: unknown
	Helpers   Helpers  `json:"helpers"`
	Histogram []Bucket `json:"histogram"` // of wall times, from the first to the last that has any jobs
}

// Snapshot is what a tracer has seen since it began.
type Snapshot struct {
	Source     Source        `json:"source"`
	Limited    string        `json:"limited,omitempty"` // why not ebpf, in one line
	Began      time.Time     `json:"began"`
	For        time.Duration `json:"for_ns"`
	Models     []Model       `json:"models"`     // by modality, then variant
	Preemptors []Holder      `json:"preemptors"` // who held CPUs while jobs waited for them, longest first, at most MaxPreemptors
	Slowest    []Job         `json:"slowest"`    // slowest first, at most MaxSlowest
	Lost       uint64        `json:"lost"`       // jobs whose record was incomplete, and that are not counted
}

// Bounds of a snapshot's lists.
const (
	MaxPreemptors = 10
	MaxSlowest    = 16
)
