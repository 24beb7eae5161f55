package quantize

import (
	"context"
	"maps"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"atoll/model"
	"atoll/model/graph"
)

// ranges chooses the range of each group of activations that share one, as if all others
// were floats, and returns the sum of their costs. Only if it is to be exact the ends
// are moved beyond what clipping gives.
func (s *Search) ranges(ctx context.Context, t *Trial, stats map[int32]*Statistics, exact bool) (float64, error) {
	clippings, doing := Clippings, "equalization"
	if s.Clipping != "" {
		clippings = []Clipping{s.Clipping}
	}
	if exact {
		doing = "ranges of activations"
	} else if s.Clipping == "" {
		clippings = []Clipping{LeastError, Divergence} // a wide one and a narrow one
	}
	for tensor, x := range stats {
		t.Plan.Ranges[tensor] = x.Range(clippings[0])
	}
	list := groups(t.Model, t.Plan)
	if !exact { // what the graph gives out is never scaled
		outputs := t.Model.Subgraphs[0].Outputs
		list = slices.DeleteFunc(list, func(group []int32) bool {
			return slices.ContainsFunc(group, func(x int32) bool { return slices.Contains(outputs, x) })
		})
	}
	ranges, costs := make([]Range, len(list)), make([]float64, len(list))
	err := s.each(ctx, doing, len(list), func(n int) (err error) {
		one := single{s, t.Model, list[n], Range{}, math.Inf(1)}
		for i, c := range clippings {
			r := Range{}
			for _, tensor := range list[n] {
				x := stats[tensor].Range(c)
				r = Range{min(r.Min, x.Min), max(r.Max, x.Max)}
			}
			if i == 0 {
				one.best = r // even if nothing can be said for it
			}
			if _, err := one.try(r); err != nil {
				return err
			}
		}
		if exact {
			err = climb(ctx, one.best, one.try)
		}
		ranges[n], costs[n] = one.best, one.least
		return err
	})
	sum := 0.0
	for n, group := range list {
		for _, tensor := range group {
			t.Plan.Ranges[tensor] = ranges[n]
		}
		sum += costs[n]
	}
	return sum, err
}

// single looks for the range of one group of activations that costs least.
type single struct {
	*Search
	model *model.Model
	group []int32
	best  Range
	least float64
}

func (s *single) try(r Range) (better bool, err error) {
	rounded, err := withRounded(s.model, s.group, r)
	if err != nil {
		return false, err
	}
	cost, err := s.rough(rounded)
	if err != nil || cost >= s.least {
		return false, err
	}
	s.best, s.least = r, cost
	return true, nil
}

// withRounded is the model with some activations rounded to 8 bits, all else in floats.
func withRounded(prepared *model.Model, group []int32, r Range) (*model.Model, error) {
	m, err := prepared.Clone()
	if err != nil {
		return nil, err
	}
	c := &converter{Editor: graph.Edit(m, 0)}
	for _, t := range group {
		producer := graph.Link(c.Graph).Producer[t]
		q := c.AddTensor(c.typed(t, model.TypeInt8, r.quantization()))
		back := c.AddTensor(c.typed(t, model.TypeFloat32, nil))
		c.Redirect(t, back)
		c.InsertOperator(int(producer)+1, c.quantize(t, q))
		c.InsertOperator(int(producer)+2, c.dequantize(q, back, 2))
	}
	return m, nil
}

// Moves of the ends of a range, tried one after the other and each again while it pays.
var moves = []struct{ low, high float64 }{{0.7, 0.7}, {1, 0.7}, {0.7, 1}, {1, 0.1}, {0.1, 1}, {1.3, 1.3}}

// maxRepeats bounds how often a move is made again.
const maxRepeats = 6

// climb moves the ends of a range while try, which keeps what is better, says that it
// is. An output with a few huge values that nobody cares for would otherwise have no
// steps left for those that matter.
func climb(ctx context.Context, r Range, try func(Range) (bool, error)) error {
	for _, move := range moves {
		for range maxRepeats {
			if err := ctx.Err(); err != nil {
				return err
			}
			next := Range{r.Min * move.low, r.Max * move.high}
			if next == r {
				break
			}
			better, err := try(next)
			if err != nil {
				return err
			}
			if !better {
				break
			}
			r = next
		}
	}
	return nil
}

// refine moves the ranges once more with all layers in their formats, from the outputs
// to the inputs: what others round away need not be told apart any more.
func (s *Search) refine(ctx context.Context, t *Trial) error {
	list := groups(t.Model, t.Plan)
	slices.Reverse(list)
	for n, group := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.Progress("ranges with each other", n, len(list))
		trials := make([]Trial, len(moves))
		g := errgroup.Group{}
		g.SetLimit(max(1, s.Threads))
		for i, move := range moves {
			g.Go(func() error {
				trials[i] = t.with(group, Range{t.Plan.Ranges[group[0]].Min * move.low, t.Plan.Ranges[group[0]].Max * move.high})
				return trials[i].measure(s.Cost)
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for _, other := range trials {
			if other.Cost < t.Cost {
				*t = other
			}
		}
	}
	return nil
}

// with is the trial with another range of a group.
func (t *Trial) with(group []int32, r Range) Trial {
	other := *t
	other.Plan.Ranges = maps.Clone(t.Plan.Ranges)
	for _, member := range group {
		other.Plan.Ranges[member] = r
	}
	return other
}

// groups lists the activations that are written as integers and those that share a
// range together, in the order of execution. It joins their ranges.
func groups(m *model.Model, plan Plan) [][]int32 {
	a := findAlike(m, plan.Ranges)
	byRoot := make(map[int32][]int32)
	var order []int32
	for _, t := range activations(m) {
		root := a.root(t)
		if _, prescribed := a.fixed[root]; prescribed {
			continue
		}
		if byRoot[root] == nil {
			order = append(order, root)
		}
		byRoot[root] = append(byRoot[root], t)
		plan.Ranges[t] = a.ranges[root]
	}
	list := make([][]int32, len(order))
	for i, root := range order {
		list[i] = byRoot[root]
	}
	return list
}
