package sparsity

import (
	"math"
	"math/rand/v2"
	"slices"
)

// annealer sets how blocks are annealed. With one replica it is simulated annealing;
// with more it is simulated quantum annealing by path-integral Monte Carlo: P replicas of
// the mask, the Trotter slices of a quantum system at temperature T, each at temperature
// P·T by itself and drawn to its two neighbours by the coupling that stands for a
// transverse field Γ,
//
//	J⊥ = −(P·T/2)·ln tanh(Γ/(P·T)),
//
// as in Martoňák, Santoro & Tosatti, "Quantum annealing by the path-integral Monte Carlo
// method", Physical Review B 66, 094203 (2002). The field fades over the sweeps, so that
// replicas that first range apart end as one mask.
type annealer struct {
	replicas, levels, sweeps, rounds, size int
	hot, cold                              float64 // P·T at the first and the last sweep
	strong, weak                           float64 // Γ/(P·T) then
}

// Temperatures are in what an exchange of an ambiguous unit costs. They and the field
// were chosen by the error on calibration inputs, of every sixth layer of the face models;
// half or twice as much changes it by a thousandth of itself.
const (
	hot, cold    = 0.25, 0.05 // at the first sweep and the last
	strong, weak = 1.5, 0.02  // Γ/(P·T) then
	ladder       = 1.6        // from one level to the next
	coldest      = 0.02       // at the last sweep without replicas, where no coupling holds them
	hottest      = 0.5
)

func (o *Options) annealer(method Method) *annealer {
	a := &annealer{
		replicas: o.Replicas, levels: o.Levels, sweeps: o.Sweeps, rounds: o.Rounds, size: o.Block,
		hot: hot, cold: cold, strong: strong, weak: weak,
	}
	switch method {
	case Quantum:
		return a
	case Annealing: // as many sweeps in all
		a.replicas, a.levels, a.sweeps = 1, 1, o.Sweeps*o.Replicas*o.Levels
		a.hot, a.cold = hottest, coldest
		return a
	default:
		return nil
	}
}

// block is a part of a strip that is annealed while the rest stays: its units, which are
// exchanged within classes of size each, and the states of all replicas.
type block struct {
	ids   []int   // units of the strip
	flat  []int   // their columns in the strip's tableau
	cols  [][]int // their columns in the block's tableau
	size  int     // of a class
	start replica
	level [][]replica
	best  []int8  // of all that replicas met
	least float64 // its energy, 0 where they start

	changes []float64 // scratch of global
}

// replica is one mask of a block.
type replica struct {
	t       tableau
	spin    []int8 // 1 kept, −1 pruned, by unit
	members []int  // units, by class, kept ones first
	kept    []int  // how many of a class
	place   []int  // of a unit in members
	energy  float64
}

func (r *replica) assign(from *replica) {
	r.t.assign(&from.t)
	r.spin = append(r.spin[:0], from.spin...)
	r.members = append(r.members[:0], from.members...)
	r.kept = append(r.kept[:0], from.kept...)
	r.place = append(r.place[:0], from.place...)
	r.energy = from.energy
}

// exchange turns a kept unit and a pruned one of the same class.
func (r *replica) exchange(b *block, kept, pruned int, change float64) {
	r.t.turn(b.cols[pruned])
	r.t.turn(b.cols[kept])
	r.spin[kept], r.spin[pruned] = -1, 1
	i, j := r.place[kept], r.place[pruned]
	r.members[i], r.members[j] = pruned, kept
	r.place[kept], r.place[pruned] = j, i
	r.energy += change
}

// pair draws a kept and a pruned unit of one class.
func (r *replica) pair(b *block, random *rand.Rand) (kept, pruned int, ok bool) {
	c := 0
	if len(r.kept) > 1 {
		c = random.IntN(len(r.kept))
	}
	from, k := c*b.size, r.kept[c]
	if k == 0 || k == b.size {
		return 0, 0, false
	}
	return r.members[from+random.IntN(k)], r.members[from+k+random.IntN(b.size-k)], true
}

// run anneals a block of a strip and takes over the best mask that any replica met.
func (a *annealer) run(p *problem, t *tableau, m mask, s *scratch, random *rand.Rand, vary bool) {
	b := &s.block
	if !b.choose(p, t, m, s, random, a.size, vary) {
		return
	}
	b.load(t, m)
	scale := b.scale(s)
	if !(scale > 0) {
		return
	}
	b.prepare(a)
	for sweep := range a.sweeps {
		part := float64(sweep) / float64(max(a.sweeps-1, 1))
		temperature := scale * a.hot * math.Pow(a.cold/a.hot, part)
		pull := 0.0
		if a.replicas > 1 {
			pull = coupling(a.strong + (a.weak-a.strong)*part)
		}
		for l := range b.level {
			b.sweep(b.level[l], temperature*math.Pow(ladder, float64(l)), pull, s, random)
		}
		b.temper(temperature, random)
	}
	if b.least < 0 {
		for i, u := range b.ids {
			if kept := b.best[i] > 0; kept != m[u] {
				t.turn(p.units[u])
				m[u] = kept
			}
		}
	}
}

