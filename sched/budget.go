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
	// debtFor bounds what is owed after a job that hung.
	debtFor = time.Minute
	// sternnessGain is how fast sternness grows when all credit is used up, per
	// second, and falls when none is.
	sternnessGain = 0.5
	minSternness  = -4 // every input is reason enough for a job
	maxSternness  = 3  // a wholly new input must come again to be one
	// damping is what thresholds add to that at once when heat leaves no credit, and
	// take off when it leaves all: use would swing without.
	damping = 1
	// demandTime is the time over which demand is averaged.
	demandTime = 10 * time.Second
)

// bucket is credit for work, in nanoseconds of it.
type bucket struct{ credit, most float64 }

// earn adds what dt is worth at rate, of which no more is saved than whole of it.
func (b *bucket) earn(rate, dt float64, whole time.Duration) {
	b.most = rate * float64(whole)
	b.credit = min(b.most, b.credit+rate*dt)
}

// resize keeps the level of a bucket that is to hold so much; a new one is half full.
func (b *bucket) resize(most float64) {
	if b.most > 0 {
		b.credit *= most / b.most
	} else {
		b.credit = most / 2
	}
	b.most = most
}

// level is the share of what can be saved that is.
func (b *bucket) level() float64 {
	if b.most <= 0 {
		return 0
	}
	return b.credit / b.most
}

// budget keeps the use of the workers at a share of their time: exactly, by credit
// that jobs use up, and evenly, by sternness, which grows while there is little
// credit. So thresholds follow use: the homeostasis of neurons.
type budget struct {
	share   float64 // of all workers' time: the most that heat allows
	work    float64 // of what it would take to infer every input
	workers float64
	heat    bucket // what heat allows
	saved   bucket // what thrift does
	at      time.Duration
	demand  float64 // ns of work that arrived, forgotten over demandTime
	// sternness is the log of the factor by which a policy asks for more reason before
	// it begins a job; below 0 for less.
	sternness float64
	factor    float64
	hot       bool // it is heat that makes sternness what it is
	held      bool
}

// newBudget begins relaxed where all may be inferred: who knows nothing yet looks at
// everything.
func newBudget(o Options) budget {
	b := budget{share: 1, work: o.Work, workers: float64(o.Workers)}
	if b.work >= 1 {
		b.sternness, b.saved = minSternness, bucket{1, 1}
	}
	b.factor = math.Exp(b.sternness)
	b.heat.earn(b.workers, float64(heatFor), heatFor)
	return b
}

// thrift is how much work to do a time, of one worker.
func (b *budget) thrift() float64 {
	if b.work >= 1 {
		return b.workers
	}
	return b.work * min(b.workers, b.wanted())
}

// part is the share of all inputs that the budget is enough for. It notes when heat
// makes it less.
func (b *budget) part() float64 {
	limit := math.Inf(1)
	if b.work < 1 {
		limit = b.thrift()
	}
	if b.share < 1 {
		limit = min(limit, b.share*b.workers)
	}
	part := min(1, limit/max(b.wanted(), 1e-9))
	b.held = b.held || part < 1 && limit == b.share*b.workers
	return part
}

// wanted is how much work arrives a time, of one worker.
func (b *budget) wanted() float64 {
	known := 1 - math.Exp(-float64(b.at)/float64(demandTime)) // of demandTime, when it began
	return b.demand / float64(demandTime) / max(known, 0.1)
}

// arrive counts an input that would take cost, in nanoseconds.
func (b *budget) arrive(cost float64) { b.demand += cost }

// advance earns credit until now.
func (b *budget) advance(now time.Duration) {
	dt := float64(now - b.at)
	if dt <= 0 {
		return
	}
	b.at = now
	b.demand *= math.Exp(-dt / float64(demandTime))
	b.heat.earn(b.share*b.workers, dt, heatFor)
	// What thrift allows follows demand, and what was saved with it.
	thrift := b.thrift()
	b.saved.resize(thrift * float64(saveFor))
	b.saved.earn(thrift, dt, saveFor)
	b.temper(dt)
}

// temper lets sternness follow credit, for dt.
func (b *budget) temper(dt float64) {
	const savedFull, heatFull = 0.9, 0.75 // a job or two are much of what heat lets save
	step := sternnessGain * dt / float64(time.Second)
	change, damped := b.urge(step, b.saved.level(), savedFull), 0.0
	b.hot = false
	if b.share < 1 {
		level := b.heat.level()
		stern := b.urge(step, level, heatFull)
		b.hot = level < heatFull && stern >= change
		change = max(change, stern)
		damped = damping * max(-1, min(1, 1-2*level))
	}
	if b.share > 0 { // else no sternness helps
		b.sternness = min(maxSternness, max(minSternness, b.sternness+change))
	}
	b.factor = math.Exp(b.sternness + damped)
}

// urge is by how much sternness changes, at most by step up when all credit is used up,
// and down when no more can be saved. Between them it goes home to 0, where jobs are
// begun for reasons alone: credit is for what is to come, and only what would be lost
// is spent on less.
func (b *budget) urge(step, level, full float64) float64 {
	const half = 0.5
	switch {
	case level < half:
		return step * min(1, (half-level)/half)
	case level > full:
		return step * (full - level) / (1 - full)
	}
	return max(-step, min(step, -b.sternness))
}

// set changes what heat allows.
func (b *budget) set(now time.Duration, share float64) {
	b.advance(now)
	if !(share > 0) {
		share = 0
	}
	b.share = min(1, share)
	b.heat.earn(b.share*b.workers, 0, heatFor)
}

// open reports whether a job may begin, and notes when heat lets none.
func (b *budget) open() bool {
	if b.share < 1 && b.heat.credit <= 0 {
		b.held = true
		return false
	}
	return b.work >= 1 || b.saved.credit > 0
}

// opens is when a job may begin again, as far as one knows now.
func (b *budget) opens(now time.Duration) time.Duration {
	at := now
	if b.share < 1 && b.heat.credit <= 0 {
		at = earned(now, b.heat.credit, b.share*b.workers)
	}
	if b.work < 1 && b.saved.credit <= 0 {
		at = max(at, earned(now, b.saved.credit, b.thrift()))
	}
	return at
}

// earned is when a debt is paid, or when to look again.
func earned(now time.Duration, credit, rate float64) time.Duration {
	if rate <= 0 {
		return math.MaxInt64
	}
	return now + time.Duration(min(math.Ceil(-credit/rate)+1, float64(time.Hour)))
}

// use pays for a job. Debts are bounded: the future need not pay for all, and least for
// what had to be.
func (b *budget) use(took time.Duration, forced bool) {
	debt := b.workers * float64(debtFor)
	if forced {
		debt = b.workers * float64(heatFor)
	}
	b.heat.credit = max(b.heat.credit-float64(took), min(b.heat.credit, -debt))
	b.saved.credit = max(-b.saved.most, b.saved.credit-float64(took))
}

// credit is what is left to use, below 0 what was used too much.
func (b *budget) credit() time.Duration {
	return time.Duration(min(b.heat.credit, b.saved.credit))
}

// heldBack reports whether heat has held work back, by a job refused or by less reason
// to begin one, and forgets.
func (b *budget) heldBack() bool {
	held := b.held
	b.held = false
	return held
}
