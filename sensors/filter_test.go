package sensors_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"
	"pgregory.net/rapid"

	"atoll/sensors"
)

// tick is the time between two updates, as in a run.
const tick = 100 * time.Millisecond

var filterEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func kelvins(celsius float64) int64 {
	return int64(physic.ZeroCelsius) + int64(celsius*float64(physic.Kelvin))
}

func dieSensor(name string) sensors.Reading {
	return sensors.Reading{Info: &sensors.Info{Name: name, Quantity: sensors.Temperature, Place: sensors.PlaceDie}}
}

// watched is a filter with one sensor of the die, whose true temperature is a board's
// under a load that steps every ten seconds.
type watched struct {
	filter     *sensors.Filter
	at         time.Time
	die        float64 // °C
	withCourse bool
	readings   []sensors.Reading
}

func newWatched(withCourse bool) *watched {
	return &watched{
		filter: sensors.NewFilter(1, sensors.Limits{}), at: filterEpoch, die: 50, withCourse: withCourse,
		readings: []sensors.Reading{dieSensor("die")},
	}
}

// step moves the board on by a tick; tamper may change the reading that is due.
func (w *watched) step(tamper func(*sensors.Reading)) sensors.Reading {
	w.at = w.at.Add(tick)
	goal := 50.0
	if int(w.at.Sub(filterEpoch)/(10*time.Second))%2 == 1 {
		goal = 62
	}
	w.die += (goal - w.die) * 0.04
	r := &w.readings[0]
	r.Value, r.At, r.Quality, r.Reason = kelvins(math.Round(w.die*10)/10), w.at, sensors.Good, ""
	if tamper != nil {
		tamper(r)
	}
	expected := course(w.die-20, 0.2)
	expected.Known = w.withCourse
	w.filter.Update(w.at, w.readings, expected)
	return *r
}

// course is one that may be wrong by a share of each change.
func course(kelvin, doubt float64) sensors.Course {
	c := sensors.Course{Kelvin: kelvin, Known: true}
	for i := range c.Ways {
		c.Ways[i] = kelvin * (1 + doubt*float64(1-2*(i%2)))
	}
	return c
}

func shifted(by float64) func(*sensors.Reading) {
	return func(r *sensors.Reading) { r.Value += int64(by * float64(physic.Kelvin)) }
}

func fixed(celsius float64) func(*sensors.Reading) {
	return func(r *sensors.Reading) { r.Value = kelvins(celsius) }
}

func missing(r *sensors.Reading) { r.Quality, r.Reason = sensors.Missing, "no answer" }

