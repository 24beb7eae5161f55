package sched

import (
	"math"
	"time"
)

// lif is the policy of leaky integrate-and-fire neurons.
type lif struct {
	neurons  []neuron
	workers  []worker
	dearest  int // the neuron whose jobs take longest
	budget   budget
	synapses synapses
	shut     bool // jobs waited for credit when it was looked at last
	explain  func(*Decision)
	decision Decision // reused
}

func newLIF(o Options) *lif {
	p := &lif{
		neurons: make([]neuron, len(o.Sources)), workers: make([]worker, o.Workers),
		budget: newBudget(o), synapses: newSynapses(len(o.Sources), o.Freeze), explain: o.Explain,
	}
	for w := range p.workers {
		p.workers[w] = newWorker(len(o.Sources))
	}
	for i, s := range o.Sources {
		p.neurons[i] = neuron{Source: s, cost: newCost(s.Cost)}
		p.weigh(i)
	}
	for w := range p.workers {
		p.reserve(w)
	}
	return p
}

// reserve sets how long before their inputs become stale the jobs of worker w go before
// all else: the time that one job of every source takes, and the one that is running.
//
// When that is at most half of the least StaleAfter of the worker's sources, no input
// becomes stale, whatever the budget, as long as no job takes longer than Source.Cost.
// For then every source has the same reserve R, and what is urgent goes in the order in
// which it became so. Say i becomes urgent at u. Before it go at most the job that is
// running and those of others that became urgent before u; none of them twice, since
// after a job begun at t its source is not urgent again before t + StaleAfter - R >=
// t + R, when all of those have ended. So i has ended by u + R, which is when its input
// would become stale. One job of the longest is to spare, for a caller that is late.
//
// With less time than that half of it is kept for what else there is.
func (p *lif) reserve(w int) {
	var sum, most time.Duration
	for i := range p.neurons {
		if n := &p.neurons[i]; n.Worker == w {
			sum += n.cost.worst()
			most = max(most, n.cost.worst())
		}
	}
	for i := range p.neurons {
		if n := &p.neurons[i]; n.Worker == w {
			n.calm = n.StaleAfter - min(sum+most, n.StaleAfter/2)
			n.slope = ramp(n.calm)
		}
	}
}

// weigh notes what a job of neuron i takes now.
func (p *lif) weigh(i int) {
	n := &p.neurons[i]
	n.takes = float64(n.cost.last())
	if i != p.dearest {
		if n.takes > p.neurons[p.dearest].takes {
			p.dearest = i
		}
		return
	}
	for k := range p.neurons {
		if p.neurons[k].takes > p.neurons[p.dearest].takes {
			p.dearest = k
		}
	}
}

// stern is by what factor the threshold of n is raised, or lowered. It is raised the
// less, the less its jobs take: giving up what costs little saves little.
func (p *lif) stern(n *neuron) float64 {
	if p.budget.factor <= 1 {
		return p.budget.factor
	}
	return math.Pow(p.budget.factor, n.takes/p.neurons[p.dearest].takes)
}

// threshold is that of neuron i: sternness raises all, and a winner those of its rivals.
func (p *lif) threshold(now time.Duration, i int) float64 {
	t := p.stern(&p.neurons[i])
	if w := &p.workers[p.neurons[i].Worker]; w.winner >= 0 && w.winner != i {
		if dt := now - w.begun; dt < 4*inhibitionTime {
			t *= 1 + inhibition*math.Exp(-float64(dt)/float64(inhibitionTime))
		}
	}
	return t
}

// advance lets n integrate until now. A stern threshold is reached no later than a usual
// one, a relaxed one sooner.
func (p *lif) advance(now time.Duration, n *neuron) {
	n.advance(now, n.slope*max(1, p.stern(n)))
}

