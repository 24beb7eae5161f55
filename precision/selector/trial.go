package selector

import (
	"math"
	"time"
)

// A variant that is not in use is tried for some jobs in a row, the first of which is
// cold, while nothing else is known of it, and again when that is old.
const (
	trialJobs = 4
	// trialShare bounds the jobs on which a variant is tried, beside its first trial.
	trialShare = 0.02
	// refreshAfter is when what was measured is old.
	refreshAfter = time.Minute
	// forgetAfter is when it is nothing to go by any more: a variant that was too slow is
	// tried once again then.
	forgetAfter = 10 * time.Minute
)

// trial is the variant to try with this job, if any.
func (s *Selector) trial(now time.Duration) (i int, ok bool) {
	if s.left == 0 {
		if i, ok = s.toTry(now); !ok {
			return 0, false
		}
		s.trying, s.left = i, trialJobs
		if v := &s.variants[i]; now-v.measured >= forgetAfter {
			v.hot, v.cold, v.pace = timing{}, timing{}, 0
		} else {
			v.hot.n, v.cold.n = min(v.hot.n, trialJobs), min(v.cold.n, trialJobs) // so that the new values count
		}
	}
	i = s.trying
	if v := &s.variants[i]; i == s.current || !s.fits(v) {
		s.left = 0
		return 0, false
	}
	s.left--
	s.variants[i].tried++
	s.stats.Trials++
	return i, true
}

// toTry is the variant that was measured longest ago of those whose turn it is.
func (s *Selector) toTry(now time.Duration) (best int, ok bool) {
	if s.variants[s.current].hot.n+s.variants[s.current].cold.n == 0 {
		return 0, false // there is nothing yet to compare with
	}
	economy, oldest := s.economy(), time.Duration(math.MaxInt64)
	for i := range s.variants {
		v := &s.variants[i]
		_, _, measured := s.latency(v)
		age := now - v.measured
		switch {
		case i == s.current || !s.allowed(v):
		case float64(v.tried) > trialShare*float64(s.stats.Jobs):
		case measured && (economy || age < refreshAfter):
			// In economy only what is unknown is tried: it may be what is looked for.
		case measured && age < forgetAfter && !s.fits(v):
		case v.measured < oldest:
			best, ok, oldest = i, true, v.measured
		}
	}
	return best, ok
}

// fits reports whether nothing that is known of a variant speaks against one more job:
// none of its jobs, hot or cold, usually breaks the budget.
func (s *Selector) fits(v *variant) bool {
	if v.pace == 0 {
		return true
	}
	return max(v.hot.median, v.cold.median)*s.pace/v.pace <= s.o.Latency.Seconds()
}

// The baseline runs in the shadow of one job in shadowEvery, on the same input, unless
// heat leaves less than shadowShare.
const (
	shadowEvery = 100
	shadowShare = 0.8 // economy has begun below it, and ends above
)

// shadow reports whether the baseline is to run beside this job.
func (s *Selector) shadow() bool {
	if s.current == s.base {
		return false
	}
	s.credit = min(1, s.credit+1.0/shadowEvery)
	if s.credit < 1-1e-9 || s.economy() || s.o.Heat != nil && s.o.Heat.Share() < shadowShare {
		return false
	}
	s.credit = 0
	s.stats.Shadows++
	return true
}

// The mean difference from the baseline begins as if doubt comparisons had found none:
// a single answer may differ by 0.6, which is no drift yet. In the long run it is that
// of about the last memory comparisons.
const (
	doubt  = 32
	memory = 128
)

// Compared tells how far the variant's answer to an input was from the baseline's, 0 to
// 1. A variant whose mean difference reaches MaxDrop is demoted, until the program starts
// again: nobody changes it meanwhile, and the baseline does its work.
func (s *Selector) Compared(variant int, difference float64) {
	if !(difference >= 0) { // not a number: as far as can be
		difference = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &s.variants[variant]
	v.compared++
	v.drift += (min(1, difference) - v.drift) / min(memory, float64(doubt+v.compared))
	if v.drift >= MaxDrop {
		s.demote(variant, Drifts)
	}
}
