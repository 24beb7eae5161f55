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
	// Rate bounds how far a temperature that no model follows moves from one reading to
	// the next, in K (40).
	Rate float64
	// Surprise is by how much a temperature may differ from what the model expects
	// (3.2 K; half as much more of a noisy sensor, twice as much upwards after it stood for
	// long, more after silence). What stays below it goes unnoticed, so it must be less than
	// what lies between the set point and the alert.
	Surprise float64
	// Stuck is how far the model may expect a temperature to have moved that does not
	// move at all (1.6 K, and one and a half steps of the sensor; less if it never stood as long).
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

// Filter marks readings that are not plausible. It is not safe for concurrent use.
type Filter struct {
	limits Limits
	tracks []track
	course recent
	others []float64 // room for comparing
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
	if f.course.Known && !course.Known { // nothing is known of what was between
		for i := range f.tracks {
			f.tracks[i].restart()
		}
	}
	f.course.add(course)
	for i := range readings {
		r := &readings[i]
		f.tracks[i].age++
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

// possible says whether a power or a speed can be. A board that runs draws something.
func possible(r *Reading) bool {
	if r.Quantity == Power && r.Place == PlaceTotal && r.Value == 0 {
		return false
	}
	return r.Value >= 0 && (r.Quantity != Power || r.Power() <= physic.KiloWatt)
}

// compare leaves out what differs too much from the other temperatures of the die. What
// counts is the hottest that another one stands beside, or of two the hotter: that is
// the safe side. One that is alone above all others is the odd one, and what
// is far below tells nothing of the hottest point.
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
	hottest := f.others[len(f.others)-1]
	for i := len(f.others) - 1; i > 0 && len(f.others) > 2; i-- {
		if f.others[i]-f.others[i-1] <= f.limits.Apart {
			hottest = f.others[i]
			break
		}
	}
	for i := range readings {
		r := &readings[i]
		if !die(r) {
			continue
		}
		if t := r.Temperature().Celsius(); t > hottest || t < hottest-f.limits.Apart {
			r.Quality, r.Reason = Suspect, "differs too much from the others"
		}
	}
}

func bound(x, low, high float64) float64 { return min(high, max(low, x)) }
