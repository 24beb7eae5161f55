package sparsity

import (
	"testing"
)

// BenchmarkPrune is a layer of the size of the short-range model's largest.
func BenchmarkPrune(b *testing.B) {
	l, _ := synthetic(b, 96, 96, 1)
	for m := range numMethods {
		b.Run(m.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mustPrune(b, l, Unstructured, 0.7, m, Options{})
			}
		})
	}
}

func BenchmarkPivot(b *testing.B) {
	l, _ := synthetic(b, 1, 96, 1)
	p := problemOf(b, l, Unstructured, 0.5)
	t := newTableau(96, 1)
	t.reset(p, 0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		t.pivot(i % 96)
	}
}

// BenchmarkAccumulator adds what a picture gives at 16×16 positions.
func BenchmarkAccumulator(b *testing.B) {
	a, err := NewAccumulator(96)
	if err != nil {
		b.Fatal(err)
	}
	x := make([]float32, 256*96)
	for i := range x {
		x[i] = float32(i % 7)
	}
	b.SetBytes(int64(4 * len(x)))
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Add(x); err != nil {
			b.Fatal(err)
		}
	}
}