// A fault of any kind is marked within a bounded time and for as long as it lasts,
// and the sensor is believed again within a bounded time of its end.
func TestFaultsOfTemperature(t *testing.T) {
	stuckAt := int64(0)
	var staleAt time.Time
	for _, tt := range []struct {
		name    string
		course  bool
		tamper  func(*sensors.Reading)
		quality sensors.Quality
		reason  string
		noticed time.Duration // within, of its beginning
		back    time.Duration // within, of its end
	}{
		{"-89 °C", true, fixed(-89), sensors.Suspect, "out of range", tick, 5 * time.Second},
		{"-89 °C without a model", false, fixed(-89), sensors.Suspect, "out of range", tick, 5 * time.Second},
		{"200 °C", true, fixed(200), sensors.Suspect, "out of range", tick, 5 * time.Second},
		{"absolute zero", true, func(r *sensors.Reading) { r.Value = 0 }, sensors.Suspect, "out of range", tick, 5 * time.Second},
		{"the greatest value", true, func(r *sensors.Reading) { r.Value = math.MaxInt64 }, sensors.Suspect, "out of range", tick, 5 * time.Second},
		{"the least value", true, func(r *sensors.Reading) { r.Value = math.MinInt64 }, sensors.Suspect, "out of range", tick, 5 * time.Second},
		{"jump up", true, shifted(20), sensors.Suspect, "jumped", tick, 5 * time.Second},
		{"jump down", true, shifted(-20), sensors.Suspect, "jumped", tick, 5 * time.Second},
		{"jump up without a model", false, shifted(55), sensors.Suspect, "jumped", tick, 5 * time.Second},
		{"jump down without a model", false, shifted(-60), sensors.Suspect, "jumped", tick, 5 * time.Second},
		{"stuck", true, func(r *sensors.Reading) { r.Value = stuckAt }, sensors.Suspect, "stuck", 15 * time.Second, 2 * time.Second},
		{"stale", true, func(r *sensors.Reading) { r.At = staleAt }, sensors.Missing, "stale", 1200 * time.Millisecond, 2 * time.Second},
		{"missing", true, missing, sensors.Missing, "no answer", tick, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWatched(tt.course)
			for range 305 {
				r := w.step(nil)
				stuckAt, staleAt = r.Value, r.At
				if r.Quality != sensors.Good {
					t.Fatalf("%v before the fault: %s", r.Quality, r.Reason)
				}
			}
			noticed := time.Duration(-1)
			for i := range 400 {
				r := w.step(tt.tamper)
				after := time.Duration(i+1) * tick
				switch {
				case r.Quality == tt.quality && r.Reason == tt.reason:
					if noticed < 0 {
						noticed = after
					}
				case noticed >= 0:
					t.Fatalf("noticed after %v, but after %v it is %v %q", noticed, after, r.Quality, r.Reason)
				}
			}
			if noticed < 0 || noticed > tt.noticed {
				t.Errorf("noticed after %v, want within %v", noticed, tt.noticed)
			}
			back := time.Duration(-1)
			for i := range 300 {
				r := w.step(nil)
				if back < 0 && r.Quality == sensors.Good {
					back = time.Duration(i+1) * tick
				}
				if back >= 0 && r.Quality != sensors.Good {
					t.Fatalf("believed after %v, but again %v %q", back, r.Quality, r.Reason)
				}
			}
			if back < 0 || back > tt.back {
				t.Errorf("believed %v after the end, want within %v", back, tt.back)
			}
		})
	}
}

// What was off for long serves a probation: one plausible reading isn't enough.
func TestProbation(t *testing.T) {
	w := newWatched(true)
	for range 300 {
		w.step(nil)
	}
	for range 100 {
		w.step(fixed(-89))
	}
	for i := range 5 {
		if r := w.step(nil); r.Quality != sensors.Suspect || r.Reason != "out of range" {
			t.Fatalf("reading %d after the fault is %v %q, want it suspect for what it was", i, r.Quality, r.Reason)
		}
	}
	w.step(fixed(-89)) // which begins it anew
	for i := range int(sensors.DefaultLimits.Probation/tick) - 1 {
		if r := w.step(nil); r.Quality != sensors.Suspect {
			t.Fatalf("believed after %v", time.Duration(i)*tick)
		}
	}
}

// Gaps shorter than a second cost no trust, whatever fills them.
func TestShortGapsCostNoTrust(t *testing.T) {
	for name, tamper := range map[string]func(*sensors.Reading){"missing": missing, "-89 °C": fixed(-89), "jump": shifted(30)} {
		t.Run(name, func(t *testing.T) {
			w := newWatched(true)
			for i := range 600 {
				if i > 100 && i%40 < 5 {
					if r := w.step(tamper); r.Quality == sensors.Good {
						t.Fatalf("update %d is believed", i)
					}
					continue
				}
				if r := w.step(nil); r.Quality != sensors.Good {
					t.Fatalf("update %d: %v %q", i, r.Quality, r.Reason)
				}
			}
		})
	}
}

// A sensor that jumped for good is believed in the end only if nothing else is known.
func TestForgottenSensorIsBelieved(t *testing.T) {
	w := newWatched(true)
	for range 300 {
		w.step(nil)
	}
	for i := range 5990 { // not quite ten minutes
		if r := w.step(shifted(20)); r.Quality == sensors.Good {
			t.Fatalf("believed after %v", time.Duration(i)*tick)
		}
	}
	for range 200 {
		if w.step(shifted(20)).Quality == sensors.Good {
			return
		}
	}
	t.Error("not believed after more than ten minutes")
}

