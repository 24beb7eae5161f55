package task

import "iter"

// half is one of the two halves of the data: the even items calibrate, the odd ones
// are held out. A single item is in both.
type half int

const (
	calibrating half = iota
	heldOut
)

// of yields which of n items belong to the half.
func (h half) of(n int) iter.Seq[int] { return h.choose(n, n) }

// len is how many of n items belong to the half.
func (h half) len(n int) int {
	if n == 1 {
		return 1
	}
	return (n + 1 - int(h)) / 2
}

// choose yields at most so many of the half's items, evenly, out of n in all.
func (h half) choose(most, n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for k := range spread(most, h.len(n)) {
			i := 2*k + int(h)
			if n == 1 {
				i = 0
			}
			if !yield(i) {
				return
			}
		}
	}
}

// spread yields at most so many of total places, evenly.
func spread(most, total int) iter.Seq[int] {
	n := min(most, total)
	return func(yield func(int) bool) {
		for k := 0; k < n && yield((2*k+1)*total/(2*n)); k++ {
		}
	}
}
