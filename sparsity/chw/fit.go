package chw

import (
	"math"
	"math/rand/v2"
	"sync"
)

// A first convolution with stride 2 becomes a sum of terms: a 3x3 convolution with
// stride 2 over the picture, then a 3x3 kernel over its output. Together they reach
// three pixels in each direction, and that is the window here.
const (
	reach    = 3
	side     = 2*reach + 1
	colours  = 3
	window   = side * side * colours
	taps     = 9
	narrow   = taps * colours // weights of a 3x3 kernel over a picture
	maxTerms = 4              // are always exact: a kernel of up to 5x5 has four corners
	sweeps   = 40             // of the alternating fit; the error settles after about 25
	attempts = 3              // from different starts
)

// at is the position of a pixel in the window.
func at(row, column, colour int) int {
	return ((row+reach)*side+column+reach)*colours + colour
}

// Natural pictures: neighbouring pixels and the colours of a pixel are alike. The
// covariance of a first-order Markov field with these correlations is the weight of
// the fit; the last is noise, which keeps it well-posed.
const (
	pixelCorrelation  = 0.95
	colourCorrelation = 0.9
	pixelNoise        = 0.002
)

// covariance of the window's pixels.
var covariance = sync.OnceValue(func() *[window][window]float64 {
	c := new([window][window]float64)
	for i := range window {
		for j := range window {
			ri, ci := i/colours/side, i/colours%side
			rj, cj := j/colours/side, j/colours%side
			v := math.Pow(pixelCorrelation, math.Hypot(float64(ri-rj), float64(ci-cj)))
			if i%colours != j%colours {
				v *= colourCorrelation
			}
			if i == j {
				v += pixelNoise
			}
			c[i][j] = v
		}
	}
	return c
})

// term is a 3x3 kernel over the picture and a 3x3 kernel over what it gives, by tap
// from top left; the colours of a tap are next to each other.
type term struct {
	first  [narrow]float64
	second [taps]float64
}

// decompose says a kernel in the fewest terms that lose no more than that share of the
// variance of its output.
func decompose(target *[window]float64, most float64, seed uint64) (terms []term, loss float64) {
	if most > 0 {
		for rank := 1; rank < maxTerms; rank++ {
			if terms, loss = fit(target, rank, seed); loss <= most {
				return terms, loss
			}
		}
	}
	return corners(target), 0
}

// corners says a kernel that reaches from -1 to 3 exactly: one 3x3 kernel after the
// other, each placed by a single one in its second kernel. What two could hold is in
// the one that lies before, so that nothing is missing at the picture's end.
func corners(target *[window]float64) (terms []term) {
	for _, down := range []int{0, 1} {
		for _, right := range []int{0, 1} {
			var t term
			t.second[(1+down)*3+1+right] = 1
			used := false
			for k := range narrow {
				row, column := k/colours/3-1, k/colours%3-1
				if down == 1 && row < 0 || right == 1 && column < 0 {
					continue
				}
				t.first[k] = target[at(2*down+row, 2*right+column, k%colours)]
				used = used || t.first[k] != 0
			}
			if used {
				terms = append(terms, t)
			}
		}
	}
	return terms
}

// fit finds the terms whose sum comes nearest to a kernel in the window, and the
// share of the variance of its output that is lost. Both halves of the terms are
// solved for in turn, each a linear least-squares problem.
func fit(target *[window]float64, rank int, seed uint64) (best []term, loss float64) {
	goal, energy := weigh(target)
	if energy == 0 {
		return nil, 0
	}
	rng := rand.New(rand.NewPCG(seed, uint64(rank)))
	loss = math.Inf(1)
	for attempt := range attempts {
		terms := make([]term, rank)
		for i := range terms {
			for k := range terms[i].second {
				terms[i].second[k] = rng.NormFloat64() / taps
			}
		}
		if attempt == 0 {
			terms[0].second = [taps]float64{taps / 2: 1} // the centre alone
		}
		explained := 0.0
		for range sweeps {
			solveFirst(terms, goal)
			explained = solveSecond(terms, goal)
		}
		if l := max(0, 1-explained/energy); l < loss {
			best, loss = terms, l
		}
	}
	return best, loss
}