func TestSlowDriftIsNeverSuspect(t *testing.T) {
	for _, quantum := range []float64{0.001, 0.1, 1} {
		f := sensors.NewFilter(1, sensors.Limits{})
		list := []sensors.Reading{dieSensor("die")}
		for i := range 20000 { // 40 K up and down
			way := 0.004 * float64(min(i, 20000-i))
			at := filterEpoch.Add(time.Duration(i) * tick)
			list[0].Value, list[0].At, list[0].Quality = kelvins(30+math.Round(way/quantum)*quantum), at, sensors.Good
			f.Update(at, list, course(0, 0.15))
			if list[0].Quality != sensors.Good {
				t.Fatalf("steps of %v K, update %d: %s", quantum, i, list[0].Reason)
			}
		}
	}
}

// With a course that is right within its doubt nothing that a board does is suspect,
// whatever the sensor's steps and however seldom it converts.
func TestNoFalseAlarms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r1 := rapid.Float64Range(0.5, 6).Draw(t, "r1")
		tau := rapid.Float64Range(1, 12).Draw(t, "tau")
		most := rapid.Float64Range(5, 60).Draw(t, "swing of the die") / r1
		noise := rapid.Float64Range(0, 0.45).Draw(t, "noise")
		quantum := rapid.SampledFrom([]float64{0.001, 0.0625, 0.1, 0.5, 1}).Draw(t, "quantum")
		every := rapid.IntRange(1, 10).Draw(t, "updates for each conversion")
		gain := rapid.Float64Range(0.9, 1.1).Draw(t, "gain of the model")
		r := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))

		f := sensors.NewFilter(1, sensors.Limits{})
		list := []sensors.Reading{dieSensor("die")}
		board, die, model, watts, held := 30.0, 30.0, 0.0, 0.0, 30.0
		for i := range 2000 {
			if r.IntN(30) == 0 {
				watts = most * r.Float64()
			}
			board += (0.3*r1*watts - (board - 30)) / 1000
			before := die
			die += (board + r1*watts - die) * (1 - math.Exp(-0.1/tau))
			model += gain * (die - before)
			if i%every == 0 {
				held = math.Round((die+noise*r.NormFloat64())/quantum) * quantum
			}
			at := filterEpoch.Add(time.Duration(i) * tick)
			list[0].Value, list[0].At, list[0].Quality, list[0].Reason = kelvins(held), at, sensors.Good, ""
			f.Update(at, list, course(model, 0.2))
			if list[0].Quality != sensors.Good {
				t.Fatalf("update %d at %.2f °C, read as %.2f: %s", i, die, held, list[0].Reason)
			}
		}
	})
}

func TestDisagreement(t *testing.T) {
	const no, yes = sensors.Suspect, sensors.Good
	for _, tt := range []struct {
		name  string
		temps []float64
		want  []sensors.Quality
	}{
		{"two agree", []float64{60, 75}, []sensors.Quality{yes, yes}},
		{"of two the hotter is believed", []float64{60, 85}, []sensors.Quality{no, yes}},
		{"of three the odd one is not: cold", []float64{60, 20, 62}, []sensors.Quality{yes, no, yes}},
		{"of three the odd one is not: hot", []float64{60, 62, 100}, []sensors.Quality{yes, yes, no}},
		{"of four the hotter pair is believed", []float64{30, 30, 70, 70}, []sensors.Quality{no, no, yes, yes}},
		{"two hot cores among idle ones", []float64{92, 57, 90, 58, 57}, []sensors.Quality{yes, no, yes, no, no}},
		{"of three that all differ the hottest is believed", []float64{20, 50, 90}, []sensors.Quality{no, no, yes}},
		{"one alone is believed", []float64{60}, []sensors.Quality{yes}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := sensors.NewFilter(len(tt.temps), sensors.Limits{})
			list := make([]sensors.Reading, len(tt.temps))
			for i, temp := range tt.temps {
				list[i] = dieSensor("die")
				list[i].Value, list[i].At = kelvins(temp), filterEpoch
			}
			f.Update(filterEpoch, list, sensors.Course{})
			for i, want := range tt.want {
				if got := list[i].Quality; got != want {
					t.Errorf("sensor %d at %v °C is %v, want %v", i, tt.temps[i], got, want)
				}
				if odd := strings.Contains(list[i].Reason, "differs"); odd != (want == no) {
					t.Errorf("sensor %d: reason %q", i, list[i].Reason)
				}
			}
		})
	}
}

