package fusion

import (
	"math"
	"slices"
	"time"
)

// fading is one term of a rule's log-odds between two observations: size·exp(-rate·t), with t in seconds.
type fading struct {
	size float64
	rate float64 // 1/s
}

// instants is a short list, in order; a value, so that it stays on the stack.
type instants struct {
	at [maxTerms]float64 // seconds
	n  int
}

func (in *instants) add(t float64) {
	in.at[in.n] = t
	in.n++
}

// turningPoints returns the instants in (0, span) at which a sum of fading terms stops rising or falling: between two of
// them the sum is monotonic. It reorders terms. With terms that all have the same sign there are none.
func turningPoints(terms []fading, span float64) instants {
	terms = merge(terms)
	if len(terms) < 2 {
		return instants{}
	}
	// The derivative is -Σ size·rate·exp(-rate·t). Its zeros stay when it is multiplied by exp(rate₀·t).
	var buf [maxTerms]fading
	return zeros(-terms[0].size*terms[0].rate, slope(buf[:0], terms), span)
}

// slope appends the terms after the first of the derivative of Σ size·exp(-rate·t), multiplied by exp(rate₀·t).
func slope(dst, terms []fading) []fading {
	for _, t := range terms[1:] {
		dst = append(dst, fading{size: -t.size * t.rate, rate: t.rate - terms[0].rate})
	}
	return dst
}

// zeros returns the zeros in (0, span) of c + Σ size·exp(-rate·t), where the rates are positive and rise; there are at
// most as many as terms. By Rolle's theorem two zeros have a zero of the derivative between them, which is a sum of one
// term fewer, so the function calls itself at most maxTerms times.
func zeros(c float64, terms []fading, span float64) (found instants) {
	if len(terms) == 0 {
		return found
	}
	var buf [maxTerms]fading
	turns := zeros(-terms[0].size*terms[0].rate, slope(buf[:0], terms), span)
	from, up := 0.0, value(c, terms, 0) > 0
	for i := range turns.n + 1 {
		to := span
		if i < turns.n {
			to = turns.at[i]
		}
		if upTo := value(c, terms, to) > 0; upTo != up {
			found.add(bisect(c, terms, from, to, up))
			up = upTo
		}
		from = to
	}
	return found
}

// bisect narrows the one change of sign in (from, to] down to less than a nanosecond.
func bisect(c float64, terms []fading, from, to float64, up bool) float64 {
	for to-from > 0.5e-9 {
		mid := from + (to-from)/2
		if mid <= from || mid >= to {
			break
		}
		if (value(c, terms, mid) > 0) == up {
			from = mid
		} else {
			to = mid
		}
	}
	return to
}

func value(c float64, terms []fading, t float64) float64 {
	for _, f := range terms {
		c += f.size * math.Exp(-f.rate*t)
	}
	return c
}

// merge sorts terms by rate, adds those of equal rate and leaves out what is zero.
func merge(terms []fading) []fading {
	slices.SortFunc(terms, func(a, b fading) int {
		switch {
		case a.rate < b.rate:
			return -1
		case a.rate > b.rate:
			return 1
		}
		return 0
	})
	out := terms[:0]
	for _, t := range terms {
		if n := len(out); n > 0 && out[n-1].rate == t.rate {
			out[n-1].size += t.size
		} else {
			out = append(out, t)
		}
	}
	return slices.DeleteFunc(out, func(t fading) bool { return t.size == 0 })
}

// firstTime returns the first nanosecond in (from, to] at which a condition holds that is false at from, true at to and
// changes once between.
func firstTime(from, to time.Duration, holds func(time.Duration) bool) time.Duration {
	for to-from > 1 {
		if mid := from + (to-from)/2; holds(mid) {
			to = mid
		} else {
			from = mid
		}
	}
	return to
}
