package selector

import "time"

// Reason is why a variant came into use, or went out of it.
type Reason uint8

// Reasons.
const (
	_          Reason = iota
	Unmeasured        // nothing is known yet of any that is accurate enough
	Accurate          // as accurate as any that keeps the budget, and the fastest of those
	Economy           // the least energy of those that keep accuracy and budget
	Inaccurate        // none is accurate enough
	Late              // none that is accurate enough keeps the budget
	Drifts            // its answers are not the baseline's any more
	Fails             // it failed several times in a row
)

func (r Reason) String() string {
	return [...]string{
		"?", "nothing is measured yet: the baseline", "the fastest of the most accurate that keep the budget",
		"economy: the least energy of those that keep accuracy and budget", "none is accurate enough: the baseline",
		"none keeps the latency budget: the fastest of those accurate enough",
		"its answers drift from the baseline's", "it fails",
	}[r]
}

// review puts another variant into use if that is right and the present one was in use
// for long enough.
func (s *Selector) review(now time.Duration) {
	best, why := s.best()
	if best == s.current {
		s.reason = why
		return
	}
	from := &s.variants[s.current]
	if s.switched && now-s.since < Dwell && from.demoted == 0 {
		return
	}
	to := &s.variants[best]
	c := Change{From: from.Name, To: to.Name, Reason: why, Accuracy: to.Accuracy}
	c.Median, c.High = s.told(to)
	s.current, s.reason, s.switched, s.since = best, why, true, now
	s.stats.Switches++
	s.tell(&c)
}

func (s *Selector) told(v *variant) (median, high time.Duration) {
	m, h, _ := s.latency(v)
	return seconds(m), seconds(h)
}

func seconds(x float64) time.Duration { return time.Duration(x * float64(time.Second)) }

// best is the variant that should be in use, the present one included, and why.
func (s *Selector) best() (int, Reason) {
	if !s.find(s.allowed) {
		return s.base, Inaccurate
	}
	if !s.find(s.known) {
		return s.base, Unmeasured
	}
	if s.find(s.keepsSafely) || s.find(s.keeps) {
		s.onlyFront()
		if s.economy() {
			return s.stay(s.least(s.energy), s.energy), Economy
		}
		s.onlyMostAccurate()
		return s.stay(s.least(s.median), s.median), Accurate
	}
	s.find(s.known)
	return s.stay(s.least(s.median), s.median), Late
}

// find makes those usable for which ok is true. It is false if there are none.
func (s *Selector) find(ok func(*variant) bool) (some bool) {
	for i := range s.variants {
		s.usable[i] = ok(&s.variants[i])
		some = some || s.usable[i]
	}
	return some
}

// onlyFront leaves the Pareto front of the usable variants, and the one in use: it may
// lie behind the front by no more than noise.
func (s *Selector) onlyFront() {
	for i := range s.variants {
		s.pareto[i] = s.usable[i] && s.dominator(i) < 0
	}
	for i := range s.variants {
		s.usable[i] = s.pareto[i] || s.usable[i] && i == s.current
	}
}

// dominator is a usable variant that is at least as good as i in accuracy, latency and
// energy, and better in one; -1 if there is none.
func (s *Selector) dominator(i int) int {
	v := &s.variants[i]
	median, energy := s.median(v), s.energy(v)
	for k := range s.variants {
		o := &s.variants[k]
		if k == i || !s.usable[k] {
			continue
		}
		m, e := s.median(o), s.energy(o)
		if o.Accuracy >= v.Accuracy && m <= median && e <= energy && (o.Accuracy > v.Accuracy || m < median || e < energy) {
			return k
		}
	}
	return -1
}

// allowed reports whether a variant may be picked at all.
func (s *Selector) allowed(v *variant) bool {
	return v.demoted == 0 && (v.Accuracy > 0 || v.Baseline) && v.Accuracy >= s.required
}

// known reports whether it may be picked and its latency is known.
func (s *Selector) known(v *variant) bool {
	_, _, ok := s.latency(v)
	return ok && s.allowed(v)
}

// keeps reports whether it also keeps the budget.
func (s *Selector) keeps(v *variant) bool {
	_, high, _ := s.latency(v)
	return s.known(v) && high <= s.o.Latency.Seconds()
}

// keepsSafely is keeps with a margin for those that are not in use, so that one on the
// edge doesn't come and go.
func (s *Selector) keepsSafely(v *variant) bool {
	_, high, _ := s.latency(v)
	return s.keeps(v) && (v == &s.variants[s.current] || high <= (1-Margin)*s.o.Latency.Seconds())
}

func (s *Selector) median(v *variant) float64 {
	median, _, _ := s.latency(v)
	return median
}

// onlyMostAccurate leaves those usable that are as accurate as the most accurate one.
func (s *Selector) onlyMostAccurate() {
	top := 0.0
	for i := range s.variants {
		if s.usable[i] {
			top = max(top, s.variants[i].Accuracy)
		}
	}
	for i := range s.variants {
		s.usable[i] = s.usable[i] && s.variants[i].Accuracy >= top-SameAccuracy-1e-9
	}
}

// least is the usable variant of the least cost, of equal ones the most accurate.
func (s *Selector) least(cost func(*variant) float64) int {
	best := -1
	for i := range s.variants {
		if !s.usable[i] {
			continue
		}
		v := &s.variants[i]
		if best < 0 || cost(v) < cost(&s.variants[best]) ||
			cost(v) == cost(&s.variants[best]) && v.Accuracy > s.variants[best].Accuracy {
			best = i
		}
	}
	return best
}

// stay is the variant in use if that is as usable as the best and costs little more.
func (s *Selector) stay(best int, cost func(*variant) float64) int {
	if s.usable[s.current] && cost(&s.variants[best]) > (1-Margin)*cost(&s.variants[s.current]) {
		return s.current
	}
	return best
}