// weigh returns covariance × target and target' × covariance × target.
func weigh(target *[window]float64) (goal *[window]float64, energy float64) {
	goal = new([window]float64)
	c := covariance()
	for i := range goal {
		for j, w := range target {
			goal[i] += c[i][j] * w
		}
		energy += goal[i] * target[i]
	}
	return goal, energy
}

// cell is one weight of the window that an unknown adds to.
type cell struct {
	at    int
	value float64
}

// solveFirst solves for the kernels over the picture.
func solveFirst(terms []term, goal *[window]float64) {
	columns := make([][]cell, len(terms)*narrow)
	for i := range terms {
		terms[i].each(func(tap, k, position int) {
			if v := terms[i].second[tap]; v != 0 {
				columns[i*narrow+k] = append(columns[i*narrow+k], cell{position, v})
			}
		})
	}
	x, _ := leastSquares(columns, goal)
	for i := range terms {
		copy(terms[i].first[:], x[i*narrow:])
	}
}

// solveSecond solves for the kernels after them and returns the variance that all
// terms explain.
func solveSecond(terms []term, goal *[window]float64) float64 {
	columns := make([][]cell, len(terms)*taps)
	for i := range terms {
		terms[i].each(func(tap, k, position int) {
			columns[i*taps+tap] = append(columns[i*taps+tap], cell{position, terms[i].first[k]})
		})
	}
	x, explained := leastSquares(columns, goal)
	for i := range terms {
		copy(terms[i].second[:], x[i*taps:])
		terms[i].balance()
	}
	return explained
}

// each visits the products of both kernels and where in the window they land.
func (t *term) each(visit func(tap, k, position int)) {
	for tap := range taps {
		for k := range narrow {
			row, column := 2*(tap/3-1)+k/colours/3-1, 2*(tap%3-1)+k/colours%3-1
			visit(tap, k, at(row, column, k%colours))
		}
	}
}

// balance moves scale from one kernel to the other: only their product counts.
func (t *term) balance() {
	norm := 0.0
	for _, v := range t.second {
		norm += v * v
	}
	if norm = math.Sqrt(norm); norm == 0 {
		return
	}
	for k := range t.second {
		t.second[k] /= norm
	}
	for k := range t.first {
		t.first[k] *= norm
	}
}

// leastSquares finds the factors of the columns whose sum is nearest to the goal,
// and the variance that the sum explains.
func leastSquares(columns [][]cell, goal *[window]float64) (x []float64, explained float64) {
	n, weight := len(columns), covariance()
	a, b := make([][]float64, n), make([]float64, n)
	for i, column := range columns {
		a[i] = make([]float64, n)
		var spread [window]float64 // covariance × column
		for _, c := range column {
			b[i] += c.value * goal[c.at]
			for j := range spread {
				spread[j] += c.value * weight[c.at][j]
			}
		}
		for j, other := range columns[:i+1] {
			for _, c := range other {
				a[i][j] += c.value * spread[c.at]
			}
			a[j][i] = a[i][j]
		}
	}
	x = solve(a, b)
	for i := range x {
		explained += x[i] * b[i]
	}
	return x, explained
}

// solve solves a x = b for a positive semidefinite a, by Cholesky's way with a little
// added to the diagonal: columns may depend on each other.
func solve(a [][]float64, b []float64) []float64 {
	n, trace := len(b), 0.0
	for i := range n {
		trace += a[i][i]
	}
	ridge := 1e-9*trace/float64(n) + math.SmallestNonzeroFloat32
	x := make([]float64, n)
	for i := range n {
		for j := range i + 1 {
			sum := a[i][j]
			if i == j {
				sum += ridge
			}
			for k := range j {
				sum -= a[i][k] * a[j][k]
			}
			if i == j {
				a[i][i] = math.Sqrt(max(sum, ridge))
			} else {
				a[i][j] = sum / a[j][j]
			}
		}
	}
	for i := range n {
		x[i] = b[i]
		for k := range i {
			x[i] -= a[i][k] * x[k]
		}
		x[i] /= a[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= a[k][i] * x[k]
		}
		x[i] /= a[i][i]
	}
	return x
}
