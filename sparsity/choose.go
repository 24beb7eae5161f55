package sparsity

import (
	"math"
	"math/rand/v2"
	"slices"
)

// choose takes the units into the block that are nearest to the boundary between kept and
// pruned: with N:M the classes in which an exchange costs least; else as many of the kept
// units that cost least to prune as of the pruned that gain most. It reports false
// if there is nothing to exchange. With vary costs are blurred, so that blocks of a strip
// differ.
func (b *block) choose(p *problem, t *tableau, m mask, s *scratch, random *rand.Rand, size int, vary bool) bool {
	blur := func(cost float64) float64 {
		if vary {
			return cost * math.Exp(spread*random.NormFloat64())
		}
		return cost
	}
	b.ids = b.ids[:0]
	if p.m > 0 {
		b.classes(p, t, m, s, blur, size)
	} else {
		b.boundary(p, t, m, s, blur, size)
	}
	b.flat, b.cols = b.flat[:0], b.cols[:0]
	for _, u := range b.ids {
		at := make([]int, len(p.units[u]))
		for k := range at {
			at[k] = len(b.flat) + k
		}
		b.cols = append(b.cols, at)
		b.flat = append(b.flat, p.units[u]...)
	}
	return len(b.ids) > 1
}

// By how much costs are blurred: a factor of this many e-folds.
const spread = 0.7

func (b *block) boundary(p *problem, t *tableau, m mask, s *scratch, blur func(float64) float64, size int) {
	var sides [2][]unit // pruned, kept
	for u, kept := range m {
		cost := blur(t.change(p.units[u], &s.small)) // a gain is below 0: the largest first
		side := 0
		if kept {
			side = 1
		}
		sides[side] = append(sides[side], unit{at: u, cost: cost})
	}
	less := min(len(sides[0]), len(sides[1]))
	take := [2]int{min(len(sides[0]), max(size/2, size-less)), min(len(sides[1]), max(size/2, size-less))}
	for i, side := range sides {
		slices.SortFunc(side, byCost)
		for _, u := range side[:take[i]] {
			b.ids = append(b.ids, u.at)
		}
	}
	if take[0] == 0 || take[1] == 0 {
		b.ids = b.ids[:0]
	}
	b.size = len(b.ids)
}

func (b *block) classes(p *problem, t *tableau, m mask, s *scratch, blur func(float64) float64, size int) {
	var all []unit
	for from := 0; from < len(m); from += p.m {
		cost := math.Inf(1)
		for u := from; u < from+p.m; u++ {
			for v := from; v < from+p.m; v++ {
				if m[u] && !m[v] {
					cost = min(cost, t.changeBoth(p.units[u], p.units[v], s))
				}
			}
		}
		all = append(all, unit{at: from, cost: blur(cost)})
	}
	slices.SortFunc(all, byCost)
	for _, c := range all[:min(len(all), max(size/p.m, 1))] {
		for u := c.at; u < c.at+p.m; u++ {
			b.ids = append(b.ids, u)
		}
	}
	b.size = p.m
}
