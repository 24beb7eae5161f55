package sparsity

import (
	"cmp"
	"context"
	"errors"
)

// solve chooses the masks and re-fits. What is improved is compared with where it started
// from: masks are judged with damping and in float64 on the way, but what counts is the
// error of the weights as they are written, and the start has the last word.
func (p *problem) solve(ctx context.Context, method Method, o Options) (*Result, error) {
	p.progress.total = p.steps(method, o)
	if method < Descent {
		_, r, err := p.simple(ctx, method, o.NoRefit)
		return r, err
	}
	var masks []mask
	var best *Result
	for _, m := range starts {
		candidate, r, err := p.simple(ctx, m, o.NoRefit)
		if err != nil {
			return nil, err
		}
		if best == nil || r.RelativeError < best.RelativeError {
			masks, best = candidate, r
		}
	}
	if err := p.improve(ctx, masks, o.annealer(method), o.Seed); err != nil {
		return nil, err
	}
	r, err := p.result(ctx, masks, o.NoRefit)
	if err == nil && r.RelativeError < best.RelativeError {
		best = r
	}
	return best, err
}

// starts are where others may start. It is nearly always OBS, which is much better;
// but where the inputs of a layer differ by orders of magnitude its damping misleads it.
var starts = []Method{OBS, Wanda, Magnitude}

// simple is the result of a method that others start from.
func (p *problem) simple(ctx context.Context, method Method, noRefit bool) (masks []mask, r *Result, err error) {
	switch method {
	case Magnitude:
		masks = p.byScore(p.layer.magnitude, false)
	case Wanda:
		masks = p.byScore(p.layer.wanda, true)
	default:
		if masks, err = p.obs(ctx); err != nil {
			return nil, nil, err
		}
	}
	r, err = p.result(ctx, masks, noRefit)
	return masks, r, err
}

func (l *Layer) magnitude(r, c int) float64 {
	w := float64(l.W[r*l.Cols+c])
	return w * w
}

func (l *Layer) wanda(r, c int) float64 { return l.magnitude(r, c) * l.H[c*l.Cols+c] }

// steps is how many calls of work there will be.
func (p *problem) steps(method Method, o Options) int {
	passes := 1 // re-fit
	if method >= OBS {
		passes++
	}
	if method >= Descent {
		passes += len(starts) + 1 + polish
	}
	if method > Descent {
		passes += o.Rounds
	}
	return passes * p.strips
}

// result re-fits what the masks keep.
func (p *problem) result(ctx context.Context, masks []mask, noRefit bool) (*Result, error) {
	l := p.layer
	r := &Result{Mask: make([]bool, len(l.W)), W: make([]float32, len(l.W))}
	errs := make([]error, p.strips)
	err := p.each(ctx, func(strip int, _ *scratch) {
		for i := strip * p.height; i < (strip+1)*p.height; i++ {
			for u, cols := range p.units {
				for _, c := range cols {
					r.Mask[i*l.Cols+c] = masks[strip][u]
				}
			}
		}
		if !noRefit {
			errs[strip] = p.refit(strip, masks[strip], r.W)
		}
	})
	if err := cmp.Or(err, errors.Join(errs...)); err != nil {
		return nil, err
	}
	r.finish(l, noRefit)
	return r, nil
}

// finish counts and judges.
func (r *Result) finish(l *Layer, noRefit bool) {
	for i, kept := range r.Mask {
		switch {
		case !kept:
			r.Zeros++
		case noRefit:
			r.W[i] = l.W[i]
		}
	}
	r.RelativeError = l.RelativeError(r.W)
}

// outputs prunes whole rows. Outputs do not depend on each other, so that there is
// nothing to re-fit, and the rows that give least are the best ones to prune.
func (l *Layer) outputs(count int, method Method) *Result {
	units := make([]unit, l.Rows)
	row := make([]float64, l.Cols)
	for i := range units {
		units[i].at = i
		for c, w := range l.row(i) {
			row[c] = float64(w)
			switch method {
			case Magnitude:
				units[i].cost += l.magnitude(i, c)
			case Wanda:
				units[i].cost += l.wanda(i, c)
			}
		}
		if method >= OBS {
			units[i].cost = quadratic(l.H, row)
		}
	}
	masks := []mask{make(mask, l.Rows)}
	for i := range masks[0] {
		masks[0][i] = true
	}
	drop(masks, units, count)
	r := &Result{Mask: make([]bool, len(l.W)), W: make([]float32, len(l.W))}
	for i := range r.Mask {
		r.Mask[i] = masks[0][i/l.Cols]
	}
	r.finish(l, true)
	return r
}
