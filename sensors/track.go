package sensors

import (
	"math"
	"time"
)

// What the model may be off by after a time without readings, always and by which share of
// what it expects to have changed since, and when a sensor that jumped is believed all the
// same.
const (
	unseen       = 12.0 // K, after
	unseenAfter  = 30 * time.Second
	pardonFor    = 2 * time.Minute
	adrift       = 0.5
	agreement    = 3.0 // K
	agreeing     = 15 * time.Second
	agreeingSoon = 500 * time.Millisecond
	noisy        = 6.0 // standard deviations of a change that a noisy sensor may make
	forgotten    = 10 * time.Minute
)

// When a value that does not change is conspicuous: after that many updates and that many
// times the longest time between two changes of late.
const (
	leastFlat = 20
	flatter   = 3
	flatSlack = 0.5 // K, and one step of the sensor
)

// track is what a Filter knows of one sensor.
type track struct {
	begun   bool
	trusted bool      // it was believed at the last update
	reason  string    // why not
	good    time.Time // when it was believed last
	fit     time.Time // since when it has been plausible again

	// The last value that was in range and not the same as before.
	value  float64 // °C
	course Course  // the model's then

	seen     time.Time // when a value in range came last
	noise    float64   // mean square of what the model does not explain of its changes, K²
	offset   float64   // sum of its jumps since it was believed, K
	pardoned float64   // the last leap that was believed all the same, K
	pardon   time.Time // until when its way back is, too
	anchor   float64   // its value above the model's course when it was believed
	near     time.Time // since when it has been near that again
	step     float64   // least change ever seen, K

	age     int // updates since the value changed
	pace    Pace
	longest [2]int // greatest ages of this batch of changes and of the last, paceBatch each
	changes int    // in this batch
}

// lose notes that a sensor has no reading. A short gap costs no trust.
func (t *track) lose() { t.fit = time.Time{} }

// restart forgets what was read, but not how the sensor converts.
func (t *track) restart() {
	*t = track{step: t.step, noise: t.noise, pace: t.pace, longest: t.longest}
}

func (f *Filter) temperature(t *track, r *Reading) {
	value := r.Temperature().Celsius()
	reason := f.judge(t, r, value)
	if reason == "" {
		reason = f.probation(t, r.At)
	} else {
		t.fit = time.Time{}
	}
	t.reason, t.trusted = reason, reason == ""
	if !t.trusted {
		r.Quality, r.Reason = Suspect, reason
		return
	}
	t.good, t.offset, t.anchor, t.near = r.At, 0, t.value-t.course.Kelvin, time.Time{}
}

// judge says why a value is not plausible, or "".
func (f *Filter) judge(t *track, r *Reading, value float64) string {
	l := &f.limits
	if r.Temperature() < l.Low || r.Temperature() > l.High {
		return "out of range"
	}
	if !t.begun || r.At.Sub(t.good) > forgotten {
		t.offset = 0
		f.moved(t, r, value)
		return ""
	}
	silent := r.At.Sub(t.seen)
	t.seen = r.At
	if value == t.value {
		if f.stuck(t, r.Place) {
			return "stuck"
		}
	} else {
		f.step(t, r.At, value-t.value, silent)
		f.moved(t, r, value)
	}
	if math.Abs(t.offset) > l.Surprise && !f.agrees(t, r.At, value) {
		return "jumped"
	}
	return ""
}

// agrees says whether a sensor that jumped is right all the same: it has for a while
// shown what the model expects since it was believed, the longer the farther it jumped, or its
// jumps were small and no more came. Then it was the jumps that were misjudged.
func (f *Filter) agrees(t *track, at time.Time, value float64) bool {
	size := math.Abs(t.offset) / f.limits.Surprise
	near := t.course.Known && math.Abs(value-t.anchor-f.course.Kelvin) < agreement
	need := agreeing
	switch {
	case size <= 1.5 && near:
		need = agreeingSoon
	case size <= 1.5:
	case !near:
		t.near = time.Time{}
		return false
	case size > 2:
		need *= 3
	}
	if t.near.IsZero() {
		t.near = at
	}
	return at.Sub(t.near) > need
}

