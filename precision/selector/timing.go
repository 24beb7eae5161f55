package selector

import "time"

// timing is a running estimate of how long jobs take, from single values that may lie
// anywhere: a median, and how many times as long 95 % of jobs take at most. Each is moved
// up or down by a part of itself with every value (multiplicative incremental quantile
// estimation; Yazidi and Hammer, IEEE Transactions on Cybernetics 49, 2019), so that one
// value in twenty may be as large as it likes.
type timing struct {
	median float64 // s
	spread float64
	n      uint32
	side   int32 // how many values in a row lay above the median, or, negative, below
}

const (
	middle, upper = 0.5, 0.95
	// leastStep is how far estimates move in the long run.
	leastStep = 0.02
	// firstSpread is what the spread is taken to be until there is more than one value.
	firstSpread = 1.25
	// chase is how many values on the same side of the median say that it lies wrong. It
	// moves faster then, and nothing is learned of the spread.
	chase, mostSpeed = 5, 12
)

// high is what 95 % of jobs take at most, in s.
func (t *timing) high() float64 { return t.median * t.spread }

// see takes one more time, in s.
func (t *timing) see(x float64) {
	if t.n == 0 {
		*t = timing{median: x, spread: firstSpread, n: 1}
		return
	}
	switch {
	case x > t.median:
		t.side = max(1, t.side+1)
	case x < t.median:
		t.side = min(-1, t.side-1)
	default:
		t.side = 0
	}
	step := max(leastStep, 1/float64(t.n+1))
	if far := max(t.side, -t.side) - chase; far > 0 {
		t.median = toward(t.median, x, middle, min(0.5, step*float64(1+min(far, mostSpeed))))
	} else {
		t.median = toward(t.median, x, middle, step)
		t.spread = max(1, toward(t.spread, x/t.median, upper, step))
	}
	t.n = min(t.n+1, 1<<30)
}

// toward moves an estimate of a quantile, but not past the value.
func toward(estimate, x, quantile, step float64) float64 {
	if x > estimate {
		return min(x, estimate*(1+step*quantile))
	}
	return max(x, estimate*(1-step*(1-quantile)))
}

// A job is cold if another variant ran since the last of its own, or nothing for
// pauseAfter: other work has taken the caches by then, and the clock may have gone down.
const pauseAfter = time.Second

// settled is how many values an estimate has seen when its changes are those of the
// machine.
const settled = 20

// measure takes the time of a job that ended now.
func (s *Selector) measure(i int, now, took time.Duration) {
	v := &s.variants[i]
	paused := s.last >= 0 && now-took-s.ended >= pauseAfter
	cold := i != s.last || paused
	if cold {
		s.running = now
	}
	if i == s.current {
		s.sparse -= s.sparse / 16
		if paused {
			s.sparse += 1.0 / 16
		}
	}
	s.last, s.ended = i, now
	s.correct(v, now)
	if !v.begun {
		v.begun = true
		return
	}
	v.rebase(s.pace)
	t := &v.hot
	if cold {
		t = &v.cold
	}
	before := t.median
	t.see(max(took, time.Microsecond).Seconds())
	if t.n > settled {
		s.pace *= t.median / before
	}
	v.measured, v.pace = now, s.pace
}

// rebase brings what is known of a variant to the machine's present pace. What was not
// run is taken to have become slower or faster as what was: clocks go up and down, and
// it would look fast only because it was measured at a good moment.
func (v *variant) rebase(pace float64) {
	if v.pace > 0 {
		v.hot.median *= pace / v.pace
		v.cold.median *= pace / v.pace
	}
	v.pace = pace
}

// meterLag is how long a variant must have run alone for a power sensor to tell of it.
const meterLag = time.Second

// correct takes what the power sensor says, if it says something of v.
func (s *Selector) correct(v *variant, now time.Duration) {
	if s.o.Meter == nil || now-s.running < meterLag {
		return
	}
	times, ok := s.o.Meter.Correction()
	switch {
	case !ok || !(times > 0):
	case v.correction == 0:
		v.correction = times
	default:
		v.correction += (times - v.correction) / 16
	}
}

// latency is what is known of the next job of a variant, at the machine's present pace:
// of a cold one while most jobs are. ok is false while nothing is known.
func (s *Selector) latency(v *variant) (median, high float64, ok bool) {
	t, other := &v.hot, &v.cold
	if s.sparse > 0.5 {
		t, other = other, t
	}
	if t.n == 0 {
		t = other
	}
	if t.n == 0 {
		return 0, 0, false
	}
	pace := s.pace / v.pace
	return t.median * pace, t.high() * pace, true
}

// energy is what a job of a variant takes, in J: the power that it draws while it runs,
// as long as it runs. Without any correction of its own it has the baseline's.
func (s *Selector) energy(v *variant) float64 {
	median, _, _ := s.latency(v)
	return s.power(v) * median
}

// power is what the board draws more while a job of the variant runs, in W.
func (s *Selector) power(v *variant) float64 {
	times := v.correction
	if times == 0 {
		times = s.variants[s.base].correction
	}
	if times == 0 {
		times = 1
	}
	return times * float64(s.o.Power) / 1e9
}
