// Package prune makes a model's layers sparse one after the other, in the order of
// execution. Each is fitted to what it should give in the dense model, with the inputs
// that it gets in the pruned one: so it takes back what the layers before have lost.
//
// With T the results wanted and X the inputs, a layer's weights are first those with the
// least ‖T−Ŵ·X‖², Ŵ = T·Xᵀ·(X·Xᵀ)⁻¹, and then pruned under X·Xᵀ. Both are counted from
// their means, so that the bias takes the difference of these. Where only a sum reads the
// result, T also holds what the other side of the sum lacks.
package prune

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/model"
	"atoll/model/graph"
	"atoll/sparsity"
	"atoll/sparsity/observe"
)

// Chain is the work on one model.
type Chain struct {
	Worker  *engine.Worker
	Dense   *model.Model // as it was; layers are found by the names of their results
	Model   *model.Model // is changed
	Samples []probe.Sample
	Pattern sparsity.Pattern
	Method  sparsity.Method
	Options sparsity.Options
	// Importance of results, by name; those that are not there matter alike.
	Importance map[string]*Importance
	// Kept are the channels that the model still has of the dense one's results, by name;
	// of those that are not there it has all.
	Kept map[string][]int
}

// Fit is what a layer became.
type Fit struct {
	Weights []float32 // Rows × Cols
	Bias    []float32 // Rows; nil if it has none
	Zeros   int
	// Error is ‖T−Ŵ·X‖²/‖T‖², counted from the mean, on the calibration data.
	Error float64
}

// ErrNoOrigin says that the dense model has no layer of that name.
var ErrNoOrigin = errors.New("the dense model has no such layer")

// Prune finds weights of a layer with that share of zeros. The model stays as it is: see
// Set.
func (c *Chain) Prune(ctx context.Context, l *observe.Layer, share float64) (*Fit, error) {
	s, w, err := c.solve(ctx, l)
	var r *sparsity.Result
	if err == nil {
		s.scale(w, 1)
		r, err = sparsity.Prune(ctx, s.layer(l, w), c.Pattern, share, c.Method, c.Options)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Name, err)
	}
	s.scale(r.W, -1)
	return &Fit{r.W, s.bias(r.W), r.Zeros, s.error(r.W)}, nil
}

// Fit finds weights of a layer without new zeros. The model stays as it is: see Set.
func (c *Chain) Fit(ctx context.Context, l *observe.Layer) (*Fit, error) {
	s, w, err := c.solve(ctx, l)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Name, err)
	}
	return &Fit{Weights: w, Bias: s.bias(w), Error: s.error(w)}, nil
}

// solve returns a layer's equations and the weights that solve them.
func (c *Chain) solve(ctx context.Context, l *observe.Layer) (*system, []float32, error) {
	w, err := c.weights(l)
	if err != nil {
		return nil, nil, err
	}
	s, err := c.observe(ctx, l)
	if err != nil {
		return nil, nil, err
	}
	w, err = s.solve(w)
	return s, w, err
}

// weights are a layer's in the model.
func (c *Chain) weights(l *observe.Layer) ([]float32, error) {
	w, err := graph.Floats(c.Model, &c.Model.Subgraphs[0].Tensors[l.Weights])
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	return w, nil
}

// Set gives a layer of the model other weights and another bias. What others share with
// it they keep.
func (c *Chain) Set(l *observe.Layer, f *Fit) error {
	if len(f.Weights) != l.Rows*l.Cols || f.Bias != nil && len(f.Bias) != l.Rows {
		return fmt.Errorf("%s: %d weights and a bias of %d for %d by %d", l.Name, len(f.Weights), len(f.Bias), l.Rows, l.Cols)
	}
	op := &c.Model.Subgraphs[0].Operators[l.Operator]
	op.Inputs = slices.Clone(op.Inputs)
	c.set(op, 1, f.Weights)
	if f.Bias != nil && biased(op) {
		c.set(op, 2, f.Bias)
	}
	return nil
}

func biased(op *model.Operator) bool { return len(op.Inputs) > 2 && op.Inputs[2] >= 0 }

// set replaces a constant input of an operator.
func (c *Chain) set(op *model.Operator, slot int, values []float32) {
	edit := graph.Edit(c.Model, 0)
	t := op.Inputs[slot]
	readers := graph.Link(edit.Graph).Consumers[t]
	if len(readers) == 1 {
		edit.SetConstant(t, graph.Float32Bytes(values))
		return
	}
	op.Inputs[slot] = edit.AddConstant(edit.Graph.Tensors[t], graph.Float32Bytes(values))
}
