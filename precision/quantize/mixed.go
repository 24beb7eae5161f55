package quantize

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"atoll/model"
)

// ladder are the formats of a layer in mixed precision, each more exact than the one
// before.
var ladder = []Format{Static8, Weights8, Float16}

// Mixed finds formats for the layers of a prepared model with which bound, which judges
// a converted model, holds. All layers start as integers. Those that by measurement do
// most harm are then given more exact formats, as few as will do: first their
// activations go back to floats, and if that is not enough for all layers, the weights
// of the worst to half precision.
func (s *Search) Mixed(ctx context.Context, prepared *model.Model, bound func(*model.Model) (bool, error)) (*Trial, error) {
	layers := len(Layers(prepared))
	s.Formats = uniform(layers, ladder[0])
	t, err := s.Run(ctx, prepared)
	if err != nil {
		return nil, err
	}
	for rung := 1; rung < len(ladder); rung++ {
		if holds, err := t.holds(bound); err != nil || holds {
			return t, err
		}
		if rung > 1 { // no layer computes in integers: begin again without equalization
			s.Formats = uniform(layers, ladder[rung-1])
			if t, err = s.Run(ctx, prepared); err != nil {
				return nil, err
			}
			if holds, err := t.holds(bound); err != nil || holds {
				return t, err
			}
		}
		worst, err := s.harm(ctx, t, ladder[rung-1])
		if err != nil {
			return nil, err
		}
		if err := s.raise(ctx, t, worst, ladder[rung-1], ladder[rung], bound); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func uniform(n int, f Format) []Format {
	list := make([]Format, n)
	for i := range list {
		list[i] = f
	}
	return list
}

func (t *Trial) holds(bound func(*model.Model) (bool, error)) (bool, error) {
	m, err := Convert(t.Model, t.Plan)
	if err != nil {
		return false, err
	}
	return bound(m)
}

// harm lists the layers by what each costs in that format while all others are floats,
// the dearest first.
func (s *Search) harm(ctx context.Context, t *Trial, f Format) ([]int, error) {
	costs := make([]float64, len(t.Plan.Formats))
	err := s.each(ctx, "harm that each layer does", len(costs), func(n int) error {
		alone := Trial{Model: t.Model, Plan: t.Plan}
		alone.Plan.Formats = uniform(len(costs), Float32)
		alone.Plan.Formats[n] = f
		err := alone.measure(s.Cost)
		costs[n] = alone.Cost
		return err
	})
	if err != nil {
		return nil, err
	}
	order := make([]int, len(costs))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(costs[b], costs[a]) })
	return order, nil
}

// raise gives as few of the worst layers as the bound allows the more exact format. If
// it doesn't hold for all of them, all have it.
func (s *Search) raise(ctx context.Context, t *Trial, worst []int, from, to Format, bound func(*model.Model) (bool, error)) error {
	formats := func(raised int) []Format {
		list := uniform(len(worst), from)
		for _, n := range worst[:raised] {
			list[n] = to
		}
		return list
	}
	var failed error
	raised := sort.Search(len(worst), func(n int) bool {
		if failed == nil {
			failed = ctx.Err()
		}
		if failed != nil {
			return true
		}
		s.Progress("layers that need more", n, len(worst))
		with := Trial{Model: t.Model, Plan: t.Plan}
		with.Plan.Formats = formats(n)
		holds, err := with.holds(bound)
		failed = err
		return holds || err != nil
	})
	t.Plan.Formats = formats(raised)
	return failed
}
