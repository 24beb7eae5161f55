package prune

import (
	"context"
	"fmt"

	"atoll/engine/probe"
	"atoll/sparsity"
	"atoll/sparsity/observe"
)

// Harm predicts for each layer what each share of zeros does to the model: the error of
// OBS on the layer alone, by how much its results matter. It is the loss of a sample in
// the squared units of Importance.
func (c *Chain) Harm(ctx context.Context, layers []observe.Layer, shares []float64, progress func(done, total int)) ([][]float64, error) {
	systems, err := c.inputs(ctx, layers)
	if err != nil {
		return nil, err
	}
	harm := make([][]float64, len(layers))
	for i := range layers {
		progress(i, len(layers))
		if harm[i], err = c.harm(ctx, &layers[i], systems[i], shares); err != nil {
			return nil, fmt.Errorf("%s: %w", layers[i].Name, err)
		}
	}
	progress(len(layers), len(layers))
	return harm, nil
}

func (c *Chain) harm(ctx context.Context, l *observe.Layer, s *system, shares []float64) ([]float64, error) {
	w, err := c.weights(l)
	if err != nil {
		return nil, err
	}
	if err := s.finish(); err != nil {
		return nil, err
	}
	s.scale(w, 1)
	layer := s.layer(l, w)
	all := layer.Power() * c.of(l).Scale / float64(len(c.Samples))
	list := make([]float64, len(shares))
	for i, share := range shares {
		r, err := sparsity.Prune(ctx, layer, c.Pattern, share, sparsity.OBS, c.Options)
		if err != nil {
			return nil, err
		}
		list[i] = r.RelativeError * all
	}
	return list, nil
}

// inputs sums those of all layers as the model is.
func (c *Chain) inputs(ctx context.Context, layers []observe.Layer) ([]*system, error) {
	systems := make([]*system, len(layers))
	tensors := make([]int32, len(layers))
	for i := range layers {
		l := &layers[i]
		tensors[i] = l.Input
		var err error
		if systems[i], err = newSystem(l, biased(&c.Model.Subgraphs[0].Operators[l.Operator])); err != nil {
			return nil, err
		}
		systems[i].matter = c.of(l).Rows
	}
	p, err := probe.Open(c.Worker, c.Model, tensors)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var columns []float32
	for n, sample := range c.Samples {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		values, err := p.Run(sample)
		if err != nil {
			return nil, err
		}
		for i := range layers {
			if columns, err = layers[i].Columns(columns[:0], values[i]); err != nil {
				return nil, err
			}
			if err := systems[i].add(columns, nil, c.of(&layers[i]).Positions[n]); err != nil {
				return nil, err
			}
		}
	}
	return systems, nil
}

// of is how much a layer's results matter.
func (c *Chain) of(l *observe.Layer) *Importance {
	g := &c.Model.Subgraphs[0]
	name := g.Tensors[g.Operators[l.Operator].Outputs[0]].Name
	m := c.Importance[name]
	if kept := c.Kept[name]; m != nil && kept != nil {
		m = m.of(kept)
	}
	if m == nil || len(m.Rows) != l.Rows || len(m.Positions) < len(c.Samples) || len(m.Positions[0]) != l.Positions {
		return even(l, len(c.Samples))
	}
	return m
}
