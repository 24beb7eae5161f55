package sparsity

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// problemOf is the problem of a layer, as Prune makes it.
func problemOf(t fataler, l *Layer, p Pattern, share float64) *problem {
	var o Options
	if err := o.complete(); err != nil {
		t.Fatalf("%v", err)
	}
	g, err := p.geometry(l)
	if err != nil {
		t.Fatalf("%v", err)
	}
	count, err := g.count(l, p, share)
	if err != nil {
		t.Fatalf("%v", err)
	}
	problem, err := newProblem(l, g, count, o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return problem
}

// cost is what a strip's mask costs after re-fit, from nothing but the definition: what
// is left of wᵀ·H·w when the kept weights take their best values.
func (p *problem) cost(strip int, m mask) float64 {
	n := p.layer.Cols
	var kept []int
	for u, cols := range p.units {
		if m[u] {
			kept = append(kept, cols...)
		}
	}
	h := make([]float64, len(kept)*len(kept))
	for i, x := range kept {
		for j, y := range kept {
			h[i*len(kept)+j] = p.damped[x*n+y]
		}
	}
	if err := cholesky(h, len(kept)); err != nil {
		panic(err)
	}
	cost := p.whole(strip)
	for r := strip * p.height; r < (strip+1)*p.height; r++ {
		b := make([]float64, len(kept))
		for i, c := range kept {
			b[i] = p.target[r*n+c]
		}
		v := append([]float64(nil), b...)
		solve(h, len(kept), v)
		cost -= dot(b, v)
	}
	return cost
}

func (p *problem) total(masks []mask) (sum float64) {
	for s, m := range masks {
		sum += p.cost(s, m)
	}
	return sum
}

// optimum is the least cost of all masks of at most 16 units.
func (p *problem) optimum() float64 {
	n := len(p.units)
	costs := make([][]float64, p.strips) // by the bits of a strip's mask
	m := make(mask, n)
	for s := range costs {
		costs[s] = make([]float64, 1<<n)
		for b := range costs[s] {
			for u := range m {
				m[u] = b>>u&1 == 1
			}
			costs[s][b] = p.cost(s, m)
		}
	}
	best := math.Inf(1)
	for all := range 1 << (n * p.strips) {
		if bits.OnesCount(uint(all)) != n*p.strips-p.count {
			continue
		}
		var sum float64
		for s := range costs {
			sum += costs[s][all>>(s*n)&(1<<n-1)]
		}
		best = min(best, sum)
	}
	return best
}

// TestOptimum holds methods against all masks that there are. In one row annealing must
// find the best; in several, whose budgets it settles one after the other, more often than
// OBS. OBS doesn't always, else this would test nothing.
func TestOptimum(t *testing.T) {
	const trials = 12
	for _, c := range []struct {
		rows, cols int
		share      float64
		may        int
	}{{1, 16, 0.75, 0}, {2, 8, 0.5, 3}} {
		missed := map[Method]int{}
		for seed := range uint64(trials) {
			l, _ := synthetic(t, c.rows, c.cols, seed)
			p := problemOf(t, l, Unstructured, c.share)
			best := p.optimum()
			for m := OBS; m < numMethods; m++ {
				if got := p.reached(t, m, seed); got < best*(1-1e-9) {
					t.Fatalf("%s costs %v, less than the least, %v", m, got, best)
				} else if got > best*(1+1e-9) {
					missed[m]++
				}
			}
		}
		t.Logf("%d rows: optimum missed of %d: %v", c.rows, trials, missed)
		if missed[OBS] <= c.may || missed[Quantum] > c.may || missed[Annealing] > c.may {
			t.Errorf("%d rows: optimum missed of %d: %v", c.rows, trials, missed)
		}
	}
}

// reached is what the mask of a method costs.
func (p *problem) reached(t fataler, m Method, seed uint64) float64 {
	masks, err := p.obs(context.Background())
	if err == nil && m > OBS {
		o := new(Options)
		if err = o.complete(); err == nil {
			err = p.improve(context.Background(), masks, o.annealer(m), seed)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", m, err)
	}
	return p.total(masks)
}

// TestTableau turns units at random and compares what the tableau tells of a change with
// the definition.
func TestTableau(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]Pattern{Unstructured, Block1x4, Block4x1, InputChannels}).Draw(t, "pattern")
		l, _ := synthetic(t, 4, 12, rapid.Uint64().Draw(t, "seed"))
		problem := problemOf(t, l, p, 0.5)
		m := make(mask, len(problem.units))
		for u := range m {
			m[u] = rapid.Bool().Draw(t, "kept")
		}
		table, s := newTableau(l.Cols, problem.height), new(scratch)
		table.load(problem, 0, m)
		cost, whole := problem.cost(0, m), problem.whole(0)
		for range 8 {
			u := rapid.IntRange(0, len(m)-1).Draw(t, "unit")
			v := rapid.IntRange(0, len(m)-1).Draw(t, "other")
			want := append(mask(nil), m...)
			want[u] = !want[u]
			change := table.change(problem.units[u], &s.small)
			if v != u {
				want[v] = !want[v]
				change = table.changeBoth(problem.units[u], problem.units[v], s)
			}
			next := problem.cost(0, want)
			if math.Abs(cost+change-next) > 1e-9*whole {
				t.Fatalf("change told %v, is %v", change, next-cost)
			}
			table.turn(problem.units[u])
			if v != u {
				table.turn(problem.units[v])
			}
			m, cost = want, next
		}
		// The re-fitted weights stand in the tableau.
		w := make([]float32, len(l.W))
		if err := problem.refit(0, m, w); err != nil {
			t.Fatal(err)
		}
		for u, cols := range problem.units {
			for _, c := range cols {
				if got, want := table.rhs(0)[c], float64(w[c]); m[u] && math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
					t.Fatalf("weight %d is %v, re-fitted %v", c, got, want)
				}
			}
		}
	})
}