// coupling is J⊥/(P·T) for a field Γ/(P·T).
func coupling(field float64) float64 { return -math.Log(math.Tanh(field)) / 2 }

// sweep gives every unit of every replica a chance to turn: first in one replica, then in
// all of them at once, which the coupling can't hold back.
func (b *block) sweep(replicas []replica, temperature, pull float64, s *scratch, random *rand.Rand) {
	n := len(replicas)
	for i := range replicas {
		r, before, after := &replicas[i], &replicas[(i+n-1)%n], &replicas[(i+1)%n]
		for range len(b.ids) / 2 {
			u, v, ok := r.pair(b, random)
			if !ok {
				continue
			}
			change := r.t.changeBoth(b.cols[u], b.cols[v], s)
			action := change / temperature
			if pull > 0 {
				action += 2 * pull * float64(before.spin[u]+after.spin[u]-before.spin[v]-after.spin[v])
			}
			if action <= 0 || random.ExpFloat64() > action {
				r.exchange(b, u, v, change)
				b.note(r)
			}
		}
	}
	if n > 1 {
		for range len(b.ids) / 4 {
			b.global(replicas, temperature, s, random)
		}
	}
}

// global exchanges two units in all replicas: where one is kept and the other not. The
// coupling doesn't change.
func (b *block) global(replicas []replica, temperature float64, s *scratch, random *rand.Rand) {
	u, v, ok := replicas[random.IntN(len(replicas))].pair(b, random)
	if !ok {
		return
	}
	var sum float64
	b.changes = resize(b.changes, len(replicas))
	for i := range replicas {
		if r := &replicas[i]; r.spin[u] != r.spin[v] {
			b.changes[i] = r.t.changeBoth(b.cols[u], b.cols[v], s)
			sum += b.changes[i]
		}
	}
	if sum > 0 && random.ExpFloat64() <= sum/temperature {
		return
	}
	for i := range replicas {
		switch r := &replicas[i]; {
		case r.spin[u] > r.spin[v]:
			r.exchange(b, u, v, b.changes[i])
			b.note(r)
		case r.spin[u] < r.spin[v]:
			r.exchange(b, v, u, b.changes[i])
			b.note(r)
		}
	}
}

// temper exchanges the replicas of neighbouring temperatures, by what that changes of the
// action: the coupling is the same at both.
func (b *block) temper(temperature float64, random *rand.Rand) {
	for l := len(b.level) - 1; l > 0; l-- {
		var cold, hot float64
		for i := range b.level[l] {
			cold += b.level[l-1][i].energy
			hot += b.level[l][i].energy
		}
		lower := temperature * math.Pow(ladder, float64(l-1))
		action := (hot - cold) * (1/lower - 1/(lower*ladder))
		if action <= 0 || random.ExpFloat64() > action {
			b.level[l], b.level[l-1] = b.level[l-1], b.level[l]
		}
	}
}

// note remembers the best mask.
func (b *block) note(r *replica) {
	if r.energy < b.least {
		b.least = r.energy
		copy(b.best, r.spin)
	}
}

// prepare makes all replicas start where the strip is.
func (b *block) prepare(a *annealer) {
	b.least = 0
	b.best = append(b.best[:0], b.start.spin...)
	for len(b.level) < a.levels {
		b.level = append(b.level, make([]replica, a.replicas))
	}
	for l := range b.level {
		for i := range b.level[l] {
			b.level[l][i].assign(&b.start)
		}
	}
}

// load makes the block's tableau and state.
func (b *block) load(t *tableau, m mask) {
	t.sub(&b.start.t, b.flat)
	r := &b.start
	n := len(b.ids)
	r.spin, r.place = make([]int8, n), make([]int, n)
	r.members, r.kept = make([]int, 0, n), make([]int, n/b.size)
	r.energy = 0
	for c := range r.kept {
		for _, kept := range []bool{true, false} {
			for u := c * b.size; u < (c+1)*b.size; u++ {
				if m[b.ids[u]] != kept {
					continue
				}
				r.place[u] = len(r.members)
				r.members = append(r.members, u)
				r.spin[u] = -1
				if kept {
					r.spin[u] = 1
					r.kept[c]++
				}
			}
		}
	}
}

// scale is what an exchange of an ambiguous unit costs: the median over the units of
// their cheapest exchange.
func (b *block) scale(s *scratch) float64 {
	r := &b.start
	var costs []float64
	for c, k := range r.kept {
		class := r.members[c*b.size:][:b.size]
		for _, u := range class[:k] {
			least := math.Inf(1)
			for _, v := range class[k:] {
				least = min(least, r.t.changeBoth(b.cols[u], b.cols[v], s))
			}
			if least > 0 && !math.IsInf(least, 1) {
				costs = append(costs, least)
			}
		}
	}
	if len(costs) == 0 {
		return 0
	}
	slices.Sort(costs)
	return costs[len(costs)/2]
}
