package sensors

import (
	"math"
	"slices"
	"time"

	"periph.io/x/conn/v3/physic"
)

// Limits say what a Filter believes. The zero value of a field means its default.
type Limits struct {
	// Low and High bound a believable temperature (−40 and 125 °C: the range of
	// industrial silicon).
	Low, High physic.Temperature
	// Rate bounds how fast a temperature moves that no model follows, in K/s (40).
	Rate float64
	// Surprise is by how much a temperature may differ from what the model expects
	// (3.2 K). What stays below it goes unnoticed, so it must be less than what lies
	// between the set point and the alert.
	Surprise float64
	// Stuck is how far the model may expect a temperature to have moved that does
	// not move at all (1.6 K, and one and a half steps of the sensor).
	Stuck float64
	// Apart is by how much temperatures of the die may differ from each other (20 K).
	Apart float64
	// Stale is the age at which a reading says nothing any more (1 s).
	Stale time.Duration
	// Probation is how long a sensor must be plausible to be believed again (3 s).
	Probation time.Duration
}

// DefaultLimits are those that a Filter has unless told otherwise.
var DefaultLimits = Limits{
	Low: physic.ZeroCelsius - 40*physic.Kelvin, High: physic.ZeroCelsius + 125*physic.Kelvin,
	Rate: 40, Surprise: 3.2, Stuck: 1.6, Apart: 20, Stale: time.Second, Probation: 3 * time.Second,
}

// What the model may be off by after a time without readings, always and by which share of
// what it expects to have changed since, and when a sensor that jumped is believed all the
// same.
const (
	unseen    = 12.0 // K
	adrift    = 0.5
	agreement = 3.0 // K
	agreeing  = 15 * time.Second
	forgotten = 10 * time.Minute
)

// Course is what a model of the board makes of the die's temperature by itself, in K
// above any fixed point: only its changes count.
type Course struct {
	Kelvin float64
	Doubt  float64 // share of a change by which the model may be wrong
	Known  bool    // false while there is no model
}

// conversion is the longest time that a sensor may take to show a change, in updates:
// what it shows may be the temperature of any moment since.
const conversion = 12

// recent is the course over the last updates.
type recent struct {
	ring [conversion]float64
	next int
	Course
}

func (r *recent) add(c Course) {
	if !c.Known {
		*r = recent{}
		return
	}
	if !r.Known {
		for i := range r.ring {
			r.ring[i] = c.Kelvin
		}
	}
	r.ring[r.next] = c.Kelvin
	r.next = (r.next + 1) % len(r.ring)
	r.Course = c
}

// since is by how much the course has moved since it was at from: the least and
// the greatest that a sensor could show.
func (r *recent) since(from float64, updates int) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range updates {
		c := r.ring[(r.next+conversion-1-i)%conversion] - from
		low, high = min(low, c), max(high, c)
	}
	return low - r.Doubt*math.Abs(low), high + r.Doubt*math.Abs(high)
}

// Filter marks readings that are not plausible. It is not safe for concurrent use.
type Filter struct {
	limits Limits
	tracks []track
	course recent
	others []float64 // room for comparing
}

// track is what a Filter knows of one sensor.
type track struct {
	begun   bool
	trusted bool      // it was believed at the last update
	reason  string    // why not
	good    time.Time // when it was believed last
	fit     time.Time // since when it has been plausible again

	// The last value that was in range and not the same as before.
	value  float64 // °C
	course float64 // the model's then
	known  bool    // the model's was known

	seen   time.Time // when a value in range came last
	offset float64   // sum of its jumps since it was believed, K
	anchor float64   // its value above the model's course when it was believed
	near   time.Time // since when it has been near that again
	step   float64   // least change ever seen, K

	gap      int    // updates since the value changed
	shortest [2]int // least gaps of this batch of changes and of the one before
	changes  int    // in this batch
}

// NewFilter makes a filter of n sensors.
func NewFilter(n int, l Limits) *Filter {
	f := &Filter{limits: l.withDefaults(), tracks: make([]track, n), others: make([]float64, 0, n)}
	for i := range f.tracks {
		f.tracks[i].step = math.Inf(1)
	}
	return f
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	if l.Low == 0 {
		l.Low = d.Low
	}
	if l.High == 0 {
		l.High = d.High
	}
	for _, p := range []struct{ value, preset *float64 }{
		{&l.Rate, &d.Rate}, {&l.Surprise, &d.Surprise}, {&l.Stuck, &d.Stuck}, {&l.Apart, &d.Apart},
	} {
		if *p.value == 0 {
			*p.value = *p.preset
		}
	}
	if l.Stale == 0 {
		l.Stale = d.Stale
	}
	if l.Probation == 0 {
		l.Probation = d.Probation
	}
	return l
}

// Update sets the quality of readings and, where it is not good, the reason. There
// must be as many as the filter was made for, always in the same order.
func (f *Filter) Update(now time.Time, readings []Reading, course Course) {
	if len(readings) > len(f.tracks) {
		panic("sensors: Filter.Update: more readings than the filter was made for")
	}
	f.course.add(course)
	for i := range readings {
		r := &readings[i]
		switch {
		case r.Quality == Missing:
			f.tracks[i].lose()
		case f.stale(now, r):
			r.Quality, r.Reason = Missing, "stale"
			f.tracks[i].lose()
		case r.Quality == Estimated:
		case r.Quantity == Temperature:
			f.temperature(&f.tracks[i], r)
		default:
			if !possible(r) {
				r.Quality, r.Reason = Suspect, "out of range"
			}
		}
	}
	f.compare(readings)
}