// TestReplicas anneals a block and holds the energy that every replica carries along
// against its mask, by the definition, and counts what each class keeps.
func TestReplicas(t *testing.T) {
	for _, p := range []Pattern{Unstructured, TwoOfFour, Block1x4, InputChannels} {
		l, _ := synthetic(t, 8, 32, 5)
		problem := problemOf(t, l, p, 0.5)
		masks, err := problem.obs(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		m, s := masks[0], new(scratch)
		table := newTableau(l.Cols, problem.height)
		table.load(problem, 0, m)
		problem.descend(table, 0, m, s)
		start, before := problem.cost(0, m), append(mask(nil), m...)
		a := &annealer{replicas: 4, levels: 3, sweeps: 5, size: 16, hot: 2, cold: 1, strong: 1, weak: 0.1}
		a.run(problem, table, m, s, rand.New(rand.NewPCG(1, 2)), true)
		b, moved := &s.block, false
		for _, level := range b.level {
			for _, r := range level {
				mine := append(mask(nil), before...)
				kept := make([]int, len(r.kept))
				for u, spin := range r.spin {
					mine[b.ids[u]] = spin > 0
					moved = moved || mine[b.ids[u]] != before[b.ids[u]]
					if spin > 0 {
						kept[u/b.size]++
					}
				}
				if got, want := start+r.energy, problem.cost(0, mine); math.Abs(got-want) > 1e-9*start {
					t.Errorf("%s: a replica says %v, costs %v", p, got, want)
				}
				for c := range kept {
					if kept[c] != b.start.kept[c] {
						t.Errorf("%s: class %d keeps %d, must %d", p, c, kept[c], b.start.kept[c])
					}
				}
			}
		}
		if !moved {
			t.Errorf("%s: nothing moved", p)
		}
		if got := problem.cost(0, m); got > start*(1+1e-12) {
			t.Errorf("%s: cost %v after, %v before", p, got, start)
		}
	}
}

// TestCoupling draws replicas together as the field fades.
func TestCoupling(t *testing.T) {
	if got, want := coupling(1), 0.1361707; math.Abs(got-want) > 1e-6 {
		t.Errorf("coupling %v, want %v", got, want)
	}
	l, _ := synthetic(t, 1, 32, 5)
	problem := problemOf(t, l, Unstructured, 0.5)
	differ := func(field float64) (n int) {
		masks, err := problem.obs(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		table, s := newTableau(32, 1), new(scratch)
		table.load(problem, 0, masks[0])
		a := &annealer{replicas: 8, levels: 1, sweeps: 30, size: 32, hot: 5, cold: 5, strong: field, weak: field}
		a.run(problem, table, masks[0], s, rand.New(rand.NewPCG(1, 2)), false)
		level := s.block.level[0]
		for i := range level {
			for u, spin := range level[i].spin {
				if spin != level[(i+1)%8].spin[u] {
					n++
				}
			}
		}
		return n
	}
	if free, tied := differ(2), differ(0.05); free < 30 || tied > free/2 {
		t.Errorf("neighbours differ in %d places in a strong field, %d in a weak one", free, tied)
	}
}
