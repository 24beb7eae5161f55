package trace

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// Bounds, as in bpf/trace.c.
const (
	maxWorkers = 8
	maxSlots   = 64
)

// slot is where the jobs of one variant in one worker are added up.
type slot struct {
	worker            int
	modality, variant string
}

// ledger is what jobs add up to. The kernel's programs keep one in their maps; this is
// the same in Go.
type ledger struct {
	slots      []slot // of the first totals
	totals     [maxSlots]bpfTotal
	slowest    []bpfJob
	preemptors map[bpfTask]bpfPreemptor
	lost       uint64
}

func newLedger() *ledger {
	return &ledger{slowest: make([]bpfJob, 0, MaxSlowest), preemptors: map[bpfTask]bpfPreemptor{}}
}

// slot returns the number of the slot for a model; ok is false where all are taken.
func (l *ledger) slot(worker int, name string) (number int, ok bool) {
	modality, variant, found := strings.Cut(name, "/")
	if !found {
		modality, variant = "", name
	}
	s := slot{worker, modality, variant}
	if i := slices.Index(l.slots, s); i >= 0 {
		return i, true
	}
	if len(l.slots) == maxSlots {
		return 0, false
	}
	l.slots = append(l.slots, s)
	return len(l.slots) - 1, true
}

// count adds a job whose end is known, as finish in bpf/trace.c does.
func (l *ledger) count(j bpfJob, ended uint64) {
	j.Ended = ended
	if j.Marked > j.Asked {
		j.Parts[Blocked] += j.Marked - j.Asked
	}
	if ended > j.Replied {
		j.Parts[Reply] = ended - j.Replied
	}
	if !addsUp(&j) {
		l.lost++
		return
	}
	wall, t := wallOf(j), &l.totals[j.Slot]
	t.Jobs++
	t.Wall += wall
	t.Max = max(t.Max, wall)
	for i, ns := range j.Parts {
		t.Parts[i] += ns
	}
	for i, n := range j.Counts {
		t.Counts[i] += n
	}
	t.HelpersOnCpu += j.HelpersOnCpu
	t.HelpersWaiting += j.HelpersWaiting
	if j.MinKhz != noClock {
		t.Khz += j.MinKhz
		t.KhzJobs++
	}
	t.Walls[bits.Len64(wall|1)-1]++
	for _, h := range j.Holders {
		if h.Ns > 0 {
			p := l.preemptors[h.Task]
			l.preemptors[h.Task] = bpfPreemptor{Ns: p.Ns + h.Ns, Jobs: p.Jobs + 1}
		}
	}
	l.keep(j)
}

// addsUp reports whether the parts of a job are within 2 % of its wall time.
func addsUp(j *bpfJob) bool {
	if j.Bad != 0 || j.Ended < j.Asked {
		return false
	}
	wall, sum := wallOf(*j), uint64(0)
	for _, ns := range j.Parts {
		if ns > 2*wall { // so that the sum can't wrap
			return false
		}
		sum += ns
	}
	return (max(sum, wall)-min(sum, wall))*50 <= wall
}

func wallOf(j bpfJob) uint64 { return j.Ended - j.Asked }

// keep keeps a job if it is among the slowest.
func (l *ledger) keep(j bpfJob) {
	if len(l.slowest) < MaxSlowest {
		l.slowest = append(l.slowest, j)
		return
	}
	fastest := &l.slowest[0]
	for i := range l.slowest {
		if wallOf(l.slowest[i]) < wallOf(*fastest) {
			fastest = &l.slowest[i]
		}
	}
	if wallOf(j) > wallOf(*fastest) {
		*fastest = j
	}
}

// merge adds another ledger of the same slots.
func (l *ledger) merge(other *ledger) {
	for i := range other.totals {
		addTotal(&l.totals[i], &other.totals[i])
	}
	for _, j := range other.slowest {
		l.keep(j)
	}
	for task, p := range other.preemptors {
		sum := l.preemptors[task]
		l.preemptors[task] = bpfPreemptor{Ns: sum.Ns + p.Ns, Jobs: sum.Jobs + p.Jobs}
	}
	l.lost += other.lost
}

func addTotal(sum, t *bpfTotal) {
	sum.Jobs += t.Jobs
	sum.Wall += t.Wall
	sum.Max = max(sum.Max, t.Max)
	for i := range t.Parts {
		sum.Parts[i] += t.Parts[i]
	}
	for i := range t.Counts {
		sum.Counts[i] += t.Counts[i]
	}
	sum.HelpersOnCpu += t.HelpersOnCpu
	sum.HelpersWaiting += t.HelpersWaiting
	sum.Khz += t.Khz
	sum.KhzJobs += t.KhzJobs
	for i := range t.Walls {
		sum.Walls[i] += t.Walls[i]
	}
}

