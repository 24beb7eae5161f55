package selector

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the machine does, what a selector promises holds.
func TestPromises(t *testing.T) {
	rapid.Check(t, func(q *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(q, "variants")
		o := Options{
			Latency:  time.Duration(rapid.IntRange(1, 60).Draw(q, "budget")) * ms,
			Accuracy: rapid.SampledFrom([]float64{0, 0.9, 0.97}).Draw(q, "required"),
		}
		hot, broken := make([]time.Duration, n), make([]bool, n)
		for i := range n {
			o.Variants = append(o.Variants, Variant{
				Name: string(rune('a' + i)), Baseline: i == 0,
				Accuracy: rapid.SampledFrom([]float64{0, 0.9, 0.94, 0.96, 0.961, 0.99}).Draw(q, "accuracy"),
			})
			hot[i] = time.Duration(rapid.IntRange(1, 50).Draw(q, "hot")) * ms
			broken[i] = i > 0 && rapid.IntRange(0, 5).Draw(q, "broken") == 0
		}
		r := start(t, o, hot...)
		r.every = time.Duration(rapid.SampledFrom([]int{1, 100, 3000}).Draw(q, "every")) * ms
		noisy(r, rapid.SampledFrom([]float64{0, 0.1, 0.6}).Draw(q, "noise"))
		r.differs = func(i int) float64 {
			if broken[i] {
				return 0.3
			}
			return 0.001
		}
		var forced uint64 // switches away from what is demoted
		for range rapid.IntRange(1, 8).Draw(q, "phases") {
			r.economy = rapid.Bool().Draw(q, "economy")
			r.share = rapid.SampledFrom([]float64{0.2, 0.8, 1}).Draw(q, "share")
			slow := time.Duration(rapid.IntRange(1, 4).Draw(q, "slow"))
			takes := r.takes
			r.takes = func(i int, cold bool) time.Duration { return slow * takes(i, cold) }
			for range rapid.IntRange(1, 200).Draw(q, "jobs") {
				before, demoted, began := r.s.current, r.s.stats.Demoted, r.now
				fit := r.someFits()
				p := r.job()
				if r.s.stats.Demoted > demoted {
					forced++
				}
				r.check(q, p, before, began, fit)
			}
			r.takes = takes
		}
		s := r.s.stats
		if most := 1 + uint64(r.now/Dwell) + forced; s.Switches > most {
			q.Errorf("%d switches in %v, want at most %d", s.Switches, r.now, most)
		}
		for i, tried := range r.trials {
			if most := trialJobs + trialShare*float64(s.Jobs); float64(tried) > most {
				q.Errorf("variant %d: %d trials among %d jobs, want at most %.0f", i, tried, s.Jobs, most)
			}
		}
		if most := 1 + s.Jobs/shadowEvery; uint64(r.shadows) > most || s.Shadows != uint64(r.shadows) {
			q.Errorf("%d shadow runs (counted %d) among %d jobs, want at most %d", r.shadows, s.Shadows, s.Jobs, most)
		}
	})
}

// someFits reports whether some variant is known to be fit, with a margin.
func (r *rig) someFits() bool {
	for i := range r.s.variants {
		if v := &r.s.variants[i]; r.s.keepsSafely(v) {
			return true
		}
	}
	return false
}

// check holds one job of the pick p against what is promised. before was in use, and fit
// says whether a fit one was known.
func (r *rig) check(q *rapid.T, p Pick, before int, began time.Duration, fit bool) {
	s := r.s
	switch v := &s.variants[p.Variant]; {
	case v.Accuracy == 0 && p.Variant != s.base:
		q.Errorf("picked a variant of unknown accuracy")
	case v.Accuracy < s.required && p.Variant != s.base:
		q.Errorf("picked accuracy %v, %v is required", v.Accuracy, s.required)
	case v.demoted != 0 && v.demoted != Drifts, v.demoted == Drifts && p.Shadow < 0:
		q.Errorf("picked a demoted variant") // the one whose shadow run demotes it did the job before
	}
	if p.Shadow >= 0 && (p.Shadow != s.base || p.Variant == s.base || r.economy || r.share < shadowShare) {
		q.Errorf("shadow run %+v with economy %v and share %v", p, r.economy, r.share)
	}
	if s.switched && s.since == began && !p.Trial && p.Variant != before && fit && s.reason != Accurate && s.reason != Economy {
		q.Errorf("changed to %s (%v) while a fit one was known", s.variants[p.Variant].Name, s.reason)
	}
}

// Estimates find the quantiles of what they see.
func TestTimingFindsQuantiles(t *testing.T) {
	rapid.Check(t, func(q *rapid.T) {
		scale := rapid.Float64Range(1e-5, 1).Draw(q, "scale")
		random := rapid.Uint64().Draw(q, "seed") | 1
		var x timing
		for range 2000 {
			random = random*6364136223846793005 + 1442695040888963407
			x.see(scale * (1 + float64(random>>40)/(1<<24))) // uniform from scale to twice that
		}
		if got := x.median / scale; got < 1.2 || got > 1.8 {
			q.Errorf("median %v, want about 1.5", got)
		}
		if got := x.high() / scale; got < 1.6 || got > 2.4 {
			q.Errorf("95th percentile %v, want about 1.95", got)
		}
	})
}
