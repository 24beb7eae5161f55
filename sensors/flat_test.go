package sensors_test

import (
	"testing"
	"time"

	"atoll/sensors"
)

// flat is a filter with one coarse sensor of the die.
type flat struct {
	filter  *sensors.Filter
	list    []sensors.Reading
	at      time.Time
	die     float64 // °C, as the sensor says
	byPower float64 // K, as the model expects
	slow    float64 // K that may have come from the surroundings
}

func newFlat() *flat {
	return &flat{filter: sensors.NewFilter(1, sensors.Limits{}), list: []sensors.Reading{dieSensor("die")}, at: filterEpoch, die: 60}
}

func (f *flat) step() sensors.Reading {
	f.at = f.at.Add(tick)
	f.list[0].Value, f.list[0].At, f.list[0].Quality, f.list[0].Reason = kelvins(f.die), f.at, sensors.Good, ""
	c := course(f.byPower, 0.1)
	c.Kelvin += f.slow
	c.Slow = f.slow
	f.filter.Update(f.at, f.list, c)
	return f.list[0]
}

// flip lets the value go to and fro by a step, each for so many updates.
func (f *flat) flip(t *testing.T, step float64, every int) {
	for i := range 100 {
		f.die = 60 + step*float64(i%2)
		for range every {
			if r := f.step(); r.Quality != sensors.Good {
				t.Fatalf("flip %d: %s", i, r.Reason)
			}
		}
	}
}

// A value that stands for far longer than ever, while power should have moved it by more
// than a step, is stuck. One that often stands as long is not, nor one that may stand
// because the surroundings took back what power did.
func TestFlatIsConspicuous(t *testing.T) {
	for _, tt := range []struct {
		name          string
		every         int
		byPower, slow float64 // K in 30 s
		want          string
	}{
		{"stands for longer than ever", 5, 2.5, 0, "stuck"},
		{"falling power", 5, -2.5, 0, "stuck"},
		{"often stands as long", 150, 2.5, 0, ""},
		{"taken back by the surroundings", 5, 2.5, -2, ""},
		{"at rest", 5, 0.3, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFlat()
			f.flip(t, 1, tt.every)
			var r sensors.Reading
			for range 300 {
				f.byPower += tt.byPower / 300
				f.slow += tt.slow / 300
				r = f.step()
			}
			if r.Reason != tt.want {
				t.Errorf("%v %q, want %q", r.Quality, r.Reason, tt.want)
			}
			f.die += 2 // it moves again
			if r = f.step(); r.Quality != sensors.Good {
				t.Errorf("once it moves: %v %q", r.Quality, r.Reason)
			}
		})
	}
}

// A value that stood for longer than ever and leaps was stuck, or lies now. To believe
// that it is warmer costs work at most, to believe that it is colder the board.
func TestLeapAfterFlat(t *testing.T) {
	for _, tt := range []struct {
		leap float64
		want string
	}{{5, ""}, {-5, "jumped"}, {12, "jumped"}, {3, ""}, {-3, ""}} {
		f := newFlat()
		f.flip(t, 1, 5)
		for range 100 {
			f.step()
		}
		f.die += tt.leap
		if r := f.step(); r.Reason != tt.want {
			t.Errorf("by %v K: %q, want %q", tt.leap, r.Reason, tt.want)
		}
		if tt.want != "" {
			continue
		}
		for i := range 100 { // with its usual flips, then back
			f.die += float64(1 - 2*(i%2))
			f.step()
		}
		f.die -= tt.leap
		if r := f.step(); r.Quality != sensors.Good {
			t.Errorf("back from %v K: %q", tt.leap, r.Reason)
		}
	}
}

// What was believed once is no excuse for a lie much later.
func TestPardonEnds(t *testing.T) {
	f := newFlat()
	f.flip(t, 1, 5)
	for range 100 {
		f.step()
	}
	f.die += 5
	f.step()
	for i := range 2000 {
		f.die += float64(1 - 2*(i%2))
		f.step()
	}
	f.die -= 5
	if r := f.step(); r.Reason != "jumped" {
		t.Errorf("three minutes after a leap of 5 K, back: %v %q", r.Quality, r.Reason)
	}
}

// Two small jumps that cancel within a moment were noise.
func TestSmallJumpAndBack(t *testing.T) {
	f := newFlat()
	f.flip(t, 0.1, 5)
	f.die += 4
	if r := f.step(); r.Reason != "jumped" {
		t.Fatalf("by 4 K: %q", r.Reason)
	}
	f.die -= 3
	for i := range 60 {
		if f.step().Quality == sensors.Good {
			return
		}
		if i > 50 {
			t.Fatalf("not believed %v after it came back", time.Duration(i)*tick)
		}
	}
}
