package sched

import (
	"math"
	"time"
)

const (
	// heatFor and saveFor are for how long credit can be saved up: with heat, shortly,
	// as dies warm up within seconds; with what is only thrift, long enough for what a
	// busy stretch takes to come out of a still one.
	heatFor = time.Second
	saveFor = 20 * time.Second
	// sternnessGain is how fast sternness grows when all credit is used up, per
	// second, and falls when none is.
	sternnessGain = 0.5
	minSternness  = -4 // every input is reason enough for a job
	maxSternness  = 3  // a wholly new input must come again to be one
	// demandTime is the time over which demand is averaged.
	demandTime = 10 * time.Second
)

// bucket is credit for work, in nanoseconds of it.
type bucket struct{ credit, most float64 }

func (b *bucket) earn(rate, dt float64, whole time.Duration) {
	b.most = max(rate, 1e-3) * float64(whole)
	b.credit = min(b.most, b.credit+rate*dt)
}

// budget keeps the use of the workers at a share of their time: exactly, by credit
// that jobs use up, and evenly, by sternness, which grows while there is little
// credit. So thresholds follow use: the homeostasis of neurons.
type budget struct {
	share   float64 // of all workers' time: the most that heat allows
	work    float64 // of what it would take to infer every input
	workers float64
	heat    bucket // of share
	saved   bucket // of target
	at      time.Duration
	demand  float64 // ns of work that arrived, forgotten over demandTime
	// sternness is the log of the factor by which a policy asks for more reason before
	// it begins a job; below 0 for less.
	sternness float64
	held      bool
}

// newBudget begins relaxed: who knows nothing yet looks at everything.
func newBudget(o Options) budget {
	b := budget{share: 1, work: o.Work, workers: float64(o.Workers), sternness: minSternness}
	b.heat.earn(b.workers, float64(heatFor), heatFor)
	b.saved.earn(b.target()*b.workers, float64(saveFor)/2, saveFor)
	return b
}

// target is the share of all workers' time to use.
func (b *budget) target() float64 {
	if b.work >= 1 {
		return b.share
	}
	known := 1 - math.Exp(-float64(b.at)/float64(demandTime)) // of demandTime, when it began
	wanted := b.demand / float64(demandTime) / max(known, 0.1) / b.workers
	return min(b.share, b.work*min(1, wanted))
}

// arrive counts an input whose job would take cost.
func (b *budget) arrive(cost time.Duration) { b.demand += float64(cost) }

// advance earns credit until now.
func (b *budget) advance(now time.Duration) {
	dt := float64(now - b.at)
	if dt <= 0 {
		return
	}
	b.at = now
	b.demand *= math.Exp(-dt / float64(demandTime))
	b.heat.earn(b.share*b.workers, dt, heatFor)
	b.saved.earn(b.target()*b.workers, dt, saveFor)
	b.sternness += b.urge() * sternnessGain * dt / float64(time.Second)
	b.sternness = min(maxSternness, max(minSternness, b.sternness))
}

// urge is where sternness goes, from 1 when all credit is used up to -1 when no more
// can be saved. Between them it goes home to 0, where jobs are begun for reasons
// alone: credit is for what is to come, and only what would be lost is spent on less.
func (b *budget) urge() float64 {
	const half, full = 0.5, 0.9
	switch level := b.saved.credit / b.saved.most; {
	case level < half:
		return min(1, (half-level)/half)
	case level > full:
		return (full - level) / (1 - full)
	}
	return max(-1, min(1, -b.sternness))
}

func (b *budget) set(now time.Duration, share float64) {
	b.advance(now)
	if !(share > 0) {
		share = 0
	}
	b.share = min(1, share)
}

// unlimited reports whether neither heat nor thrift limits work.
func (b *budget) unlimited() bool { return b.share >= 1 && b.work >= 1 }

// open reports whether a job may begin, and notes when heat lets none.
func (b *budget) open() bool {
	if b.share < 1 && b.heat.credit <= 0 {
		b.held = true
		return false
	}
	return b.work >= 1 || b.saved.credit > 0
}

// opens is when a job may begin again.
func (b *budget) opens(now time.Duration) (at time.Duration, ok bool) {
	at = now
	if b.share < 1 && b.heat.credit <= 0 {
		at = max(at, earned(now, b.heat.credit, b.share*b.workers))
	}
	if b.work < 1 && b.saved.credit <= 0 {
		at = max(at, earned(now, b.saved.credit, b.target()*b.workers))
	}
	return at, at < math.MaxInt64
}

// earned is when a debt is paid.
func earned(now time.Duration, credit, rate float64) time.Duration {
	wait := math.Ceil(-credit/max(rate, 1e-9)) + 1
	if wait > float64(time.Hour) {
		return math.MaxInt64
	}
	return now + time.Duration(wait)
}

func (b *budget) use(took time.Duration) {
	b.heat.credit -= float64(took)
	// A debt is bounded, as is what is saved: the future need not pay for all.
	b.saved.credit = max(-b.saved.most, b.saved.credit-float64(took))
}

// heldBack reports whether heat has held work back, and forgets.
func (b *budget) heldBack() bool {
	held := b.held
	b.held = false
	return held
}
