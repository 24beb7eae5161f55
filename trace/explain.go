package trace

import (
	"fmt"
	"strconv"
	"time"
)

// Cause is why a job took as long as it did.
type Cause int

// The causes.
const (
	Ordinary        Cause = iota // it took as long as its like do
	CPUHeld                      // it waited for a CPU that a known task held
	CPUBusy                      // it waited for a CPU; by whom that was held is not known
	HelpersHeld                  // the worker's other threads waited for a CPU, and it for them
	Asleep                       // it waited for a lock, another thread or a device
	MajorFaults                  // it waited for pages from storage
	PageFaults                   // it touched much memory for the first time
	StoppedBySignal              // by SIGSTOP or a debugger
	HardInterrupts               // its CPU served devices
	SoftInterrupts               // its CPU did what interrupts had left for later
	SlowClock                    // its CPU ran slower than usual
	LateReply                    // it was done, and the parent came late to hear of it
	Computing                    // it had more to compute, and nothing else explains it
	numCauses
)

var causeNames = [numCauses]string{
	"ordinary", "cpu held", "cpu busy", "helpers held", "asleep", "major faults", "page faults",
	"stopped by a signal", "hard interrupts", "soft interrupts", "slow clock", "late reply", "computing",
}

// String is the cause's name.
func (c Cause) String() string {
	if c < 0 || c >= numCauses {
		return fmt.Sprintf("cause(%d)", int(c))
	}
	return causeNames[c]
}

// A job's cause is the part of its time that is the furthest above what is usual, if
// that is a tenth of its time; without such a part it is what all jobs of the variant
// suffer from, if that takes a quarter.
const (
	leastExcess = 10 // parts of the wall time
	leastUsual  = 4
)

// Page faults explain time on a CPU if they are far more than usual and took no more
// than faultMost each. A first touch takes 0.25 µs to 1 µs on a large CPU, several on a
// small one or in a virtual machine, whose host has its own fault then.
const (
	leastFaults = 64
	faultLeast  = 250 * time.Nanosecond
	faultMost   = 10 * time.Microsecond
)

// CauseOf says why j took as long as it did. typical is the sum of all jobs of its
// variant, with j.
func CauseOf(j Job, typical Model) Cause {
	return diagnose(j, typical).cause
}

// diagnosis is a cause and what it was found by.
type diagnosis struct {
	cause   Cause
	part    Part // that the cause is about
	usual   usual
	chronic bool // all jobs of the variant have it
}

func diagnose(j Job, typical Model) diagnosis {
	u := usualFor(j, typical)
	j.Parts = waits(j.Parts)
	d := diagnosis{usual: u}
	var excess time.Duration
	if d.part, excess = furthest(j.Parts, u.parts); excess > 0 && excess >= j.Wall/leastExcess {
		d.cause = u.causeOf(j, d.part, excess)
		return d
	}
	none := usual{parts: Parts{OnCPU: j.Parts[OnCPU]}}
	if d.part, excess = furthest(j.Parts, none.parts); excess > 0 && excess >= j.Wall/leastUsual {
		d.cause, d.chronic = none.causeOf(j, d.part, excess), true
	}
	return d
}

// waits puts both waits for a CPU together, as RunQueue.
func waits(p Parts) Parts {
	p[RunQueue], p[Preempted] = p[RunQueue]+p[Preempted], 0
	return p
}

// furthest is the part that is the furthest above what is usual, and by how much.
func furthest(parts, usual Parts) (at Part, excess time.Duration) {
	for i, d := range parts {
		if more := d - usual[i]; more > excess {
			at, excess = Part(i), more
		}
	}
	return at, excess
}

// usual is what a job of the variant has otherwise.
type usual struct {
	others       bool  // there are other jobs to know it from
	parts        Parts // waits together
	minor, major float64
	hard, soft   float64
	waiting      time.Duration // of the worker's other threads
	khz          float64       // 0: unknown
}

// usualFor is the mean of all jobs but j. Few slow jobs pull means up, so what is usual
// must fit into the median, which is known from a histogram: by a factor of two.
func usualFor(j Job, m Model) usual {
	if m.Jobs < 2 {
		// Nothing is known of its computing but what its page faults took at least.
		first := time.Duration(j.MinorFaults) * faultLeast
		return usual{parts: Parts{OnCPU: max(0, j.Parts[OnCPU]-max(0, first))}}
	}
	n := float64(m.Jobs - 1)
	mean := func(all, own float64) float64 { return max(0, (all-own)/n) }
	count := func(all, own uint64) float64 { return mean(float64(all), float64(own)) }
	span := func(all, own time.Duration) time.Duration { return time.Duration(mean(float64(all), float64(own))) }
	u := usual{
		others: true,
		minor:  count(m.MinorFaults, j.MinorFaults), major: count(m.MajorFaults, j.MajorFaults),
		hard: count(m.HardIRQs, j.HardIRQs), soft: count(m.SoftIRQs, j.SoftIRQs),
		waiting: span(m.Helpers.Waiting, j.Helpers.Waiting),
		khz:     mean(float64(m.MeanKHz)*float64(m.Jobs), float64(j.MinKHz)),
	}
	for i := range u.parts {
		u.parts[i] = span(m.Parts[i], j.Parts[i])
	}
	u.parts = waits(u.parts)
	if m.P50 <= 0 {
		return u
	}
	u.parts[OnCPU] = min(u.parts[OnCPU], 2*m.P50)
	rest, room := u.parts.Sum()-u.parts[OnCPU], max(0, m.P50-u.parts[OnCPU])
	if rest > room {
		for i := range u.parts {
			if Part(i) != OnCPU {
				u.parts[i] = time.Duration(float64(u.parts[i]) * float64(room) / float64(rest))
			}
		}
	}
	return u
}

