package sched

import (
	"math"
	"time"
)

// lif is the policy of leaky integrate-and-fire neurons.
type lif struct {
	neurons  []neuron
	workers  []worker
	budget   budget
	ready    readyList
	synapses synapses
	dearest  time.Duration // what a job of the source takes whose jobs take longest
	reserve  time.Duration // what all jobs together may take before one becomes stale
	explain  func(*Decision)
	decision Decision // reused
}

// worker is what competes for one worker.
type worker struct {
	busy      bool
	winner    int // who fired last
	inhibited time.Duration
}

func newLIF(o Options) *lif {
	p := &lif{
		neurons: make([]neuron, len(o.Sources)), workers: make([]worker, o.Workers),
		budget: newBudget(o), ready: newReadyList(len(o.Sources)),
		synapses: newSynapses(len(o.Sources), o.Freeze), explain: o.Explain,
	}
	for w := range p.workers {
		p.workers[w].winner = -1
	}
	for i, s := range o.Sources {
		p.neurons[i] = neuron{Source: s, cost: newCost(s.Cost)}
	}
	p.reckon()
	return p
}

// reckon reserves, before any input becomes stale, the time that a job of every source
// takes and the one that is running: enough for all of them in turn.
func (p *lif) reckon() {
	var sum, most time.Duration
	p.dearest = 0
	for i := range p.neurons {
		n := &p.neurons[i]
		worst := n.cost.worst()
		sum += worst
		most = max(most, worst)
		n.dear = n.cost.mean(n.cost.ended)
		p.dearest = max(p.dearest, n.dear)
	}
	p.reserve = sum + most
	for i := range p.neurons {
		p.date(&p.neurons[i])
	}
}

// date sets when an input of n will be about to become stale. Half of the time is for
// what else there is, however much the jobs take.
func (p *lif) date(n *neuron) {
	n.staleAt = n.unseen + n.StaleAfter - min(p.reserve, n.StaleAfter/2)
}

// stern is by what factor sternness changes the threshold of n. The more its jobs take,
// of what the dearest take, the more it is raised: giving up what costs little saves
// little.
func (p *lif) stern(n *neuron) float64 {
	s := p.budget.sternness
	if s > 0 && p.dearest > 0 {
		s *= float64(n.dear) / float64(p.dearest)
	}
	return math.Exp(s)
}

// threshold is that of neuron i: sternness raises all, and a winner those of its rivals.
func (p *lif) threshold(now time.Duration, i int) float64 {
	t := p.stern(&p.neurons[i])
	if w := &p.workers[p.neurons[i].Worker]; w.winner >= 0 && w.winner != i {
		if dt := now - w.inhibited; dt < 4*inhibitionTime {
			t *= 1 + inhibition*math.Exp(-float64(dt)/float64(inhibitionTime))
		}
	}
	return t
}

func (p *lif) advance(now time.Duration, i int) {
	n := &p.neurons[i]
	// A stern threshold is reached no later than a usual one, a relaxed one sooner.
	n.advance(now, ramp(n.StaleAfter-min(p.reserve, n.StaleAfter/2))*max(1, p.stern(n)))
}

// Arrive implements Policy.
func (p *lif) Arrive(now time.Duration, i int, salience float64) {
	p.budget.advance(now)
	p.advance(now, i)
	n := &p.neurons[i]
	p.budget.arrive(n.cost.mean(now))
	charge := salienceGain * min(1, max(leastSalience, salience))
	n.v += charge
	n.salience += charge
	n.arrived = now
	if !n.fresh {
		n.fresh, n.unseen = true, now
		p.date(n)
	}
	if n.waiting {
		if n.gaveWay && p.explain != nil {
			p.tell(now, i, Dropped, 0, "")
		}
		n.value = max(n.value, n.worth(now))
		if n.gaveWay || n.deadline < now {
			n.gaveWay, n.deadline = false, n.due(now)
			p.ready.move(p.neurons, i)
		}
		return
	}
	p.consider(now, i)
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
	}
}

func (p *lif) fire(now time.Duration, i int, cause Cause, threshold float64) {
	n := &p.neurons[i]
	n.waiting, n.gaveWay, n.cause = true, false, cause
	n.value = n.worth(now)
	n.deadline = n.due(now)
	if cause == Arrival {
		n.value = n.Weight
	}
	p.ready.insert(p.neurons, i)
	if p.explain != nil {
		p.tell(now, i, Fired, threshold, "")
	}
	n.discharge()
}

