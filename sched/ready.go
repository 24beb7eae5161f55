package sched

import (
	"slices"
	"time"
)

// readyList holds the neurons whose jobs wait, by deadline.
type readyList struct{ order []int8 }

func newReadyList(n int) readyList { return readyList{make([]int8, 0, n)} }

func (r *readyList) insert(neurons []neuron, i int) {
	at := len(r.order)
	for at > 0 && neurons[r.order[at-1]].deadline > neurons[i].deadline {
		at--
	}
	r.order = slices.Insert(r.order, at, int8(i))
}

func (r *readyList) remove(i int) {
	if at := slices.Index(r.order, int8(i)); at >= 0 {
		r.order = slices.Delete(r.order, at, at+1)
	}
}

// move puts neuron i where its new deadline belongs.
func (r *readyList) move(neurons []neuron, i int) {
	r.remove(i)
	r.insert(neurons, i)
}

// pick returns whose job worker w shall do next, or -1. When not all that wait for w
// can be done in time, the one with the least value for the time it takes gives way,
// of those before the deadline that would be missed: robust earliest deadline
// (Buttazzo and Stankovic, "RED: A robust earliest deadline scheduling algorithm",
// 1993). Of the others the one with the most value for its time goes first, if all are
// in time even so, and else the one with the earliest deadline. What gave way goes
// when nothing else waits.
func (p *lif) pick(now time.Duration, w int) int {
	p.giveWay(now, w)
	first, best, way := -1, -1, -1
	for _, k := range p.ready.order {
		i := int(k)
		switch n := &p.neurons[i]; {
		case n.Worker != w:
		case n.gaveWay:
			if way < 0 || p.density(now, i) > p.density(now, way) {
				way = i
			}
		default:
			if first < 0 {
				first = i
			}
			if best < 0 || p.density(now, i) > p.density(now, best) {
				best = i
			}
		}
	}
	switch {
	case first < 0:
		return way
	case p.inTime(now, w, best):
		return best
	}
	return first
}

// density is the value of neuron i's job for the time it takes.
func (p *lif) density(now time.Duration, i int) float64 {
	n := &p.neurons[i]
	return n.value / float64(n.cost.mean(now))
}

// giveWay lets jobs for w give way until the others can be done in time.
func (p *lif) giveWay(now time.Duration, w int) {
	end := now // of all jobs up to k, one after the other
	for k := 0; k < len(p.ready.order); k++ {
		i := int(p.ready.order[k])
		n := &p.neurons[i]
		if n.Worker != w || n.gaveWay {
			continue
		}
		end += n.cost.mean(now)
		for end > n.deadline && !n.gaveWay {
			victim := p.least(now, w, k)
			if victim < 0 {
				break
			}
			v := &p.neurons[victim]
			v.gaveWay = true
			end -= v.cost.mean(now)
			if p.explain == nil {
				continue
			}
			if now+v.cost.mean(now) > v.deadline {
				p.tell(now, victim, TooLate, 0, "")
			} else {
				p.tell(now, victim, GaveWay, 0, n.Name)
			}
		}
	}
}

// least is the neuron whose job for w is worth least for its time, of the first k+1
// that wait, or -1.
func (p *lif) least(now time.Duration, w, k int) int {
	least := -1
	for _, j := range p.ready.order[:k+1] {
		i := int(j)
		if n := &p.neurons[i]; n.Worker != w || n.All || n.gaveWay {
			continue
		}
		if least < 0 || p.density(now, i) < p.density(now, least) {
			least = i
		}
	}
	return least
}

// inTime reports whether all jobs for w that did not give way end in time, nearly
// certainly, if that of neuron i goes first.
func (p *lif) inTime(now time.Duration, w, i int) bool {
	end := now + p.neurons[i].cost.high(now)
	for _, k := range p.ready.order {
		if n := &p.neurons[k]; n.Worker == w && !n.gaveWay && int(k) != i {
			if end += n.cost.mean(now); end > n.deadline {
				return false
			}
		}
	}
	return true
}
