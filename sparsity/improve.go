package sparsity

import (
	"context"
	"math/rand/v2"
	"slices"
)

// How many times strips and their budgets settle after what was annealed.
const polish = 3

// improve takes masks to a lower cost: each strip by itself, by exchanges of a kept and a
// pruned unit and, with an annealer, in blocks; then strips among one another.
func (p *problem) improve(ctx context.Context, masks []mask, a *annealer, seed uint64) error {
	rounds := 0
	if a != nil {
		rounds = a.rounds
	}
	ends := make([]ends, p.strips)
	settled := make([]bool, p.strips)
	passes := 1 + rounds + polish
	for pass := range passes {
		anneal := pass > 0 && pass <= rounds
		err := p.each(ctx, func(strip int, s *scratch) {
			if settled[strip] && !anneal {
				return
			}
			t, m := s.tableau(p), masks[strip]
			t.load(p, strip, m)
			if anneal {
				random := rand.New(rand.NewPCG(seed, uint64(pass)<<32|uint64(strip)))
				a.run(p, t, m, s, random, pass > 1)
			}
			p.descend(t, strip, m, s)
			ends[strip], settled[strip] = p.extend(t, m, s), true
		})
		if err != nil {
			return err
		}
		if pass < passes-1 { // after the last nothing settles any longer
			p.exchange(masks, ends, settled)
		}
	}
	return nil
}

// load makes the tableau of a mask.
func (t *tableau) load(p *problem, strip int, m mask) {
	kept := 0
	for _, k := range m {
		if k {
			kept++
		}
	}
	from := 2*kept > len(m)
	if from {
		t.resetKept(p, strip)
	} else {
		t.reset(p, strip)
	}
	for u, cols := range p.units {
		if m[u] != from {
			t.turn(cols)
		}
	}
}

func (t *tableau) turn(cols []int) {
	for _, c := range cols {
		t.pivot(c)
	}
}

// Gains below this share of a strip's whole cost are rounding, not gains.
const tiny = 1e-11

// descend makes the best exchange of a kept and a pruned unit as long as one gains.
func (p *problem) descend(t *tableau, strip int, m mask, s *scratch) {
	least := tiny * p.whole(strip)
	for range 4 * len(m) { // more than ever needed: a bound against endless rounding
		best, keep, prune := -least, -1, -1
		for u := range m {
			if !m[u] {
				continue
			}
			from, to := p.class(u)
			for v := from; v < to; v++ {
				if m[v] {
					continue
				}
				if c := t.changeBoth(p.units[u], p.units[v], s); c < best {
					best, prune, keep = c, u, v
				}
			}
		}
		if keep < 0 {
			return
		}
		t.turn(p.units[keep])
		t.turn(p.units[prune])
		m[keep], m[prune] = true, false
	}
}

// changeBoth is the change if both of two units turn.
func (t *tableau) changeBoth(u, v []int, s *scratch) float64 {
	if len(u) == 1 && len(v) == 1 {
		return t.change2(u[0], v[0])
	}
	s.cols = append(append(s.cols[:0], u...), v...)
	return t.change(s.cols, &s.small)
}

// whole is the cost of a strip if all is pruned, to compare with.
func (p *problem) whole(strip int) float64 {
	var sum float64
	for i := strip * p.height * p.layer.Cols; i < (strip+1)*p.height*p.layer.Cols; i++ {
		sum += float64(p.weights[i]) * p.target[i]
	}
	return sum
}

// ends are what a strip would lose if more of it were pruned, and gain if less.
type ends struct{ prune, keep []step }

// How far a strip's budget may move at once.
const reach = 8

// extend tells what the next units would cost and gain.
func (p *problem) extend(t *tableau, m mask, s *scratch) (e ends) {
	if p.m > 0 || p.strips == 1 {
		return e
	}
	for _, kept := range []bool{true, false} {
		next := &s.part
		next.assign(t)
		m := slices.Clone(m)
		var steps []step
		for range reach {
			best := step{unit: -1}
			for u := range m {
				if m[u] != kept {
					continue
				}
				if c := next.change(p.units[u], &s.small); best.unit < 0 || c < best.cost {
					best = step{u, c}
				}
			}
			if best.unit < 0 {
				break
			}
			steps = append(steps, best)
			next.turn(p.units[best.unit])
			m[best.unit] = !kept
		}
		if kept {
			e.prune = steps
		} else {
			e.keep = steps
		}
	}
	return e
}

// exchange moves budget from strips that lose little to those that gain more. Costs along
// a strip's series are exact, so that a strip either gives or takes, in this order.
func (p *problem) exchange(masks []mask, series []ends, settled []bool) {
	given, taken := make([]int, p.strips), make([]int, p.strips)
	for {
		giver, taker := -1, -1
		var cost, gain float64
		for s, e := range series {
			if taken[s] == 0 && given[s] < len(e.prune) {
				if c := e.prune[given[s]].cost; giver < 0 || c < cost {
					giver, cost = s, c
				}
			}
			if given[s] == 0 && taken[s] < len(e.keep) {
				if g := e.keep[taken[s]].cost; taker < 0 || g < gain {
					taker, gain = s, g
				}
			}
		}
		if giver < 0 || taker < 0 || giver == taker || cost+gain > -tiny*cost {
			return
		}
		masks[giver][series[giver].prune[given[giver]].unit] = false
		masks[taker][series[taker].keep[taken[taker]].unit] = true
		given[giver]++
		taken[taker]++
		settled[giver], settled[taker] = false, false
	}
}