// Only temperatures of the die that are believed are compared.
func TestDisagreementElsewhereCounts(t *testing.T) {
	place := func(p sensors.Place, q sensors.Quality) sensors.Reading {
		r := dieSensor("x")
		r.Info.Place, r.Quality, r.Value, r.At = p, q, kelvins(100), filterEpoch
		return r
	}
	for name, other := range map[string]sensors.Reading{
		"Edge TPU": place(sensors.PlaceTPU, sensors.Good), "board": place(sensors.PlaceBoard, sensors.Good),
		"estimate": place(sensors.PlaceDie, sensors.Estimated), "missing": place(sensors.PlaceDie, sensors.Missing),
	} {
		die := dieSensor("die")
		die.Value, die.At = kelvins(40), filterEpoch
		list := []sensors.Reading{die, other}
		sensors.NewFilter(2, sensors.Limits{}).Update(filterEpoch, list, sensors.Course{})
		if list[0].Quality != sensors.Good || list[1].Quality != other.Quality {
			t.Errorf("beside one of an %s: %v, and that is %v", name, list[0].Quality, list[1].Quality)
		}
	}
}

func TestOtherQuantities(t *testing.T) {
	for _, tt := range []struct {
		name     string
		quantity sensors.Quantity
		value    int64
		before   sensors.Quality
		want     sensors.Quality
		reason   string
	}{
		{"power", sensors.Power, int64(5 * physic.Watt), sensors.Good, sensors.Good, ""},
		{"no power, in all", sensors.Power, 0, sensors.Good, sensors.Suspect, "out of range"},
		{"a kilowatt", sensors.Power, int64(physic.KiloWatt), sensors.Good, sensors.Good, ""},
		{"more than that", sensors.Power, int64(physic.KiloWatt) + 1, sensors.Good, sensors.Suspect, "out of range"},
		{"negative power", sensors.Power, -1, sensors.Good, sensors.Suspect, "out of range"},
		{"estimated power stays as it is", sensors.Power, -1, sensors.Estimated, sensors.Estimated, ""},
		{"estimated temperature stays as it is", sensors.Temperature, 0, sensors.Estimated, sensors.Estimated, ""},
		{"fan", sensors.Speed, int64(50 * physic.Hertz), sensors.Good, sensors.Good, ""},
		{"fan that turns backwards", sensors.Speed, -1, sensors.Good, sensors.Suspect, "out of range"},
		{"missing power", sensors.Power, -1, sensors.Missing, sensors.Missing, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := []sensors.Reading{{
				Info:  &sensors.Info{Name: "x", Quantity: tt.quantity, Place: sensors.PlaceTotal},
				Value: tt.value, At: filterEpoch, Quality: tt.before,
			}}
			sensors.NewFilter(1, sensors.Limits{}).Update(filterEpoch, list, sensors.Course{})
			if got := list[0]; got.Quality != tt.want || got.Reason != tt.reason || got.Value != tt.value {
				t.Errorf("got %v %q %d, want %v %q %d", got.Quality, got.Reason, got.Value, tt.want, tt.reason, tt.value)
			}
		})
	}
}

// An estimate that is too old is as missing as a measurement.
func TestStaleEverywhere(t *testing.T) {
	for _, quality := range []sensors.Quality{sensors.Good, sensors.Estimated, sensors.Suspect} {
		list := []sensors.Reading{dieSensor("die")}
		list[0].Value, list[0].At, list[0].Quality = kelvins(40), filterEpoch, quality
		sensors.NewFilter(1, sensors.Limits{}).Update(filterEpoch.Add(1001*time.Millisecond), list, sensors.Course{})
		if list[0].Quality != sensors.Missing || list[0].Reason != "stale" {
			t.Errorf("%v that is too old is %v %q", quality, list[0].Quality, list[0].Reason)
		}
	}
}

