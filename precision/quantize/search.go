package quantize

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"atoll/model"
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
	// Rough is Cost by fewer samples, for the many choices that are made one by one; nil
	// for Cost itself.
	Rough Cost
	// Round quantizes weights better than to the nearest step, by layer; nil for none.
	Round func(*model.Model, map[int32]Range) (map[int]Weights, error)
	// Threads is how many calls of Cost may be made at once.
	Threads int
	// Progress hears what is being done and how far that is, one call at a time.
	Progress func(doing string, done, total int)
}

func (s *Search) rough(m *model.Model) (float64, error) {
	if s.Rough == nil {
		return s.Cost(m)
	}
	return s.Rough(m)
}

// equalizations are the shares that are tried; see Equalize. Negative is none.
var equalizations = []float64{-1, 0.25, 0.5, 0.75}

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
		better, err := s.Round(t.Model, t.Plan.Ranges)
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

// equalize chooses the share with which the ranges and the weights cost least: what
// makes activations alike makes the weights behind them uneven.
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
			if m, err = prepared.Clone(); err != nil {
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
		weights := Trial{Model: m, Plan: Plan{Formats: uniform(len(s.Formats), Weights8)}}
		if err := weights.measure(s.rough); err != nil {
			return nil, nil, err
		}
		sum += weights.Cost
		if best == nil || sum < least {
			best, stats, least = t, observed, sum
		}
	}
	return best, stats, nil
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