// causeOf says why part of j took so much more than is usual.
func (u *usual) causeOf(j Job, part Part, excess time.Duration) Cause {
	switch part {
	case RunQueue:
		if _, known := holder(j); known {
			return CPUHeld
		}
		return CPUBusy
	case Blocked:
		switch {
		case j.MajorFaults > 0:
			return MajorFaults
		case u.helpersHeld(j, excess):
			return HelpersHeld
		}
		return Asleep
	case Stopped:
		return StoppedBySignal
	case HardIRQ:
		return HardInterrupts
	case SoftIRQ:
		return SoftInterrupts
	case Reply:
		return LateReply
	}
	minor, major := float64(j.MinorFaults)-u.minor, float64(j.MajorFaults)-u.major
	switch {
	case faulted(minor+major, u.minor+u.major, excess) && major > minor: // storage that never sleeps
		return MajorFaults
	case faulted(minor+major, u.minor+u.major, excess):
		return PageFaults
	case u.helpersHeld(j, excess): // threads of a pool spin while they wait for others
		return HelpersHeld
	case u.slowed(j, excess):
		return SlowClock
	}
	return Computing
}

// faulted reports whether so many more page faults than usual explain so much more time
// on a CPU.
func faulted(more, usual float64, excess time.Duration) bool {
	return more >= max(leastFaults, usual) && more*float64(faultMost) >= float64(excess)
}

// helpersHeld reports whether the waits of the worker's other threads explain at least
// half of so much more time.
func (u *usual) helpersHeld(j Job, excess time.Duration) bool {
	more := j.Helpers.Waiting - u.waiting
	return more > 0 && more >= excess/2
}

// slowed reports whether the clock explains at least half of so much more time.
func (u *usual) slowed(j Job, excess time.Duration) bool {
	if j.MinKHz == 0 || u.khz <= float64(j.MinKHz) {
		return false
	}
	slowdown := u.khz/float64(j.MinKHz) - 1
	return slowdown*float64(u.parts[OnCPU]) >= float64(excess/2)
}

// holder is the task that held j's CPU the longest, if one is known for a tenth of the
// time that j waited. (Task 0 is the idle one.)
func holder(j Job) (longest Holder, known bool) {
	for _, h := range j.Holders {
		if h.Time > longest.Time && h.PID != 0 {
			longest = h
		}
	}
	return longest, longest.Time > 0 && longest.Time >= (j.Parts[RunQueue]+j.Parts[Preempted])/leastExcess
}

// Explain says in words why j took as long as it did. typical is the sum of all jobs of
// its variant, with j.
func Explain(j Job, typical Model) string {
	d := diagnose(j, typical)
	if d.cause == Ordinary {
		return "as usual"
	}
	reason := d.words(j)
	if d.chronic {
		reason += ", as usual"
	}
	return reason
}

// words are the cause with its figures.
func (d *diagnosis) words(j Job) string {
	took := func(what string) string {
		return fmt.Sprintf("%s of %s %s", inUnit(waits(j.Parts)[d.part]), inUnit(j.Wall), what)
	}
	doing := "blocked"
	if d.part == OnCPU {
		doing = "computing"
	}
	switch d.cause {
	case CPUHeld:
		h, _ := holder(j)
		words := took("waiting for a CPU held by ") + h.Task
		if h.Time < waits(j.Parts)[RunQueue]/2 {
			words += " and others"
		}
		return words
	case CPUBusy:
		return took("waiting for a CPU")
	case HelpersHeld:
		return took(doing) + fmt.Sprintf(" while the worker's other threads waited %s for a CPU", inUnit(j.Helpers.Waiting))
	case Asleep:
		return took(doing)
	case MajorFaults:
		return took(doing) + ": " + d.than(j.MajorFaults, "page", d.usual.major) + " had to be read from storage"
	case PageFaults:
		return d.than(j.MinorFaults, "page fault", d.usual.minor) + ": memory touched for the first time"
	case StoppedBySignal:
		return took("stopped by a signal (SIGSTOP or a debugger)")
	case HardInterrupts:
		return took("in ") + d.than(j.HardIRQs, "hard interrupt", d.usual.hard)
	case SoftInterrupts:
		return took("in ") + d.than(j.SoftIRQs, "soft interrupt", d.usual.soft)
	case SlowClock:
		return took(doing) + fmt.Sprintf(" at %s MHz (usually %s MHz)", grouped(j.MinKHz/1000), grouped(uint64(d.usual.khz/1000)))
	case LateReply:
		return took("until atoll came to read the answer")
	}
	return took(doing) + fmt.Sprintf(" (usually %s)", inUnit(d.usual.parts[OnCPU]))
}

// than is a number of things, beside the usual one if that is another.
func (d *diagnosis) than(n uint64, thing string, usually float64) string {
	words := grouped(n) + " " + thing
	if n != 1 {
		words += "s"
	}
	if d.usual.others && !d.chronic {
		words += fmt.Sprintf(" (usually %s)", grouped(uint64(usually+0.5)))
	}
	return words
}

// inUnit is a time in the unit that suits it.
func inUnit(d time.Duration) string {
	switch abs := d.Abs(); {
	case abs < time.Millisecond:
		return fmt.Sprintf("%.0f µs", float64(d)/float64(time.Microsecond))
	case abs < 10*time.Second:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// grouped is a number with its thousands marked.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
