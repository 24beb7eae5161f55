package chw

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// genKernel draws a 5x5 kernel where SAME puts it.
func genKernel(t *rapid.T) *[window]float64 {
	var k [window]float64
	for row := -1; row <= 3; row++ {
		for column := -1; column <= 3; column++ {
			for colour := range colours {
				k[at(row, column, colour)] = rapid.Float64Range(-1, 1).Draw(t, "weight")
			}
		}
	}
	return &k
}

// product returns the kernel that terms stand for.
func product(terms []term) *[window]float64 {
	var k [window]float64
	for i := range terms {
		terms[i].each(func(tap, n, position int) { k[position] += terms[i].second[tap] * terms[i].first[n] })
	}
	return &k
}

func TestCornersAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genKernel(t)
		if got := product(corners(want)); *got != *want {
			t.Fatal("the terms make another kernel")
		}
	})
}

// The loss that fit tells is that of its terms, and more terms lose less.
func TestFitTellsItsLoss(t *testing.T) {
	var target [window]float64
	for i := range target {
		if row, column := i/colours/side-reach, i/colours%side-reach; row >= -1 && column >= -1 {
			target[i] = math.Sin(float64(i*i)) * math.Exp(-0.3*math.Hypot(float64(row-1), float64(column-1)))
		}
	}
	_, energy := weigh(&target)
	last := 1.0
	for rank := 1; rank <= 3; rank++ {
		terms, loss := fit(&target, rank, 1)
		rest := product(terms)
		for i := range rest {
			rest[i] -= target[i]
		}
		_, lost := weigh(rest)
		if got := lost / energy; math.Abs(got-loss) > 1e-6 {
			t.Errorf("%d terms lose %v, told %v", rank, got, loss)
		}
		if len(terms) != rank || loss >= last {
			t.Errorf("%d terms lose %v, one fewer %v", len(terms), loss, last)
		}
		last = loss
	}
}

func TestZeroKernelHasNoLoss(t *testing.T) {
	terms, loss := decompose(new([window]float64), 0.1, 1)
	if loss != 0 || len(terms) > 1 || *product(terms) != [window]float64{} {
		t.Errorf("%d terms lose %v", len(terms), loss)
	}
}