// Next implements Policy.
func (p *lif) Next(now time.Duration) (Job, bool) {
	p.budget.advance(now)
	p.rouse(now)
	for w := range p.workers {
		if p.workers[w].busy {
			continue
		}
		if i := p.choose(now, w); i >= 0 {
			return p.begin(now, i), true
		}
	}
	return Job{}, false
}

// rouse fires the neurons that are about to become stale, or have rested.
func (p *lif) rouse(now time.Duration) {
	for i := range p.neurons {
		n := &p.neurons[i]
		if !n.fresh || n.waiting {
			continue
		}
		if now >= n.staleAt && !n.running {
			p.advance(now, i)
			p.fire(now, i, StaleSoon, p.threshold(now, i))
		} else if n.rested != 0 && now >= n.rested {
			n.rested = 0
			p.advance(now, i)
			p.consider(now, i)
		}
	}
}

// choose returns whose job worker w shall do, or -1: what is about to become stale
// first, whatever the budget; else by deadline, as long as all can be met.
func (p *lif) choose(now time.Duration, w int) int {
	best := -1
	for i := range p.neurons {
		n := &p.neurons[i]
		if n.waiting && n.Worker == w && now >= n.staleAt &&
			(best < 0 || n.unseen+n.StaleAfter < p.neurons[best].unseen+p.neurons[best].StaleAfter) {
			best = i
		}
	}
	switch {
	case best >= 0:
		p.neurons[best].cause = StaleSoon
		return best
	case len(p.ready.order) == 0:
		return -1
	case !p.budget.open():
		if p.explain != nil {
			p.tell(now, int(p.ready.order[0]), HeldBack, 0, "")
		}
		return -1
	}
	return p.pick(now, w)
}

func (p *lif) begin(now time.Duration, i int) Job {
	n := &p.neurons[i]
	p.ready.remove(i)
	job := Job{Source: i, Arrived: n.arrived, Unseen: n.unseen, Deadline: n.due(now), Value: n.value, Cause: n.cause}
	if p.explain != nil {
		p.tell(now, i, Begun, 0, "")
	}
	n.waiting, n.running, n.fresh, n.begun = false, true, false, now
	p.workers[n.Worker] = worker{busy: true, winner: i, inhibited: now}
	p.excite(now, i)
	return job
}

// excite passes a spike of neuron i on to others, and lets the synapses learn.
func (p *lif) excite(now time.Duration, i int) {
	for j, weight := range p.synapses.spike(now, i) {
		if weight < 0.01 || j == i {
			continue
		}
		p.advance(now, j)
		n := &p.neurons[j]
		charge := float64(weight) * p.stern(n)
		n.v += charge
		n.spikes += charge
		p.consider(now, j)
	}
}

// Done implements Policy.
func (p *lif) Done(now time.Duration, job Job, took time.Duration) {
	n := &p.neurons[job.Source]
	n.running = false
	n.rested = now + time.Duration(refractoryShare*float64(took))
	n.cost.add(now, took)
	p.workers[n.Worker].busy = false
	p.budget.advance(now)
	p.budget.use(took)
	p.reckon()
}

// Wake implements Policy.
func (p *lif) Wake(now time.Duration) (at time.Duration, ok bool) {
	at = math.MaxInt64
	for i := range p.neurons {
		switch n := &p.neurons[i]; {
		case !n.fresh, p.workers[n.Worker].busy:
		case n.waiting:
			at = min(at, n.staleAt)
			if opens, ok := p.budget.opens(now); ok {
				at = min(at, opens)
			}
		default:
			at = min(at, n.staleAt)
			if n.rested > now {
				at = min(at, n.rested)
			}
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

func (p *lif) tell(now time.Duration, i int, v Verdict, threshold float64, other string) {
	n := &p.neurons[i]
	p.decision = Decision{
		At: now, Verdict: v, Cause: n.cause, Source: n.Name, Potential: n.v, Threshold: threshold,
		Salience: n.salience, Spikes: n.spikes, Staleness: now - n.unseen, Value: n.value,
		Cost: n.cost.mean(now), Deadline: n.deadline, For: other, Credit: time.Duration(min(p.budget.heat.credit, p.budget.saved.credit)),
	}
	p.explain(&p.decision)
}
