package optimize

import (
	"errors"
	"fmt"
	"slices"

	"atoll/model"
	"atoll/model/graph"
	"atoll/sparsity"
	"atoll/sparsity/encode"
	"atoll/sparsity/gradient"
	"atoll/sparsity/observe"
	"atoll/sparsity/prune"
)

// zeroing is how weights are made zero.
type zeroing struct {
	*job
	pattern sparsity.Pattern
	method  sparsity.Method
	model   *model.Model // becomes sparse
	path    bool         // it is for sparse kernels
	layers  []observe.Layer
}

// prune makes weights of the prepared model zero, or removes channels.
func (j *job) prune() error {
	if !(j.o.Sparsity < 1) {
		return fmt.Errorf("share of zeros %v: must be below 1", j.o.Sparsity)
	}
	if j.o.Pattern == PatternChannels {
		return j.narrow()
	}
	z := &zeroing{job: j, pattern: sparsity.Unstructured, method: sparsity.Quantum}
	if j.o.Pattern != "" {
		z.pattern = sparsity.Pattern(j.o.Pattern)
	}
	var err error
	if j.o.Method != "" {
		if z.method, err = sparsity.ParseMethod(j.o.Method); err != nil {
			return err
		}
	}
	if err := z.choosePath(); err != nil {
		return err
	}
	if err := z.chooseLayers(); err != nil {
		return err
	}
	if err := z.run(); err != nil {
		return err
	}
	j.pruned = z.model
	graph.Clean(j.pruned)
	return nil
}

// chooseLayers lists what is pruned: for sparse kernels the 1x1 convolutions, which are
// the ones they have, else all.
func (z *zeroing) chooseLayers() error {
	all, err := observe.Layers(z.model)
	if err != nil {
		return err
	}
	g, sparse := &z.model.Subgraphs[0], 0
	for _, l := range all {
		if z.path && (l.Taps != 1 || z.model.OperatorCodes[g.Operators[l.Operator].Opcode].Builtin != model.OpConv2D) {
			continue
		}
		zeros, err := zerosOf(z.model, l.Weights)
		switch {
		case err != nil:
			return err
		case zeros >= z.o.Sparsity:
			sparse++ // as the kernels are that a rewriting adds
		case z.pattern.Check(l.Rows, l.Cols) != nil:
			z.note("%s stays dense: %v", g.Tensors[g.Operators[l.Operator].Outputs[0]].Name, z.pattern.Check(l.Rows, l.Cols))
		default:
			z.layers = append(z.layers, l)
		}
	}
	if len(z.layers) == 0 {
		return fmt.Errorf("no layer can be pruned: %d have that many zeros already, and the pattern %s fits no other", sparse, z.pattern)
	}
	return nil
}

// zerosOf is the share of a constant that is zero.
func zerosOf(m *model.Model, weights int32) (float64, error) {
	x := &m.Subgraphs[0].Tensors[weights]
	zeros, n, err := graph.Zeros(m, x)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", x.Name, err)
	}
	return float64(zeros) / float64(max(n, 1)), nil
}

// measure finds what errors of the layers' results matter. Where derivatives can't be had
// all matter alike.
func (j *job) measure() (map[string]*prune.Importance, error) {
	j.o.Report(Progress{"measuring what matters", 0, 1})
	matter, err := prune.Measure(j.ctx, j.worker, j.prepared, j.samples, j.loss.Slopes, j.o.Seed)
	if errors.Is(err, gradient.ErrOperator) {
		j.note("All errors within a layer count alike when weights are chosen: %v.", err)
	} else if err != nil {
		return nil, err
	}
	j.o.Report(Progress{"measuring what matters", 1, 1})
	return matter, nil
}

// chain prunes the layers of the model.
func (z *zeroing) chain() (*prune.Chain, error) {
	matter, err := z.measure()
	if err != nil {
		return nil, err
	}
	return &prune.Chain{
		Worker: z.worker, Dense: z.prepared, Model: z.model, Samples: z.samples, Importance: matter,
		Pattern: z.pattern, Method: z.method, Options: sparsity.Options{Seed: z.o.Seed},
	}, nil
}

// run prunes layer by layer and remembers each.
func (z *zeroing) run() error {
	s, err := z.openState()
	if err != nil {
		return err
	}
	chain, err := z.chain()
	if err != nil {
		return err
	}
	if s.Shares == nil {
		if s.Shares, err = z.allocate(chain); err != nil {
			return err
		}
		if err := s.save(); err != nil {
			return err
		}
	}
	for i := range z.layers {
		l := &z.layers[i]
		z.o.Report(Progress{"pruning layers", i, len(z.layers)})
		if i == len(s.Fits) {
			fit, err := chain.Prune(z.ctx, l, s.Shares[i])
			if err != nil {
				return err
			}
			s.Fits = append(s.Fits, *fit)
			if err := s.save(); err != nil {
				return err
			}
		}
		if err := chain.Set(l, &s.Fits[i]); err != nil {
			return fmt.Errorf("%s: %w", z.o.State, err)
		}
	}
	z.o.Report(Progress{"pruning layers", len(z.layers), len(z.layers)})
	return nil
}

// encode stores zeros sparsely where that makes the file smaller, and says whether sparse
// kernels will run.
func (j *job) encode(m *model.Model) error {
	if j.o.Pattern == PatternChannels || j.o.Sparsity == 0 && !j.wasSparse() {
		return nil
	}
	if _, err := encode.Weights(m); err != nil {
		return err
	}
	switch p := encode.SparsePath(m); {
	case p.Enough():
		j.note("XNNPACK's sparse kernels run on arm64: %.0f %% of %d weights of 1x1 convolutions are zero.", 100*float64(p.Zeros)/float64(p.Weights), p.Weights)
	case p.OK:
		j.note("XNNPACK's sparse kernels don't run: %.0f %% of %d weights of 1x1 convolutions are zero, more than two thirds must be.", 100*float64(p.Zeros)/float64(p.Weights), p.Weights)
	}
	return nil
}

// wasSparse reports whether the model came with weights stored without their zeros.
func (j *job) wasSparse() bool {
	return slices.ContainsFunc(j.original.Subgraphs[0].Tensors, func(t model.Tensor) bool { return t.Sparsity != nil })
}
