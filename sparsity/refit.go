package sparsity

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Refit gives the weights that a mask keeps, true for each of Rows × Cols, the values with
// the least error.
func Refit(ctx context.Context, l *Layer, keep []bool, o Options) (*Result, error) {
	r, err := refit(ctx, l, keep, o)
	if err != nil {
		return nil, fmt.Errorf("re-fit: %w", err)
	}
	return r, nil
}

func refit(ctx context.Context, l *Layer, keep []bool, o Options) (*Result, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if len(keep) != len(l.W) {
		return nil, fmt.Errorf("mask of %d for %d weights", len(keep), len(l.W))
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	g, err := Unstructured.geometry(l)
	if err != nil {
		return nil, err
	}
	p, err := newProblem(l, g, 0, o)
	if err != nil {
		return nil, err
	}
	masks := g.newMasks()
	for i, kept := range keep {
		masks[i/l.Cols][i%l.Cols] = kept
	}
	return p.result(ctx, masks, false)
}

// errSingular says that damping was not enough; H is then no sum of squares, or holds
// values of which the largest drown the others.
var errSingular = errors.New("matrix H is singular: use more damping")

// cholesky replaces the lower half of a, n × n, by its factor L, a = L·Lᵀ.
func cholesky(a []float64, n int) error {
	for i := range n {
		row := a[i*n:][:i+1]
		for j := range i + 1 {
			other := a[j*n:][:j+1]
			sum := row[j] - dot(row[:j], other[:j])
			if j < i {
				row[j] = sum / other[j]
				continue
			}
			if !(sum > 0) || math.IsInf(sum, 0) {
				return errSingular
			}
			row[i] = math.Sqrt(sum)
		}
	}
	return nil
}

// solve replaces b by a⁻¹·b, given a's factor.
func solve(l []float64, n int, b []float64) {
	for i := range n {
		b[i] = (b[i] - dot(l[i*n:][:i], b[:i])) / l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		b[i] /= l[i*n+i]
		subtract(b[:i], l[i*n:][:i], b[i])
	}
}

func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1 float64 // two sums, so that one needn't wait for the other
	i := 0
	for ; i+1 < len(a); i += 2 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
	}
	if i < len(a) {
		s0 += a[i] * b[i]
	}
	return s0 + s1
}

// invert returns the inverse of a, symmetric and definite.
func invert(a []float64, n int) ([]float64, error) {
	l := make([]float64, n*n)
	copy(l, a)
	if err := cholesky(l, n); err != nil {
		return nil, err
	}
	inverse := make([]float64, n*n)
	for i := range n {
		row := inverse[i*n:][:n]
		row[i] = 1
		solve(l, n, row)
	}
	return inverse, nil
}

// refit gives the kept weights of a strip the values with the least cost,
// ŵ_K = H_KK⁻¹·(H·w)_K, with the damped H.
func (p *problem) refit(strip int, m mask, w []float32) error {
	n := p.layer.Cols
	var kept []int
	for u, cols := range p.units {
		if m[u] {
			kept = append(kept, cols...)
		}
	}
	k := len(kept)
	h, b := make([]float64, k*k), make([]float64, k)
	for i, x := range kept {
		for j, y := range kept[:i+1] {
			h[i*k+j] = p.damped[x*n+y]
		}
	}
	if err := cholesky(h, k); err != nil {
		return err
	}
	for r := strip * p.height; r < (strip+1)*p.height; r++ {
		for i, c := range kept {
			b[i] = p.target[r*n+c]
		}
		solve(h, k, b)
		for i, c := range kept {
			w[r*n+c] = float32(b[i])
			if p.layer.H[c*n+c] == 0 { // nothing is known of its input
				w[r*n+c] = p.layer.W[r*n+c]
			}
		}
	}
	return nil
}

// Solve returns the rows ŵ with the least ŵ·H·ŵᵀ − 2·ŵ·b + damping·H̄·‖ŵ−w‖², where b are
// the rows of cross and H̄ is the mean of H's diagonal: the least-squares weights of a layer
// that is to give other results than its own, or for other inputs. Weights of inputs that
// are always 0 stay.
func Solve(h, cross []float64, w []float32, cols int, damping float64) ([]float32, error) {
	damped := slices.Clone(h)
	var trace float64
	for i := range cols {
		trace += h[i*cols+i]
	}
	lambda := damping * trace / float64(cols)
	if trace == 0 {
		return slices.Clone(w), nil
	}
	for i := range cols {
		damped[i*cols+i] += lambda
	}
	if err := cholesky(damped, cols); err != nil {
		return nil, err
	}
	result := make([]float32, len(w))
	b := make([]float64, cols)
	for at := 0; at < len(w); at += cols {
		for i := range b {
			b[i] = cross[at+i] + lambda*float64(w[at+i])
		}
		solve(damped, cols, b)
		for i, v := range b {
			result[at+i] = float32(v)
		}
	}
	return result, nil
}

// InverseFactor returns the upper factor U of a damped H's inverse, (H+λI)⁻¹ = Uᵀ·U, row
// by row. Row j says how an error in weight j is made up for by those after it.
func InverseFactor(h []float64, cols int, damping float64) ([]float64, error) {
	if cols < 1 || len(h) != cols*cols {
		return nil, fmt.Errorf("H of %d values for %d inputs", len(h), cols)
	}
	damped, mean := slices.Clone(h), 0.0
	for i := range cols {
		mean += h[i*cols+i] / float64(cols)
	}
	for i := range cols {
		damped[i*cols+i] += damping*mean + math.SmallestNonzeroFloat64
	}
	inverse, err := invert(damped, cols)
	if err != nil {
		return nil, err
	}
	if err := cholesky(inverse, cols); err != nil {
		return nil, err
	}
	for i := range cols { // L to U = Lᵀ
		for j := range i {
			inverse[j*cols+i], inverse[i*cols+j] = inverse[i*cols+j], 0
		}
	}
	return inverse, nil
}