// stuck says whether a value that has not moved should have.
func (f *Filter) stuck(t *track, place Place) bool {
	if !t.course.Known { // there may have been no model yet when it came
		t.follow(place, f.course.Course)
		return false
	}
	if !f.course.Known {
		return false
	}
	low, high := f.course.since(&t.course, t.window())
	slack := f.limits.Stuck + 1.5*min(t.step, 1)
	if t.flat() {
		slack = flatSlack + min(t.step, 1)
	}
	return low > slack || high < -slack || t.reason == "stuck"
}

// flat says that a value has not changed for far longer than it ever did of late.
func (t *track) flat() bool {
	return t.longest[1] > 0 && t.age > leastFlat+flatter*max(t.longest[0], t.longest[1])
}

// step looks at a change of value. Until the last conversion before it the value was right,
// however much the model had expected it to creep.
// After a time without readings the model knows less, and what is back to its senses
// is believed more easily: only what leaps from one reading to the next is an offset.
func (f *Filter) step(t *track, at time.Time, change float64, silent time.Duration) {
	blind := silent > f.limits.Stale
	allowed := f.limits.Surprise
	low, high := -f.limits.Rate, f.limits.Rate
	expected := 0.0
	switch known := t.course.Known && f.course.Known; {
	case known && (blind || t.reason == "stuck"):
		low, high = f.course.since(&t.course, t.window())
		expected = f.course.Kelvin - t.course.Kelvin
		allowed += adrift * max(math.Abs(low), math.Abs(high))
		if t.reason == "stuck" {
			silent = unseenAfter
		}
		allowed += unseen * min(1, float64(silent)/float64(unseenAfter))
	case known:
		window := t.window()
		low, high = f.course.between(t.age, window)
		expected = f.course.Kelvin - f.course.ago(min(t.age, window)).Kelvin
		if t.flat() && t.offset == 0 { // it may have been stuck: then it is right now
			least, most := f.course.since(&t.course, window)
			low, high = min(low, least), max(high, most)
			if change > 0 { // and to believe that it is warmer does no harm
				allowed *= 2
			}
		}
	case blind:
		allowed += unseen + adrift*f.limits.Rate
	}
	// What the model expects is taken off without doubt, so that a jump and its way back cancel.
	leap, unexplained := change-expected, math.Abs(change-bound(change, low, high))
	switch {
	case unexplained <= max(f.limits.Surprise, min(noisy*math.Sqrt(t.noise), 1.5*f.limits.Surprise)):
		t.noise += 0.02 * (unexplained*unexplained - t.noise)
	case unexplained <= allowed:
		t.pardoned, t.pardon = leap, at.Add(pardonFor)
	case math.Abs(leap+t.pardoned) <= f.limits.Surprise && at.Before(t.pardon):
		t.pardoned = 0
	default:
		t.offset += leap
		t.near = time.Time{}
	}
}

// moved keeps a value.
func (f *Filter) moved(t *track, r *Reading, value float64) {
	if t.begun {
		t.paced()
		t.step = min(t.step, max(1e-6, math.Abs(value-t.value)))
	}
	t.begun, t.value, t.seen, t.age = true, value, r.At, 0
	if !t.trusted { // it may have been converted before it was seen again
		t.age = SlowestConversion
	}
	t.follow(r.Place, f.course.Course)
}

// follow keeps the course to compare with, which is the die's.
func (t *track) follow(place Place, c Course) {
	t.course = c
	t.course.Known = c.Known && place == PlaceDie
}

// probation says why a plausible value is not believed yet, or "". What moves again is
// not stuck, and what was off for a moment needs none.
func (f *Filter) probation(t *track, at time.Time) string {
	if t.trusted || t.reason == "" || t.reason == "stuck" || at.Sub(t.good) < f.limits.Stale {
		return ""
	}
	if t.fit.IsZero() {
		t.fit = at
	}
	if at.Sub(t.fit) < f.limits.Probation {
		return t.reason
	}
	return ""
}

// paced learns from the age of a value that changes. What a fault did does not count.
func (t *track) paced() {
	if !t.trusted || t.offset != 0 {
		return
	}
	t.pace.Changed(t.age)
	t.longest[0] = max(t.longest[0], t.age)
	if t.changes++; t.changes == paceBatch {
		t.longest[1], t.longest[0], t.changes = t.longest[0], 0, 0
	}
}

// window is how many updates ago the sensor may have converted last.
func (t *track) window() int { return min(SlowestConversion, t.pace.Interval()+2) }
