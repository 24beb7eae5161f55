package thermal

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"
	"pgregory.net/rapid"

	"atoll/board"
	"atoll/sensors"
)

// sound fails where a decision is not one that can be carried out.
func sound(c *Controller, course sensors.Course, d Decision) error {
	for name, v := range map[string]float64{"share": d.Share, "cooling": d.Cooling} {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("%s %v", name, v)
		}
	}
	// Changes that are small wait, so it may be a little more than can be drawn.
	if most := 1.01 * c.reach(); d.Power < 0 || watts(d.Power) > most {
		return fmt.Errorf("budget %v, want 0 to %v W", d.Power, most)
	}
	if d.Reason == "" {
		return fmt.Errorf("no reason for %+v", d)
	}
	for name, v := range map[string]float64{
		"course": course.Kelvin, "slow": course.Slow, "way": course.Ways[0], "other way": course.Ways[len(course.Ways)-1], "die": c.observer.x.die, "board": c.observer.x.board, "target": c.target(),
	} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%s %v", name, v)
		}
	}
	if c.model != c.model.bounded() {
		return fmt.Errorf("model %+v", c.model)
	}
	return nil
}

// Whatever a board does, decisions can be carried out.
func TestDecisionsAreSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := NewController(defaults)
		random := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		spread := rapid.Float64Range(0, 60).Draw(t, "spread of temperatures")
		longest := rapid.Float64Range(0.05, 20).Draw(t, "longest step")
		now := time.Duration(0)
		for range 500 {
			now += time.Duration(longest * random.Float64() * float64(time.Second))
			course := c.Predict(now, power(20*random.Float64()-2))
			d := c.Step(Input{
				Temperature: celsius(60 + spread*random.NormFloat64()),
				Trusted:     random.IntN(4) > 0, Suspect: random.IntN(10) == 0, Bound: random.IntN(2) == 0,
			})
			if err := sound(c, course, d); err != nil {
				t.Fatalf("at %v: %v", now, err)
			}
		}
	})
}

// What a profile may leave at zero must not end in what is no number.
func TestOddOptions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Options)
	}{
		{"no idle power", func(o *Options) { o.Least = 0 }},
		{"no start", func(o *Options) { o.Start = board.Thermal{} }},
		{"neither", func(o *Options) { o.Start = board.Thermal{}; o.Least = 0 }},
		{"hardly anything to control", func(o *Options) { o.Most = o.Least + physic.MilliWatt }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := defaults
			tt.change(&o)
			c := NewController(o)
			now := time.Duration(0)
			for i := range 3000 {
				now += tick
				course := c.Predict(now, o.Least+physic.Power(i%7)*(o.Most-o.Least)/6)
				d := c.Step(Input{Temperature: celsius(30 + float64(i%600)/10), Trusted: i%50 > 0, Bound: i%3 > 0})
				if err := sound(c, course, d); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
			}
		})
	}
}

// On a board that can always do everything, everything is allowed.
func TestRoom(t *testing.T) {
	l := newLoop()
	l.truth.r2 = 0.5
	l.rest()
	l.run(5*time.Minute, nil)
	if d := l.decision; d.Share < 0.999 || d.Mode != Predictive || d.Reason != reasonRoom || d.Cooling > 0.5 {
		t.Errorf("%+v at %.1f °C", d, l.x.die)
	}
}

// Where nothing helps, the least is allowed: it never gives up holding back.
func TestNoRoom(t *testing.T) {
	l := newLoop()
	l.truth.ta = 63 // idle alone leads to 74 °C
	l.rest()
	l.run(5*time.Minute, nil)
	if d := l.decision; d.Share > 0.01 || d.Cooling < 1 || d.Reason == reasonRoom {
		t.Errorf("%+v at %.1f °C", d, l.x.die)
	}
}

func TestStepDoesNotAllocate(t *testing.T) {
	l := newLoop()
	l.run(time.Minute, nil)
	if got := testing.AllocsPerRun(1000, func() { l.step() }); got != 0 {
		t.Errorf("%v allocations a step, want 0", got)
	}
	l.tamper = func(float64) (float64, bool) { return -89, true }
	if got := testing.AllocsPerRun(1000, func() { l.step() }); got != 0 {
		t.Errorf("%v allocations a step under a fault, want 0", got)
	}
}

// BenchmarkStep is one tick of one sensor: the model's course, the filter, the decision.
func BenchmarkStep(b *testing.B) {
	l := newLoop()
	l.run(2*time.Minute, nil)
	r := &l.readings[0]
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l.now += tick
		r.Value, r.At, r.Quality, r.Reason = int64(celsius(69+float64(i%10)/10)), time.Unix(0, 0).Add(l.now), sensors.Good, ""
		l.filter.Update(r.At, l.readings, l.controller.Predict(l.now, power(4+float64(i/100%2))))
		l.controller.Step(Input{Temperature: r.Temperature(), Trusted: r.Quality == sensors.Good, Bound: true})
	}
}

// FuzzStep gives a controller any sequence of times, temperatures, powers and flags,
// past its filter.
func FuzzStep(f *testing.F) {
	record := func(at time.Duration, t physic.Temperature, p physic.Power, flags byte) (b []byte) {
		b = binary.LittleEndian.AppendUint64(b, uint64(at))
		b = binary.LittleEndian.AppendUint64(b, uint64(t))
		b = binary.LittleEndian.AppendUint64(b, uint64(p))
		return append(b, flags)
	}
	var usual, wild []byte
	for i := range 30 {
		usual = append(usual, record(tick, celsius(40+float64(i)), power(4), 5)...)
		wild = append(wild, record(time.Duration(math.MinInt64+i), physic.Temperature(math.MaxInt64>>(i%3)), physic.Power(math.MinInt64), byte(i))...)
	}
	f.Add(usual)
	f.Add(wild)
	f.Add(append(append(append([]byte{}, usual...), wild...), usual...))
	f.Add(append(usual, record(0, 0, 0, 1)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := NewController(defaults)
		var now time.Duration
		data = data[:min(len(data), 25*64)]
		for ; len(data) >= 25; data = data[25:] {
			now += time.Duration(binary.LittleEndian.Uint64(data))
			temperature := physic.Temperature(binary.LittleEndian.Uint64(data[8:]))
			drawn := physic.Power(binary.LittleEndian.Uint64(data[16:]))
			in := Input{Temperature: temperature, Trusted: data[24]&1 > 0, Suspect: data[24]&2 > 0, Bound: data[24]&4 > 0}
			for range 1 + data[24]>>4 { // the same for a while
				course := c.Predict(now, drawn)
				if err := sound(c, course, c.Step(in)); err != nil {
					t.Fatalf("at %v, %v, %v, %+v: %v", now, temperature, drawn, in, err)
				}
				now += tick
			}
		}
	})
}