// Arrive implements Policy.
func (p *lif) Arrive(now time.Duration, i int, salience float64) {
	p.budget.advance(now)
	n := &p.neurons[i]
	p.advance(now, n)
	p.budget.arrive(n.cost.each)
	if !(salience > leastSalience) { // nor a number
		salience = leastSalience
	}
	charge := salienceGain * min(1, salience)
	n.v += charge
	n.salience += charge
	n.arrived = now
	if !n.fresh {
		n.fresh, n.unseen = true, now
	}
	if n.waiting {
		p.replace(now, i)
	} else {
		p.consider(now, i)
	}
}

// replace lets the newest input of neuron i take the place of the one that waits. It
// keeps its place in the line, unless that was lost or came too late.
func (p *lif) replace(now time.Duration, i int) {
	n := &p.neurons[i]
	w := &p.workers[n.Worker]
	k := w.find(i)
	j := &w.jobs[k]
	if j.gaveWay {
		n.dropped++
		if p.explain != nil {
			p.tell(now, Dropped, j, 0, "")
		}
	}
	j.price(max(j.value, n.worth(now)), n.cost.mean(now))
	if j.gaveWay || j.deadline < now {
		again := *j
		again.gaveWay, again.deadline = false, n.due(now)
		w.leave(k)
		w.queue(again)
	}
}

// consider lets neuron i fire if it is charged and rested.
func (p *lif) consider(now time.Duration, i int) {
	n := &p.neurons[i]
	if n.waiting || !n.fresh || now < n.rested {
		return
	}
	switch threshold := p.threshold(now, i); {
	case n.All:
		p.fire(now, i, Arrival, threshold)
	case n.v >= threshold:
		p.fire(now, i, n.why(), threshold)
	case p.budget.hot:
		p.budget.held = true
	}
}

func (p *lif) fire(now time.Duration, i int, cause Cause, threshold float64) {
	n := &p.neurons[i]
	n.waiting = true
	j := pending{source: uint8(i), all: n.All, cause: cause, deadline: n.due(now)}
	if cause == Arrival {
		j.price(n.Weight, n.cost.mean(now))
	} else {
		j.price(n.worth(now), n.cost.mean(now))
	}
	queued := p.workers[n.Worker].queue(j)
	if p.explain != nil {
		p.tell(now, Fired, queued, threshold, "")
	}
	n.discharge()
}

// Next implements Policy.
func (p *lif) Next(now time.Duration) (Job, bool) {
	p.budget.advance(now)
	urgent := p.rouse(now)
	for w := range p.workers {
		w := &p.workers[w]
		if w.busy || len(w.jobs) == 0 {
			continue
		}
		if k := p.choose(now, w, urgent); k >= 0 {
			return p.begin(now, w, k), true
		}
	}
	return Job{}, false
}

// rouse fires the neurons that are about to become stale, or have rested, and reports
// whether any are about to become stale.
func (p *lif) rouse(now time.Duration) (urgent bool) {
	for i := range p.neurons {
		switch n := &p.neurons[i]; {
		case !n.fresh:
		case now >= n.urgentAt():
			urgent = true
			if !n.waiting && !n.running {
				p.advance(now, n)
				p.fire(now, i, StaleSoon, p.threshold(now, i))
			}
		case n.rested != 0 && now >= n.rested && !n.waiting:
			n.rested = 0
			p.advance(now, n)
			p.consider(now, i)
		}
	}
	return urgent
}

// choose returns which of the jobs that wait for w to do, or -1: what is about to become
// stale first, whatever the budget; else by deadline, as long as all can be met.
func (p *lif) choose(now time.Duration, w *worker, urgent bool) int {
	if urgent {
		if k := p.stalest(now, w); k >= 0 {
			w.jobs[k].cause = StaleSoon
			return k
		}
	}
	if p.budget.open() {
		p.shut = false
		return p.pick(now, w)
	}
	if p.explain != nil && !p.shut {
		p.tell(now, HeldBack, &w.jobs[0], 0, "")
	}
	p.shut = true
	return -1
}

