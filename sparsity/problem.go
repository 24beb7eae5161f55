package sparsity

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// problem is a layer to which a pattern and a number of zeros are given.
type problem struct {
	layer *Layer
	geometry
	count    int       // units to prune
	damped   []float64 // H with damping
	inverse  []float64 // of damped
	weights  []float32 // W, but 0 for inputs that are always 0: with damping they would seem to cost something
	target   []float64 // W·damped
	threads  int
	progress progress
}

func newProblem(l *Layer, g geometry, count int, o Options) (*problem, error) {
	p := &problem{layer: l, geometry: g, count: count, weights: slices.Clone(l.W), threads: o.Threads}
	if p.threads < 1 {
		p.threads = runtime.GOMAXPROCS(0)
	}
	p.progress.tell = o.Progress
	n := l.Cols
	p.damped = slices.Clone(l.H)
	var trace float64
	for i := range n {
		trace += l.H[i*n+i]
	}
	for i := range n {
		p.damped[i*n+i] += o.Damping * trace / float64(n)
	}
	var err error
	if p.inverse, err = invert(p.damped, n); err != nil {
		return nil, err
	}
	p.target = make([]float64, l.Rows*n)
	for r := range l.Rows {
		t := p.target[r*n:][:n]
		for c := range n {
			if l.H[c*n+c] == 0 {
				p.weights[r*n+c] = 0
			}
			if w := p.weights[r*n+c]; w != 0 {
				subtract(t, p.damped[c*n:][:n], -float64(w))
			}
		}
	}
	return p, nil
}

// mask says of every unit of a strip whether it is kept.
type mask []bool

func (g *geometry) newMasks() []mask {
	masks := make([]mask, g.strips)
	for s := range masks {
		masks[s] = make(mask, len(g.units))
		for u := range masks[s] {
			masks[s][u] = true
		}
	}
	return masks
}

// unit is one that may be pruned, and what that costs by some measure.
type unit struct {
	strip, at int
	cost      float64
}

func byCost(a, b unit) int {
	return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.strip, b.strip), cmp.Compare(a.at, b.at))
}

// byScore prunes the units with the lowest scores: of the layer, of each strip if strips
// have equal shares, or of each class.
func (p *problem) byScore(score func(row, col int) float64, equal bool) []mask {
	masks := p.newMasks()
	var all []unit
	for s := range p.strips {
		units := make([]unit, len(p.units))
		for u, cols := range p.units {
			units[u] = unit{strip: s, at: u}
			for r := s * p.height; r < (s+1)*p.height; r++ {
				for _, c := range cols {
					units[u].cost += score(r, c)
				}
			}
		}
		switch {
		case p.m > 0:
			for from := 0; from < len(units); from += p.m {
				drop(masks, units[from:from+p.m], p.m-p.keep)
			}
		case equal:
			drop(masks, units, p.count*(s+1)/p.strips-p.count*s/p.strips)
		default:
			all = append(all, units...)
		}
	}
	if len(all) > 0 {
		drop(masks, all, p.count)
	}
	return masks
}

// drop prunes the count cheapest of the units.
func drop(masks []mask, units []unit, count int) {
	slices.SortFunc(units, byCost)
	for _, u := range units[:count] {
		masks[u.strip][u.at] = false
	}
}

// each calls work for every strip, on all threads, each with a scratch of its own, and
// counts progress. The first error, or the context's, ends it.
func (p *problem) each(ctx context.Context, work func(strip int, s *scratch)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(p.threads, p.strips) {
		wg.Go(func() {
			s := new(scratch)
			for ctx.Err() == nil {
				strip := int(next.Add(1)) - 1
				if strip >= p.strips {
					return
				}
				work(strip, s)
				p.progress.step()
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// scratch is what a goroutine works with.
type scratch struct {
	full  *tableau // all columns of a strip
	part  tableau  // some of them
	small small
	cols  []int
	block block
}

// tableau is the goroutine's, for a whole strip.
func (s *scratch) tableau(p *problem) *tableau {
	if s.full == nil {
		s.full = newTableau(p.layer.Cols, p.height)
	}
	return s.full
}

// progress counts steps and tells of them.
type progress struct {
	mu          sync.Mutex
	done, total int
	tell        func(done, total int)
}

func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.tell != nil {
		p.tell(p.done, p.total)
	}
}