// Drawn says whether a power tells what is drawn now, measured or estimated: what Update
// would say of it, for those who need it before they can tell Update the model's course.
func (f *Filter) Drawn(now time.Time, r *Reading) bool {
	return r.Quality <= Estimated && !f.stale(now, r) && possible(r)
}

func (f *Filter) stale(now time.Time, r *Reading) bool { return now.Sub(r.At) > f.limits.Stale }

// possible says whether a power or a speed can be.
func possible(r *Reading) bool {
	return r.Value >= 0 && (r.Quantity != Power || r.Power() <= physic.KiloWatt)
}

// lose notes that a sensor has no reading. A short gap costs no trust.
func (t *track) lose() { t.fit = time.Time{} }

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
	t.good, t.offset, t.anchor, t.near = r.At, 0, t.value-t.course, time.Time{}
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
	blind := r.At.Sub(t.seen) > l.Stale
	t.seen = r.At
	t.gap++
	low, high := -l.Rate, l.Rate // a second's worth
	if t.known && f.course.Known {
		low, high = f.course.since(t.course, t.window())
	}
	if value == t.value {
		slack := l.Stuck + 1.5*min(t.step, 1)
		switch {
		case !t.known: // there may have been no model yet when it came
			t.course, t.known = f.course.Kelvin, f.course.Known && r.Place == PlaceDie
		case low > slack || high < -slack || t.reason == "stuck":
			return "stuck"
		}
	} else {
		f.step(t, value-t.value, low, high, blind)
		f.moved(t, r, value)
	}
	if math.Abs(t.offset) > l.Surprise && !f.agrees(t, r.At, value) {
		return "jumped"
	}
	return ""
}

// agrees says whether a sensor that jumped is right all the same: its jumps were
// small and no more came, or it has for a while shown what the model expects since it was
// believed. Then it was the jumps that were misjudged.
func (f *Filter) agrees(t *track, at time.Time, value float64) bool {
	need := agreeing
	if size := math.Abs(t.offset); size > 1.5*f.limits.Surprise {
		if size > 2*f.limits.Surprise {
			need *= 3
		}
		if !t.known || math.Abs(value-t.anchor-f.course.Kelvin) > agreement {
			t.near = time.Time{}
			return false
		}
	}
	if t.near.IsZero() {
		t.near = at
	}
	return at.Sub(t.near) > need
}

// step looks at a change of value, when the model expects one between low and high.
// After a time without readings the model knows less, and what is back to its senses
// is believed more easily: only what leaps from one reading to the next is an offset.
func (f *Filter) step(t *track, change, low, high float64, blind bool) {
	allowed := f.limits.Surprise
	if t.reason == "stuck" || blind {
		allowed += unseen + adrift*max(math.Abs(low), math.Abs(high))
	}
	surprise := change - bound(change, low, high)
	if math.Abs(surprise) > allowed {
		// Counted without doubt, so that a jump and its way back cancel.
		t.offset += change
		if t.known {
			t.offset -= f.course.Kelvin - t.course
		}
		t.near = time.Time{}
	}
}

// moved keeps a value.
func (f *Filter) moved(t *track, r *Reading, value float64) {
	if t.begun {
		t.paced()
		t.step = min(t.step, max(1e-6, math.Abs(value-t.value)))
	}
	t.begun, t.value, t.seen = true, value, r.At
	t.course, t.known = f.course.Kelvin, f.course.Known && r.Place == PlaceDie
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

// paced learns how often the sensor converts from how soon its value changes again.
func (t *track) paced() {
	if t.shortest[0] == 0 || t.gap < t.shortest[0] {
		t.shortest[0] = t.gap
	}
	t.gap = 0
	if t.changes++; t.changes == batch {
		t.shortest[1], t.shortest[0], t.changes = t.shortest[0], 0, 0
	}
}

// batch is after how many changes of value the pace of a sensor is known.
const batch = 32

// window is how many updates ago the sensor may have converted last.
func (t *track) window() int {
	if t.shortest[1] == 0 {
		return conversion
	}
	return min(conversion, t.shortest[1]+2)
}

// compare leaves out what differs too much from the other temperatures of the die.
// Of two that differ the hotter one is believed: that is the safe side.
func (f *Filter) compare(readings []Reading) {
	die := func(r *Reading) bool {
		return r.Quantity == Temperature && r.Place == PlaceDie && r.Quality == Good
	}
	f.others = f.others[:0]
	for i := range readings {
		if die(&readings[i]) {
			f.others = append(f.others, readings[i].Temperature().Celsius())
		}
	}
	if len(f.others) < 2 {
		return
	}
	slices.Sort(f.others)
	middle := f.others[len(f.others)/2] // of an even number the hotter one
	for i := range readings {
		r := &readings[i]
		if die(r) && math.Abs(r.Temperature().Celsius()-middle) > f.limits.Apart {
			r.Quality, r.Reason = Suspect, "differs too much from the others"
		}
	}
}

func bound(x, low, high float64) float64 { return min(high, max(low, x)) }