// stalest returns the job for w whose input becomes stale first, of those about to, or
// -1.
func (p *lif) stalest(now time.Duration, w *worker) int {
	first, at := -1, time.Duration(0)
	for k := range w.jobs {
		n := &p.neurons[w.jobs[k].source]
		if stale := n.unseen + n.StaleAfter; now >= n.urgentAt() && (first < 0 || stale < at) {
			first, at = k, stale
		}
	}
	return first
}

func (p *lif) begin(now time.Duration, w *worker, k int) Job {
	j := &w.jobs[k]
	i := int(j.source)
	n := &p.neurons[i]
	if p.explain != nil {
		p.tell(now, Begun, j, 0, "")
	}
	job := Job{Source: i, Arrived: n.arrived, Unseen: n.unseen, Deadline: n.arrived + n.Deadline, Value: j.value, Cause: j.cause}
	w.leave(k)
	w.busy, w.winner, w.begun = true, i, now
	n.waiting, n.running, n.fresh, n.begun = false, true, false, now
	n.discharge() // what came while it waited is what the job takes
	p.excite(now, i)
	return job
}

// excite passes a spike of neuron i on to others, and lets the synapses learn.
func (p *lif) excite(now time.Duration, i int) {
	for j, weight := range p.synapses.spike(now, i) {
		if weight < leastWeight {
			continue
		}
		n := &p.neurons[j]
		p.advance(now, n)
		charge := float64(weight) * p.stern(n)
		n.v += charge
		n.spikes += charge
		p.consider(now, j)
	}
}

// Done implements Policy.
func (p *lif) Done(now time.Duration, job Job, took time.Duration) {
	n := &p.neurons[job.Source]
	if !n.running {
		return
	}
	took = max(0, took)
	n.running = false
	n.rested = now + time.Duration(refractoryShare*float64(took))
	p.workers[n.Worker].busy = false
	p.budget.advance(now)
	p.budget.use(took, job.Cause == StaleSoon)
	worst := n.cost.worst()
	if n.cost.add(now, took, job.Inputs); n.cost.worst() != worst {
		p.reserve(n.Worker)
	}
	p.weigh(job.Source)
	if n.waiting {
		w := &p.workers[n.Worker]
		j := &w.jobs[w.find(job.Source)]
		j.price(j.value, n.cost.mean(now))
	}
}

// Wake implements Policy. That urgency alone lifts a potential over its threshold
// between inputs is seen at the next input, or when it is about to become stale.
func (p *lif) Wake(now time.Duration) (at time.Duration, ok bool) {
	at = math.MaxInt64
	for i := range p.neurons {
		n := &p.neurons[i]
		if !n.fresh || p.workers[n.Worker].busy {
			continue
		}
		at = min(at, n.urgentAt())
		if n.waiting {
			at = min(at, p.budget.opens(now))
		} else if n.rested != 0 {
			at = min(at, n.rested)
		}
	}
	return max(at, now), at < math.MaxInt64
}

// SetBudget implements Policy.
func (p *lif) SetBudget(now time.Duration, share float64) { p.budget.set(now, share) }

// Held implements Policy.
func (p *lif) Held() bool { return p.budget.heldBack() }

// Event implements Learner.
func (p *lif) Event(now time.Duration) { p.synapses.reward(now) }

// tell explains a decision about a job.
func (p *lif) tell(now time.Duration, v Verdict, j *pending, threshold float64, other string) {
	n := &p.neurons[j.source]
	p.decision = Decision{
		At: now, Verdict: v, Cause: j.cause, Source: n.Name, Potential: n.v, Threshold: threshold,
		Salience: n.salience, Spikes: n.spikes, Staleness: now - n.unseen, Value: j.value,
		Cost: j.takes, Deadline: j.deadline, For: other, Credit: p.budget.credit(),
	}
	p.explain(&p.decision)
}