// snapshot fills in all that jobs add up to; c tells when they were.
func (l *ledger) snapshot(s *Snapshot, c clock) {
	s.Models, s.Preemptors, s.Slowest, s.Lost = l.models(), l.holders(), []Job{}, l.lost
	slices.SortFunc(l.slowest, func(x, y bpfJob) int { return cmp.Compare(wallOf(y), wallOf(x)) })
	for _, raw := range l.slowest {
		of := l.slots[raw.Slot]
		j := job(raw, of, c)
		for _, m := range s.Models {
			if m.Modality == j.Modality && m.Variant == j.Variant {
				j.Reason = Explain(j, m)
			}
		}
		s.Slowest = append(s.Slowest, j)
	}
}

// models adds up the slots of the same variant.
func (l *ledger) models() []Model {
	type name struct{ modality, variant string }
	sums := map[name]*bpfTotal{}
	for i, of := range l.slots {
		n := name{of.modality, of.variant}
		if sums[n] == nil {
			sums[n] = &bpfTotal{}
		}
		addTotal(sums[n], &l.totals[i])
	}
	models := []Model{}
	for n, t := range sums {
		if t.Jobs == 0 {
			continue
		}
		h := histogram(t.Walls)
		models = append(models, Model{
			Modality: n.modality, Variant: n.variant, Jobs: t.Jobs,
			P50: quantile(h, 0.5, time.Duration(t.Max)), P99: quantile(h, 0.99, time.Duration(t.Max)),
			Max: time.Duration(t.Max), Wall: time.Duration(t.Wall), Parts: parts(t.Parts), Counts: counts(t.Counts),
			MeanKHz: t.Khz / max(t.KhzJobs, 1),
			Helpers: Helpers{time.Duration(t.HelpersOnCpu), time.Duration(t.HelpersWaiting)}, Histogram: h,
		})
	}
	slices.SortFunc(models, func(x, y Model) int {
		return cmp.Or(cmp.Compare(x.Modality, y.Modality), cmp.Compare(x.Variant, y.Variant))
	})
	return models
}

// holders are the longest of the preemptors.
func (l *ledger) holders() []Holder {
	list := []Holder{}
	for task, p := range l.preemptors {
		list = append(list, Holder{Task: comm(task), PID: int(task.Pid), Time: time.Duration(p.Ns), Jobs: p.Jobs})
	}
	longestFirst(list)
	return list[:min(len(list), MaxPreemptors)]
}

func longestFirst(list []Holder) {
	slices.SortFunc(list, func(x, y Holder) int { return cmp.Or(cmp.Compare(y.Time, x.Time), cmp.Compare(x.PID, y.PID)) })
}

func job(raw bpfJob, of slot, c clock) Job {
	j := Job{
		Modality: of.modality, Variant: of.variant,
		At: c.time(raw.Asked), Wall: time.Duration(wallOf(raw)), Parts: parts(raw.Parts), Counts: counts(raw.Counts),
		Holders: []Holder{}, Helpers: Helpers{time.Duration(raw.HelpersOnCpu), time.Duration(raw.HelpersWaiting)},
	}
	if raw.MinKhz != noClock {
		j.MinKHz = raw.MinKhz
	}
	for _, h := range raw.Holders {
		if h.Ns > 0 {
			j.Holders = append(j.Holders, Holder{Task: comm(h.Task), PID: int(h.Task.Pid), Time: time.Duration(h.Ns)})
		}
	}
	longestFirst(j.Holders)
	return j
}

// noClock is the lowest clock of a job while none was seen.
const noClock = ^uint64(0)

func comm(t bpfTask) string {
	b := (*[16]byte)(unsafe.Pointer(&t.Comm))
	name, _, _ := strings.Cut(string(b[:]), "\x00")
	return strings.ToValidUTF8(name, "?")
}

func parts(ns [NumParts]uint64) (p Parts) {
	for i := range ns {
		p[i] = time.Duration(ns[i])
	}
	return p
}

// counts are in the order of enum count in bpf/trace.c.
func counts(n [7]uint64) Counts {
	return Counts{n[0], n[1], n[2], n[3], n[4], n[5], n[6]}
}

// histogram is the part of the columns that has any jobs.
func histogram(walls [64]uint64) []Bucket {
	h := make([]Bucket, len(walls))
	for i, n := range walls {
		h[i] = Bucket{time.Duration(1) << i, n}
	}
	return trim(h)
}
