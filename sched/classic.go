package sched

import (
	"math"
	"time"
)

// order says which of two waiting sources a classic policy takes first.
type order struct {
	before func(p *classic, now time.Duration, a, b *queued) bool
	thins  bool // it infers fewer inputs when the budget is short
	keeps  bool // a newer input keeps the deadline of the one whose place it takes, until that has passed
}

// orders are the classic policies. They infer every input that they have time for, at
// its arrival; with a short budget, evenly fewer. Liu and Layland, "Scheduling
// algorithms for multiprogramming in a hard-real-time environment" (1973), has rate
// monotonic and earliest deadline; here no job is preempted.
var orders = map[string]order{
	EveryFrame: {before: first},
	FIFO:       {before: first, thins: true},
	RoundRobin: {thins: true, before: func(p *classic, _ time.Duration, a, b *queued) bool {
		return p.turns(a) < p.turns(b)
	}},
	RateMonotonic: {thins: true, before: func(_ *classic, _ time.Duration, a, b *queued) bool {
		return a.interval() < b.interval()
	}},
	EDF:       {before: earliest, thins: true},
	EDFInLine: {before: earliest, thins: true, keeps: true},
	LeastSlack: {thins: true, before: func(_ *classic, now time.Duration, a, b *queued) bool {
		return sooner(now, a.deadline-a.cost.mean(now), b.deadline-b.cost.mean(now))
	}},
}

func earliest(_ *classic, now time.Duration, a, b *queued) bool {
	return sooner(now, a.deadline, b.deadline)
}

func first(_ *classic, _ time.Duration, a, b *queued) bool { return a.queuedAt < b.queuedAt }

// sooner puts what is too late already behind what is not: the time is better spent.
func sooner(now, a, b time.Duration) bool {
	if lateA, lateB := a < now, b < now; lateA != lateB {
		return lateB
	}
	return a < b
}

// queued is one source of a classic policy: at most one input of it waits.
type queued struct {
	Source
	index    int
	cost     cost
	waiting  bool
	fresh    bool
	running  bool
	queuedAt time.Duration // its place in the line: a newer input inherits it
	arrived  time.Duration
	unseen   time.Duration
	deadline time.Duration
	share    float64 // of an input, of those left out so far
}

// interval is that of its inputs; what comes when it comes is rarest.
func (q *queued) interval() time.Duration {
	if q.Period == 0 {
		return math.MaxInt64
	}
	return q.Period
}

// classic is a policy that infers every input, in some order.
type classic struct {
	order
	sources  []queued
	busy     []bool
	budget   budget
	last     int // source begun last
	explain  func(*Decision)
	decision Decision // reused
}

func newClassic(o order, opts Options) *classic {
	p := &classic{
		order: o, sources: make([]queued, len(opts.Sources)), busy: make([]bool, opts.Workers),
		budget: newBudget(opts), last: -1, explain: opts.Explain,
	}
	for i, s := range opts.Sources {
		p.sources[i] = queued{Source: s, index: i, cost: newCost(s.Cost)}
	}
	return p
}

// turns is how many others are before q in the round.
func (p *classic) turns(q *queued) int {
	n := len(p.sources)
	return (q.index - p.last - 1 + 2*n) % n
}

// Arrive implements Policy. Salience does not count.
func (p *classic) Arrive(now time.Duration, i int, _ float64) {
	p.budget.advance(now)
	q := &p.sources[i]
	p.budget.arrive(q.cost.each)
	if !q.fresh {
		q.fresh, q.unseen = true, now
	}
	if !p.admits(q) {
		return
	}
	if !q.waiting || !p.keeps || q.deadline < now {
		q.deadline = now + q.Deadline
	}
	if !q.waiting {
		q.waiting, q.queuedAt = true, now
	}
	q.arrived = now
}

// admits thins out what comes regularly, evenly: as an engineer would who lowers the
// rates of cameras until the budget is met.
func (p *classic) admits(q *queued) bool {
	if !p.thins || q.Period == 0 || q.All {
		return true
	}
	q.share += p.budget.part()
	if q.share < 1 {
		return false
	}
	q.share -= math.Floor(q.share)
	return true
}

// Next implements Policy.
func (p *classic) Next(now time.Duration) (Job, bool) {
	p.budget.advance(now)
	var best *queued
	for i := range p.sources {
		q := &p.sources[i]
		if q.waiting && !p.busy[q.Worker] && (best == nil || p.before(p, now, q, best)) {
			best = q
		}
	}
	if best == nil || !p.budget.open() {
		return Job{}, false
	}
	best.waiting, best.fresh, best.running = false, false, true
	p.busy[best.Worker] = true
	p.last = best.index
	if p.explain != nil {
		p.decision = Decision{
			At: now, Verdict: Begun, Source: best.Name, Staleness: now - best.unseen, Value: best.Weight,
			Cost: best.cost.mean(now), Deadline: best.deadline, Credit: p.budget.credit(),
		}
		p.explain(&p.decision)
	}
	return Job{Source: best.index, Arrived: best.arrived, Unseen: best.unseen, Deadline: best.arrived + best.Deadline, Value: best.Weight}, true
}

// Done implements Policy.
func (p *classic) Done(now time.Duration, job Job, took time.Duration) {
	q := &p.sources[job.Source]
	if !q.running {
		return
	}
	q.running = false
	q.cost.add(now, took, job.Inputs)
	p.busy[q.Worker] = false
	p.budget.advance(now)
	p.budget.use(max(0, took), false)
}

// Wake implements Policy.
func (p *classic) Wake(now time.Duration) (at time.Duration, ok bool) {
	for i := range p.sources {
		if q := &p.sources[i]; q.waiting && !p.busy[q.Worker] {
			at = p.budget.opens(now)
			return at, at < math.MaxInt64
		}
	}
	return 0, false
}

// SetBudget implements Policy.
func (p *classic) SetBudget(now time.Duration, share float64) { p.budget.set(now, share) }

// Held implements Policy.
func (p *classic) Held() bool { return p.budget.heldBack() }
