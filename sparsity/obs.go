package sparsity

import (
	"container/heap"
	"context"
	"math"
)

// step is one of a series of units that turn, and what that costs; a gain is below 0.
type step struct {
	unit int
	cost float64
}

// eliminate prunes a strip's units one by one, always the one that costs least after
// re-fit, as Optimal Brain Compression does.
func (p *problem) eliminate(strip int, s *scratch) []step {
	t := s.tableau(p)
	t.resetKept(p, strip)
	ids := make([]int, len(p.units))
	for u := range ids {
		ids[u] = u
	}
	cols := p.units
	pruned := make(map[int]int) // by class
	var steps []step
	for alive := len(ids); alive > 0; {
		best, cost := -1, math.Inf(1)
		for i, u := range ids {
			if u < 0 || p.m > 0 && pruned[u/p.m] == p.m-p.keep {
				continue
			}
			if c := t.change(cols[i], &s.small); c < cost {
				best, cost = i, c
			}
		}
		if best < 0 {
			break // every class has what it must
		}
		for _, c := range cols[best] {
			t.pivot(c)
		}
		u := ids[best]
		steps = append(steps, step{u, cost})
		if p.m > 0 {
			pruned[u/p.m]++
		}
		ids[best] = -1
		// What is pruned is never asked for again: it is left out now and then.
		if alive--; 5*alive <= 4*len(ids) && alive > 0 {
			t, ids, cols = compact(t, ids, cols)
		}
	}
	return steps
}

// compact leaves out the units whose number is negative.
func compact(t *tableau, ids []int, cols [][]int) (*tableau, []int, [][]int) {
	var newIDs, all []int
	var newCols [][]int
	for i, u := range ids {
		if u < 0 {
			continue
		}
		at := make([]int, len(cols[i]))
		for k := range at {
			at[k] = len(all) + k
		}
		newIDs, newCols, all = append(newIDs, u), append(newCols, at), append(all, cols[i]...)
	}
	smaller := new(tableau)
	t.sub(smaller, all)
	return smaller, newIDs, newCols
}

// obs prunes greedily over the whole layer: each strip's units fall in the order that
// elimination found, and the strip whose next one costs least is next.
func (p *problem) obs(ctx context.Context) ([]mask, error) {
	series := make([][]step, p.strips)
	if err := p.each(ctx, func(strip int, s *scratch) { series[strip] = p.eliminate(strip, s) }); err != nil {
		return nil, err
	}
	steps := len(p.units)
	if p.m > 0 {
		steps = len(p.units) / p.m * (p.m - p.keep)
	}
	for _, s := range series {
		if len(s) != steps { // nothing compared less than infinity
			return nil, errSingular
		}
	}
	masks := p.newMasks()
	q := make(queue, p.strips)
	for s := range q {
		q[s] = unit{strip: s, cost: series[s][0].cost}
	}
	heap.Init(&q)
	for range p.count {
		u := &q[0]
		steps := series[u.strip]
		masks[u.strip][steps[u.at].unit] = false
		if u.at++; u.at == len(steps) {
			heap.Pop(&q)
			continue
		}
		u.cost = steps[u.at].cost
		heap.Fix(&q, 0)
	}
	return masks, nil
}

// queue is a heap of strips by what their next step costs.
type queue []unit

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return byCost(q[i], q[j]) < 0 }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(unit)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
