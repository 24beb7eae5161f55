package sparsity

import "fmt"

// Accumulator sums x·xᵀ over the inputs of a layer. Its zero value is of no use; see
// NewAccumulator.
type Accumulator struct {
	cols    int
	n       int
	h       []float64 // the lower half, rows of cols
	pending []float32 // up to batch inputs
}

// Inputs are summed four at a time: an element of H is then loaded and stored once for
// four products.
const batch = 4

// NewAccumulator returns one for a layer with cols inputs.
func NewAccumulator(cols int) (*Accumulator, error) {
	if cols < 1 || cols > MaxCols {
		return nil, fmt.Errorf("accumulator of %d inputs: 1 to %d are possible", cols, MaxCols)
	}
	return &Accumulator{cols: cols, h: make([]float64, cols*cols), pending: make([]float32, 0, batch*cols)}, nil
}

// Add adds inputs: any number of vectors of cols values one after the other, as the
// positions of a picture are in a tensor. What is not finite is found by Prune.
func (a *Accumulator) Add(x []float32) error {
	if len(x)%a.cols != 0 {
		return fmt.Errorf("inputs of %d values: not a multiple of the layer's %d", len(x), a.cols)
	}
	a.n += len(x) / a.cols
	for len(x) > 0 {
		if len(a.pending) == 0 && len(x) >= batch*a.cols {
			a.sum(x[:batch*a.cols])
			x = x[batch*a.cols:]
			continue
		}
		a.pending = append(a.pending, x[:a.cols]...)
		x = x[a.cols:]
		if len(a.pending) == batch*a.cols {
			a.flush()
		}
	}
	return nil
}

func (a *Accumulator) flush() {
	if len(a.pending) > 0 {
		full := a.pending[:batch*a.cols]
		clear(full[len(a.pending):])
		a.sum(full)
		a.pending = a.pending[:0]
	}
}

// sum adds batch inputs.
func (a *Accumulator) sum(x []float32) {
	n := a.cols
	for i := range n {
		p, q, r, s := float64(x[i]), float64(x[n+i]), float64(x[2*n+i]), float64(x[3*n+i])
		if p == 0 && q == 0 && r == 0 && s == 0 {
			continue // behind a ReLU often so
		}
		h := a.h[i*n:][:i+1]
		x0, x1, x2, x3 := x[:i+1], x[n:][:i+1], x[2*n:][:i+1], x[3*n:][:i+1]
		for j := range h {
			h[j] += p*float64(x0[j]) + q*float64(x1[j]) + r*float64(x2[j]) + s*float64(x3[j])
		}
	}
}

// Samples is how many inputs were added.
func (a *Accumulator) Samples() int { return a.n }

// H is the sum so far, cols × cols.
func (a *Accumulator) H() []float64 {
	a.flush()
	h := make([]float64, len(a.h))
	for i := range a.cols {
		for j := range i + 1 {
			v := a.h[i*a.cols+j]
			h[i*a.cols+j], h[j*a.cols+i] = v, v
		}
	}
	return h
}
