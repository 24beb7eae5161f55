package sched

import (
	"slices"
	"time"
)

// pending is a job that waits for its worker.
type pending struct {
	source   uint8
	gaveWay  bool // it waits behind all that can be in time
	all      bool // it never gives way
	cause    Cause
	deadline time.Duration
	takes    time.Duration // expected
	value    float64
	density  float64 // value for the time that it takes
}

// price sets what the job is worth, and for what time.
func (j *pending) price(value float64, takes time.Duration) {
	j.value, j.takes, j.density = value, takes, value/float64(takes)
}

// worker is what competes for one worker.
type worker struct {
	busy   bool
	winner int           // whose job began last, or -1
	begun  time.Duration // when it did
	jobs   []pending     // by deadline
	least  []uint8       // heap that giveWay uses
}

func newWorker(sources int) worker {
	return worker{winner: -1, jobs: make([]pending, 0, sources), least: make([]uint8, 0, sources)}
}

// queue lets a job wait, and returns it.
func (w *worker) queue(j pending) *pending {
	at := len(w.jobs)
	for at > 0 && w.jobs[at-1].deadline > j.deadline {
		at--
	}
	w.jobs = slices.Insert(w.jobs, at, j)
	return &w.jobs[at]
}

// find returns where the job of a source waits.
func (w *worker) find(source int) int {
	for k := range w.jobs {
		if int(w.jobs[k].source) == source {
			return k
		}
	}
	panic("sched: a neuron waits for a worker that does not know of it")
}

func (w *worker) leave(k int) { w.jobs = slices.Delete(w.jobs, k, k+1) }

// pick returns which of the jobs that wait for w, at least one, shall be done next. When
// not all can be done in time, the one with the least value for the time it takes gives
// way, of those before the deadline that would be missed: robust earliest deadline
// (Buttazzo and Stankovic, "RED: A robust earliest deadline scheduling algorithm",
// 1993). From then on the one with the most value for its time goes first, of all that
// can still be in time; what can't goes when nothing else waits. While all can be done
// in time it goes first as well, if they can even so, and else the one with the
// earliest deadline.
func (p *lif) pick(now time.Duration, w *worker) int {
	first, best, way, late := w.survey(now)
	if late {
		p.giveWay(now, w)
		first, best, way, _ = w.survey(now)
	}
	switch {
	case first < 0:
		return way
	case way >= 0 && w.jobs[way].density > w.jobs[best].density && now+w.jobs[way].takes <= w.jobs[way].deadline:
		return way
	case way >= 0 || best == first || p.inTime(now, w, best):
		return best
	}
	return first
}

// survey returns the job with the earliest deadline, the densest, the densest of those
// that gave way, each -1 if there is none, and whether any will be late, one done after
// the other.
func (w *worker) survey(now time.Duration) (first, best, way int, late bool) {
	first, best, way = -1, -1, -1
	most, mostWay := -1.0, -1.0
	for k := range w.jobs {
		j := &w.jobs[k]
		if j.gaveWay {
			if j.density > mostWay {
				way, mostWay = k, j.density
			}
			continue
		}
		if now += j.takes; now > j.deadline {
			late = true
		}
		if j.density > most {
			best, most = k, j.density
		}
		if first < 0 {
			first = k
		}
	}
	return first, best, way, late
}

// giveWay lets jobs give way until the others can be done in time, one after the other
// (Moore, "An n job, one machine sequencing algorithm for minimizing the number of late
// jobs", 1968, who lets the longest give way).
func (p *lif) giveWay(now time.Duration, w *worker) {
	least := w.least[:0] // heap of those so far, once one must give way
	end := now           // of all so far
	for k := range w.jobs {
		j := &w.jobs[k]
		if j.gaveWay {
			continue
		}
		if end += j.takes; len(least) > 0 {
			least = w.push(least, k)
		} else if end > j.deadline {
			for i := range k + 1 {
				least = w.push(least, i)
			}
		}
		for end > j.deadline && !j.gaveWay && len(least) > 0 {
			var victim *pending
			victim, least = w.pop(least)
			victim.gaveWay = true
			p.neurons[victim.source].gaveWay++
			end -= victim.takes
			switch {
			case p.explain == nil:
			case now+victim.takes > victim.deadline:
				p.tell(now, TooLate, victim, 0, "")
			default:
				p.tell(now, GaveWay, victim, 0, p.neurons[j.source].Name)
			}
		}
	}
}

// push adds job k to a heap with the least dense on top, if it may give way.
func (w *worker) push(heap []uint8, k int) []uint8 {
	if w.jobs[k].gaveWay || w.jobs[k].all {
		return heap
	}
	heap = append(heap, 0)
	at := len(heap) - 1
	for at > 0 {
		up := (at - 1) / 2
		if w.jobs[heap[up]].density <= w.jobs[k].density {
			break
		}
		heap[at], at = heap[up], up
	}
	heap[at] = uint8(k)
	return heap
}

// pop takes the top off.
func (w *worker) pop(heap []uint8) (top *pending, rest []uint8) {
	top = &w.jobs[heap[0]]
	last := heap[len(heap)-1]
	heap = heap[:len(heap)-1]
	at := 0
	for down := 1; down < len(heap); down = 2*at + 1 {
		if right := down + 1; right < len(heap) && w.jobs[heap[right]].density < w.jobs[heap[down]].density {
			down = right
		}
		if w.jobs[last].density <= w.jobs[heap[down]].density {
			break
		}
		heap[at], at = heap[down], down
	}
	if len(heap) > 0 {
		heap[at] = last
	}
	return top, heap
}

// inTime reports whether all other jobs that did not give way end in time, nearly
// certainly, if job first goes first.
func (p *lif) inTime(now time.Duration, w *worker, first int) bool {
	end := now + p.neurons[w.jobs[first].source].cost.high(now)
	for k := range w.jobs {
		if j := &w.jobs[k]; !j.gaveWay && k != first {
			if end += j.takes; end > j.deadline {
				return false
			}
		}
	}
	return true
}
