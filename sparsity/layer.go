package sparsity

import (
	"errors"
	"fmt"
	"math"
)

// Layer is the matrix of a layer and what is known of its inputs.
type Layer struct {
	Rows, Cols int       // output channels; inputs of each
	Taps       int       // of a k×k kernel, whose columns are taps times input channels; 0 is 1
	W          []float32 // Rows × Cols
	H          []float64 // Cols × Cols: X·Xᵀ of the inputs, see Accumulator
}

func (l *Layer) row(r int) []float32 { return l.W[r*l.Cols:][:l.Cols] }

// ErrNoInput says that the calibration inputs of a layer are all zero, so that nothing
// tells one of its weights from another.
var ErrNoInput = errors.New("all calibration inputs are zero")

// MaxCols bounds the inputs of a layer: a tableau of 4096 columns takes 128 MB.
const MaxCols = 4096

func (l *Layer) check() error {
	switch taps := max(l.Taps, 1); {
	case l.Rows < 1 || l.Cols < 1:
		return fmt.Errorf("layer of %d by %d weights is empty", l.Rows, l.Cols)
	case l.Cols > MaxCols:
		return fmt.Errorf("layer has %d inputs: at most %d are possible", l.Cols, MaxCols)
	case l.Taps < 0 || l.Cols%taps != 0:
		return fmt.Errorf("layer has %d inputs: not a multiple of its %d taps", l.Cols, l.Taps)
	case len(l.W) != l.Rows*l.Cols:
		return fmt.Errorf("layer of %d by %d weights has %d", l.Rows, l.Cols, len(l.W))
	case len(l.H) != l.Cols*l.Cols:
		return fmt.Errorf("layer with %d inputs: H has %d elements, must have %d", l.Cols, len(l.H), l.Cols*l.Cols)
	}
	for i, w := range l.W {
		if w != w || math.IsInf(float64(w), 0) {
			return fmt.Errorf("weight [%d,%d] is %v", i/l.Cols, i%l.Cols, w)
		}
	}
	return l.checkH()
}

// checkH refuses what can't be X·Xᵀ.
func (l *Layer) checkH() error {
	var trace float64
	for i := range l.Cols {
		d := l.H[i*l.Cols+i]
		if !(d >= 0) || math.IsInf(d, 0) {
			return fmt.Errorf("element H[%d,%d] is %v: a sum of squares is needed", i, i, d)
		}
		trace += d
	}
	if trace == 0 {
		return ErrNoInput
	}
	if math.IsInf(trace, 0) {
		return errors.New("matrix H is too large: scale the inputs")
	}
	for i := range l.Cols {
		for j := range i {
			a, b := l.H[i*l.Cols+j], l.H[j*l.Cols+i]
			bound := math.Sqrt(l.H[i*l.Cols+i]) * math.Sqrt(l.H[j*l.Cols+j])
			if !(math.Abs(a-b) <= 1e-6*bound) || !(math.Abs(a) <= (1+1e-6)*bound) {
				return fmt.Errorf("element H[%d,%d] is %v and H[%d,%d] is %v: not a sum of x·xᵀ", i, j, a, j, i, b)
			}
		}
	}
	return nil
}

// RelativeError is ‖WX−ŴX‖²/‖WX‖² = tr((W−Ŵ)H(W−Ŵ)ᵀ)/tr(W·H·Wᵀ) for weights ŵ in the
// place of the layer's own, as many as those, by the layer's H; 0 if the layer gives nothing but zeros.
// With the H of other inputs it judges what calibration didn't see.
func (l *Layer) RelativeError(w []float32) float64 {
	diff := make([]float64, l.Cols)
	full := make([]float64, l.Cols)
	var lost, all float64
	for r := range l.Rows {
		for c, x := range l.row(r) {
			full[c] = float64(x)
			diff[c] = float64(x) - float64(w[r*l.Cols+c])
		}
		lost += quadratic(l.H, diff)
		all += quadratic(l.H, full)
	}
	if all <= 0 {
		return 0
	}
	return max(lost/all, 0)
}

// Power is ‖WX‖² = tr(W·H·Wᵀ).
func (l *Layer) Power() float64 {
	row := make([]float64, l.Cols)
	var sum float64
	for r := range l.Rows {
		for c, w := range l.row(r) {
			row[c] = float64(w)
		}
		sum += quadratic(l.H, row)
	}
	return sum
}

// quadratic is xᵀ·H·x.
func quadratic(h, x []float64) float64 {
	var sum float64
	for i, xi := range x {
		if xi == 0 {
			continue
		}
		var dot float64
		for j, hij := range h[i*len(x):][:len(x)] {
			dot += hij * x[j]
		}
		sum += xi * dot
	}
	return sum
}