func TestLimitsOfOnesOwn(t *testing.T) {
	f := sensors.NewFilter(1, sensors.Limits{High: physic.ZeroCelsius + 90*physic.Kelvin, Stale: 5 * time.Second})
	list := []sensors.Reading{dieSensor("die")}
	list[0].Value, list[0].At = kelvins(91), filterEpoch
	f.Update(filterEpoch.Add(4*time.Second), list, sensors.Course{})
	if list[0].Reason != "out of range" {
		t.Errorf("91 °C of at most 90, four seconds old of at most five: %q", list[0].Reason)
	}
}

// Fewer readings than sensors are those of the first sensors.
func TestFewerReadings(t *testing.T) {
	f := sensors.NewFilter(3, sensors.Limits{})
	list := []sensors.Reading{dieSensor("die")}
	list[0].Value, list[0].At = kelvins(40), filterEpoch
	f.Update(filterEpoch, nil, sensors.Course{})
	f.Update(filterEpoch, list, sensors.Course{})
	if list[0].Quality != sensors.Good {
		t.Errorf("%v %q", list[0].Quality, list[0].Reason)
	}
}

func TestUpdateDoesNotAllocate(t *testing.T) {
	w := newWatched(true)
	i := 0
	got := testing.AllocsPerRun(2000, func() {
		switch i++; {
		case i > 1500:
			w.step(fixed(-89))
		case i > 1000:
			w.step(shifted(20))
		default:
			w.step(nil)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations an update, want 0", got)
	}
}

func BenchmarkFilter(b *testing.B) {
	f := sensors.NewFilter(6, sensors.Limits{})
	list := make([]sensors.Reading, 6)
	for i := range list {
		list[i] = dieSensor("die")
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at := filterEpoch.Add(time.Duration(i) * tick)
		for j := range list {
			list[j].Value, list[j].At, list[j].Quality, list[j].Reason = kelvins(50+float64(i%7+j)), at, sensors.Good, ""
		}
		f.Update(at, list, course(float64(i%7), 0.2))
	}
}

// FuzzFilter gives two sensors any values at any times. What is out of range is never
// good, and what isn't good says why.
func FuzzFilter(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 200))
	seed := make([]byte, 0, 500)
	for i := range 20 {
		seed = binary.LittleEndian.AppendUint64(seed, uint64(kelvins(40+float64(i))))
		seed = binary.LittleEndian.AppendUint64(seed, uint64(tick))
		seed = binary.LittleEndian.AppendUint64(seed, math.Float64bits(float64(i)))
		seed = append(seed, 0x10)
	}
	f.Add(seed)
	l := sensors.DefaultLimits
	f.Fuzz(func(t *testing.T, data []byte) {
		filter := sensors.NewFilter(2, sensors.Limits{})
		list := []sensors.Reading{dieSensor("a"), dieSensor("b")}
		var at time.Time
		data = data[:min(len(data), 25*128)]
		for ; len(data) >= 25; data = data[25:] {
			flags := data[24]
			value := int64(binary.LittleEndian.Uint64(data))
			at = at.Add(time.Duration(binary.LittleEndian.Uint64(data[8:])))
			kelvin := math.Float64frombits(binary.LittleEndian.Uint64(data[16:]))
			for i := range list {
				list[i].Value, list[i].At, list[i].Quality, list[i].Reason = value>>(i*int(flags>>6)), at, sensors.Quality(flags&3), "before"
				if list[i].Quality == sensors.Good {
					list[i].Reason = ""
				}
			}
			if flags&4 != 0 {
				list[1].At = time.Time{}
			}
			expected := course(kelvin, float64(flags&0x20)/20)
			expected.Known = flags&0x10 != 0
			filter.Update(at, list, expected)
			for i, r := range list {
				if (r.Quality == sensors.Good) != (r.Reason == "") {
					t.Fatalf("sensor %d is %v with the reason %q", i, r.Quality, r.Reason)
				}
				if r.Quality == sensors.Good && (r.Temperature() < l.Low || r.Temperature() > l.High) {
					t.Fatalf("sensor %d is good at %v", i, r.Temperature())
				}
			}
		}
	})
}
