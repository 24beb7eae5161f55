package quantize

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"atoll/model"
	"atoll/model/graph"
)

// Cost says how much worse than the original a converted model serves, 0 for as well.
// It must be smooth: counts of decisions are too coarse to search by.
type Cost func(*model.Model) (float64, error)

// Trial is a prepared model, how it is to be written, and what that costs.
type Trial struct {
	Model   *model.Model
	Factors Factors // by which its channels are smaller than the original's, nil for none
	Plan    Plan
	Cost    float64
}

// Search finds how to compute the layers of a prepared model in the given formats at
// least cost: which equalization, and the range of each activation, by itself and then
// with all others. Clipping says where the search for ranges begins; empty stands for
// all ways. Every step is measured, and nothing is kept that doesn't pay.
type Search struct {
	Formats  []Format
	Clipping Clipping
	Observe  func(*model.Model) (map[int32]*Statistics, error)
	Cost     Cost
	// Round quantizes weights better than to the nearest step, by layer; nil for none.
	Round func(*model.Model) (map[int]Weights, error)
	// Threads is how many calls of Cost may be made at once.
	Threads int
	// Progress hears what is being done and how far that is, one call at a time.
	Progress func(doing string, done, total int)
}

// equalizations are the shares that are tried; see Equalize. Negative is none.
var equalizations = []float64{-1, 0.5, 1}

// Run returns the best way that was found.
func (s *Search) Run(ctx context.Context, prepared *model.Model) (*Trial, error) {
	if len(s.Formats) == 0 {
		return nil, ErrNoLayers
	}
	t, stats, err := s.equalize(ctx, prepared)
	if err != nil {
		return nil, err
	}
	if slices.Max(s.Formats) == Static8 {
		if _, err := s.ranges(ctx, t, stats, true); err != nil {
			return nil, err
		}
	}
	if err := s.round(t, stats); err != nil {
		return nil, err
	}
	if slices.Max(s.Formats) == Static8 {
		return t, s.refine(ctx, t)
	}
	return t, nil
}

// round quantizes the weights: to the nearest step, then better, then with corrected
// biases, as far as each pays.
func (s *Search) round(t *Trial, stats map[int32]*Statistics) (err error) {
	s.Progress("rounding of weights", 0, 1)
	if t.Plan.Weights, err = nearestWeights(t.Model, s.Formats); err != nil {
		return err
	}
	if err := t.measure(s.Cost); err != nil {
		return err
	}
	if s.Round != nil {
		better, err := s.Round(t.Model)
		if err != nil {
			return err
		}
		plan := t.Plan
		plan.Weights = maps.Clone(plan.Weights)
		maps.Copy(plan.Weights, better)
		if _, err := t.try(plan, s.Cost); err != nil {
			return err
		}
	}
	plan := t.Plan
	if plan.Biases, err = correctBiases(t.Model, plan.Weights, stats); err != nil {
		return err
	}
	_, err = t.try(plan, s.Cost)
	return err
}

// equalize chooses the share with which the ranges cost least.
func (s *Search) equalize(ctx context.Context, prepared *model.Model) (best *Trial, stats map[int32]*Statistics, err error) {
	plain, err := s.Observe(prepared)
	if err != nil {
		return nil, nil, err
	}
	if slices.Max(s.Formats) < Static8 {
		return &Trial{Model: prepared, Plan: Plan{Formats: s.Formats}}, plain, nil
	}
	least := 0.0
	for _, share := range equalizations {
		m, observed, factors := prepared, plain, Factors(nil)
		if share >= 0 {
			if m, err = clone(prepared); err != nil {
				return nil, nil, err
			}
			if factors, err = Equalize(m, plain, share); err != nil {
				return nil, nil, err
			}
			if observed, err = s.Observe(m); err != nil {
				return nil, nil, err
			}
		}
		t := &Trial{Model: m, Factors: factors, Plan: Plan{Formats: s.Formats, Ranges: make(map[int32]Range)}}
		sum, err := s.ranges(ctx, t, observed, false)
		if err != nil {
			return nil, nil, err
		}
		if best == nil || sum < least {
			best, stats, least = t, observed, sum
		}
	}
	return best, stats, nil
}

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

// each does independent parts of the work on all threads and tells how many are done.
func (s *Search) each(ctx context.Context, doing string, n int, work func(int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, s.Threads))
	var mu sync.Mutex
	done := 0
	s.Progress(doing, 0, n)
	for i := range n {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := work(i)
			mu.Lock()
			defer mu.Unlock()
			done++
			s.Progress(doing, done, n)
			return err
		})
	}
	return g.Wait()
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
	cost, err := s.Cost(rounded)
	if err != nil || cost >= s.least {
		return false, err
	}
	s.best, s.least = r, cost
	return true, nil
}

// withRounded is the model with some activations rounded to 8 bits, all else in floats.
func withRounded(prepared *model.Model, group []int32, r Range) (*model.Model, error) {
	m, err := clone(prepared)
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

// measure converts the model and asks what it costs.
func (t *Trial) measure(cost Cost) error {
	m, err := Convert(t.Model, t.Plan)
	if err != nil {
		return err
	}
	if t.Cost, err = cost(m); err != nil {
		return fmt.Errorf("converted model: %w", err)
	}
	return nil
}

// try measures a changed plan and keeps it if it costs less.
func (t *Trial) try(plan Plan, cost Cost) (better bool, err error) {
	other := Trial{Model: t.Model, Factors: t.Factors, Plan: plan}
	if err := other.measure(cost); err != nil {
		return false, err
	}
	if other.Cost >= t.Cost {
		return false, nil
	}
	*t = other
	return true, nil
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

// nearestWeights quantizes the weights of all layers that are to be integers.
func nearestWeights(m *model.Model, formats []Format) (map[int]Weights, error) {
	list := make(map[int]Weights)
	for n, l := range Layers(m) {
		if n >= len(formats) || formats[n] < Weights8 {
			continue
		}
		w, err := floatsOf(m, l.Weights)
		if err != nil {
			return nil, err
		}
		list[n] = nearest(l, w)
	}
	return list, nil
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
