package thermal

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/sensors"
)

const tick = 100 * time.Millisecond

func celsius(t float64) physic.Temperature {
	return physic.ZeroCelsius + physic.Temperature(t*float64(physic.Kelvin))
}

func power(w float64) physic.Power { return physic.Power(w * float64(physic.Watt)) }

// defaults are a board that draws 1 to 8 W and that nominal describes.
var defaults = Options{
	SetPoint: DefaultSetPoint, Alert: DefaultAlert, Shutdown: DefaultShutdown,
	Start: board.Thermal{
		DieResistance: nominal.r1, DieCapacity: nominal.c1,
		BoardResistance: nominal.r2, BoardCapacity: nominal.c2, AmbientAssumed: celsius(nominal.ta),
	},
	Least: power(1), Most: power(8),
}

// loop is a controller on a board: a plant of two nodes that draws idle power and, as
// much as its load and the controller allow, more.
type loop struct {
	controller    *Controller
	filter        *sensors.Filter
	truth         model
	x             temps
	idle, dynamic float64 // W
	load          float64 // 0 to 1
	noise         float64 // of the sensor, K
	quantum       float64 // K
	random        *rand.Rand
	tamper        func(celsius float64) (seen float64, ok bool) // may be nil

	now      time.Duration
	drawn    float64
	bound    bool
	decision Decision
	readings []sensors.Reading
	changes  int
	hottest  float64
}

func newLoop() *loop {
	l := &loop{
		controller: NewController(defaults), filter: sensors.NewFilter(1, sensors.Limits{}),
		truth: nominal, idle: 1, dynamic: 7, load: 1, noise: 0.05, quantum: 0.01, drawn: 1,
		random:   rand.New(rand.NewPCG(42, 1)),
		readings: []sensors.Reading{{Info: &sensors.Info{Name: "die", Place: sensors.PlaceDie}}},
	}
	l.rest()
	return l
}

// rest puts the plant where idle power takes it.
func (l *loop) rest() {
	l.x.board = l.truth.ta + l.idle*l.truth.r2
	l.x.die = l.x.board + l.idle*l.truth.r1
}

func (l *loop) step() Decision {
	seen, ok := math.Round((l.x.die+l.noise*l.random.NormFloat64())/l.quantum)*l.quantum, true
	if l.tamper != nil {
		seen, ok = l.tamper(seen)
	}
	r := &l.readings[0]
	r.Value, r.At, r.Quality, r.Reason = int64(celsius(seen)), time.Unix(0, 0).Add(l.now), sensors.Good, ""
	if !ok {
		r.Quality = sensors.Missing
	}
	l.filter.Update(r.At, l.readings, l.controller.Predict(l.now, power(l.drawn)))
	l.decision = l.controller.Step(Input{
		Temperature: r.Temperature(), Trusted: r.Quality == sensors.Good, Suspect: r.Quality == sensors.Suspect, Bound: l.bound,
	})
	if l.decision.Changed {
		l.changes++
	}
	l.bound = l.load > l.decision.Share
	l.drawn = l.idle + l.dynamic*min(l.load, l.decision.Share)
	for range 10 {
		l.x = l.truth.step(l.x, l.drawn, tick.Seconds()/10)
	}
	l.hottest = max(l.hottest, l.x.die)
	l.now += tick
	return l.decision
}

// run goes on for a while, with a look at each step.
func (l *loop) run(d time.Duration, look func()) {
	for end := l.now + d; l.now < end; {
		l.step()
		if look != nil {
			look()
		}
	}
}

const set = 70.0 // °C

// exercise gives identification some steps of power to learn from.
func (l *loop) exercise() {
	for range 6 {
		l.load = 0
		l.run(30*time.Second, nil)
		l.load = 1
		l.run(time.Minute, nil)
	}
}

func TestColdStartHoldsTheTarget(t *testing.T) {
	for _, tt := range []struct {
		name     string
		exercise bool
		within   float64 // K of the target, in the mean
	}{
		{"the load never changes", false, 1.2}, // the model stays a guess
		{"after steps of load", true, 0.5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLoop()
			l.run(10*time.Minute, nil)
			if tt.exercise {
				l.exercise()
			}
			l.run(5*time.Minute, nil)
			if l.hottest > set+0.5 {
				t.Errorf("it reached %.2f °C on the way", l.hottest)
			}
			low, high, off := math.Inf(1), math.Inf(-1), 0.0
			l.run(5*time.Minute, func() {
				low, high = min(low, l.x.die), max(high, l.x.die)
				off += (l.x.die - l.controller.target()) / (5 * 60 * 10)
				if l.decision.Mode != Predictive || l.decision.Alarm != None {
					t.Fatalf("at %v: %+v", l.now, l.decision)
				}
			})
			if high > set+0.5 || high-low > 1 || math.Abs(off) > tt.within {
				t.Errorf("settled, the die is between %.2f and %.2f °C, in the mean %.2f from the target", low, high, off)
			}
			t.Logf("settled, the die is between %.2f and %.2f °C, in the mean %.2f from the target", low, high, off)
		})
	}
}

func TestLoadStepsDoNotOvershoot(t *testing.T) {
	for name, change := range map[string]func(*loop){
		"as the profile says": func(*loop) {},
		"slow, weak die":      func(l *loop) { l.truth.r1, l.truth.c1 = 1.5, 7 },
		"fast, hot die":       func(l *loop) { l.truth.r1, l.truth.c1 = 5, 0.3 },
		"larger board":        func(l *loop) { l.truth.c2 = 100 },
		"hot day":             func(l *loop) { l.truth.ta = 45 },
		"cold day, more load": func(l *loop) { l.truth.ta = -10; l.dynamic = 12 },
		"coarse sensor":       func(l *loop) { l.quantum = 1; l.noise = 0.2 },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop()
			change(l)
			l.rest()
			for range 8 {
				l.load = 0
				l.run(45*time.Second, nil)
				l.load = 1
				l.run(2*time.Minute, nil)
			}
			if l.hottest > set+0.5 {
				t.Errorf("it reached %.2f °C", l.hottest)
			}
			if l.hottest < set-2 {
				t.Errorf("it never came near the set point: %.2f °C", l.hottest)
			}
		})
	}
}

// A long time with nothing to do must not leave a law wound up.
func TestNoWindup(t *testing.T) {
	// The PI law has gains for any board, so that it passes the set point for a while.
	for mode, above := range map[Mode]float64{Predictive: 0.5, Proportional: 2} {
		t.Run(mode.String(), func(t *testing.T) {
			l := newLoop()
			hold := func() {
				if mode == Proportional {
					l.controller.monitor = monitor{bad: true}
				}
			}
			hold()
			l.run(10*time.Minute, hold)
			l.load, l.hottest = 0.02, 0
			l.run(20*time.Minute, hold)
			if l.decision.Mode != mode {
				t.Fatalf("mode %v", l.decision.Mode)
			}
			l.load = 1
			l.run(10*time.Minute, hold)
			if l.hottest > set+above {
				t.Errorf("after a long rest it reached %.2f °C", l.hottest)
			}
			if l.hottest < set-3 {
				t.Errorf("it only reached %.2f °C: work was left undone", l.hottest)
			}
		})
	}
}

func TestPIStaysWithinItsBounds(t *testing.T) {
	var p pi
	for range 10_000 {
		if got := p.power(10, 1, 0.1, 1, 8, false); got < 1 || got > 8 {
			t.Fatalf("%v W", got)
		}
	}
	if p.integral > 1+0.1*8 {
		t.Errorf("at rest the integral grew to %v W", p.integral)
	}
	for range 10_000 {
		p.power(50, 8, 0.1, 1, 8, true)
	}
	if p.integral > 8 {
		t.Errorf("under load the integral grew to %v W", p.integral)
	}
	if got := p.power(-20, 8, 0.1, 1, 8, true); got > 5 {
		t.Errorf("20 K too hot, %v W", got)
	}
	p.follow(3)
	if got := p.power(0, 3, 0.1, 1, 8, true); math.Abs(got-3) > 0.01 {
		t.Errorf("taking over at 3 W it asks for %v W", got)
	}
}

func TestDropout(t *testing.T) {
	dead := func(float64) (float64, bool) { return 0, false }
	t.Run("short", func(t *testing.T) {
		l := newLoop()
		l.run(15*time.Minute, nil)
		share := l.decision.Share
		l.tamper = dead
		l.run(1900*time.Millisecond, func() {
			if l.decision.Mode != Predictive || math.Abs(l.decision.Share-share) > 0.1 {
				t.Fatalf("at %v: %+v, share before %.3f", l.now, l.decision, share)
			}
		})
	})
	t.Run("long", func(t *testing.T) {
		l := newLoop()
		l.run(15*time.Minute, nil)
		share := l.decision.Share
		l.tamper, l.changes = dead, 0
		l.run(2500*time.Millisecond, nil)
		l.run(time.Minute, func() {
			if d := l.decision; d.Mode != Safest || d.Share > 0.02 || d.Reason == "" || d.Power > defaults.Least || d.Cooling != 1 {
				t.Fatalf("at %v: %+v", l.now, d)
			}
		})
		if l.changes == 0 || l.changes > 10 {
			t.Errorf("%d changes were told of", l.changes)
		}
		l.tamper, l.hottest = nil, 0
		back := time.Duration(-1)
		began := l.now
		l.run(30*time.Second, func() {
			if back < 0 && l.decision.Mode == Predictive && l.decision.Share >= share {
				back = l.now - began
			}
		})
		if back < 0 {
			t.Errorf("not back at a share of %.2f after 30 s: %+v", share, l.decision)
		}
		l.run(2*time.Minute, nil)
		if l.hottest > set+0.5 {
			t.Errorf("on its way back it reached %.2f °C", l.hottest)
		}
	})
	t.Run("from the beginning", func(t *testing.T) {
		l := newLoop()
		l.tamper = dead
		l.run(time.Minute, func() {
			if d := l.decision; d.Mode != Safest || d.Reason == "" || d.Share > 0.02 {
				t.Fatalf("at %v: %+v", l.now, d)
			}
		})
	})
}

// What the filter calls implausible means least work at the very step, and what it
// lets through again ends it.
func TestSuspect(t *testing.T) {
	for name, tamper := range map[string]func(float64) (float64, bool){
		"-89 °C":    func(float64) (float64, bool) { return -89, true },
		"jump down": func(c float64) (float64, bool) { return c - 30, true },
		"jump up":   func(c float64) (float64, bool) { return c + 30, true },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop()
			l.run(10*time.Minute, nil)
			l.exercise()
			l.run(5*time.Minute, nil)
			share := l.decision.Share
			l.tamper, l.hottest = tamper, 0
			l.run(time.Minute, func() {
				if d := l.decision; d.Mode != Safest || d.Share > 0.02 || d.Alarm != None {
					t.Fatalf("at %v: %+v", l.now, d)
				}
			})
			l.tamper = nil
			l.run(30*time.Second, nil)
			if d := l.decision; d.Mode != Predictive || d.Share < 0.9*share {
				t.Errorf("after 30 s: %+v, share before %.3f", d, share)
			}
			if l.hottest > set+0.5 {
				t.Errorf("it reached %.2f °C", l.hottest)
			}
		})
	}
}

// A sensor that sticks below the set point while load comes is found out in time.
func TestStuckUnderLoad(t *testing.T) {
	l := newLoop()
	l.run(10*time.Minute, nil)
	l.load = 0
	l.run(3*time.Minute, nil)
	at, _ := math.Modf(l.x.die)
	l.tamper = func(float64) (float64, bool) { return at, true }
	l.load, l.hottest = 1, 0
	l.run(2*time.Minute, nil)
	if l.decision.Mode != Safest {
		t.Errorf("after two minutes: %+v", l.decision)
	}
	if l.hottest > 75 {
		t.Errorf("it reached %.2f °C", l.hottest)
	}
}

// One that was dead before the start never showed that it can move. The power tells.
func TestDeadFromTheStart(t *testing.T) {
	l := newLoop()
	l.tamper = func(float64) (float64, bool) { return 35, true }
	l.load = 0.05
	l.run(2*time.Minute, nil)
	l.load = 1
	l.run(2*time.Minute, nil)
	if l.decision.Mode != Safest || l.hottest > 85 {
		t.Errorf("%+v; it reached %.1f °C", l.decision, l.hottest)
	}
}

// A load that never changes teaches little, but jumps must be seen all the same.
func TestJumpUnderConstantLoad(t *testing.T) {
	for _, by := range []float64{-39, -20, -10, 30} {
		l := newLoop()
		l.run(15*time.Minute, nil)
		l.hottest = 0
		l.tamper = func(c float64) (float64, bool) { return c + by, true }
		l.run(time.Minute, func() {
			if l.decision.Alarm != None {
				t.Fatalf("by %v K: %+v", by, l.decision)
			}
		})
		if l.decision.Mode != Safest || l.hottest > 75 {
			t.Errorf("by %v K: %+v; it reached %.1f °C", by, l.decision, l.hottest)
		}
	}
}

// The least work is that of a share of 0, whatever the profile says of what it draws.
func TestSafestIsTheLeastWork(t *testing.T) {
	for _, tt := range []struct{ idle, dynamic float64 }{{0.3, 2}, {1, 7}, {0.5, 4}, {2, 8}} {
		l := newLoop()
		l.idle, l.dynamic = tt.idle, tt.dynamic
		l.rest()
		l.run(10*time.Minute, nil)
		l.tamper = func(float64) (float64, bool) { return -89, true }
		l.run(time.Minute, nil)
		if d := l.decision; d.Mode != Safest || d.Share > 0.01 {
			t.Errorf("idle %v W, dynamic %v W: %+v", tt.idle, tt.dynamic, d)
		}
	}
}

// A moment of silence is no excuse for another temperature.
func TestOffsetAfterSilence(t *testing.T) {
	for _, by := range []float64{-12, -20} {
		l := newLoop()
		l.load = 0.3
		l.run(5*time.Minute, nil)
		l.load = 1
		l.run(5*time.Minute, nil)
		l.hottest = 0
		l.tamper = func(float64) (float64, bool) { return 0, false }
		l.run(1500*time.Millisecond, nil)
		l.tamper = func(c float64) (float64, bool) { return c + by, true }
		l.run(time.Minute, nil)
		if l.hottest > 75 || l.decision.Mode != Safest {
			t.Errorf("by %v K: it reached %.1f °C, %+v", by, l.hottest, l.decision)
		}
	}
}

// A process that was stopped, for a moment or for long, finds another temperature. It is
// believed at once, and what was learned of the board stays.
func TestStoppedProcess(t *testing.T) {
	for _, gap := range []time.Duration{3 * time.Second, 8 * time.Second, time.Minute, time.Hour} {
		l := newLoop()
		l.load = 0.2
		l.run(5*time.Minute, nil)
		l.load = 1
		l.run(10*time.Minute, nil)
		before := l.controller.model
		for range gap / tick {
			l.x = l.truth.step(l.x, l.idle, tick.Seconds())
		}
		l.now += gap
		l.drawn = l.idle
		l.run(5*time.Second, nil)
		l.hottest = 0
		l.run(10*time.Minute, func() {
			if l.decision.Mode == Safest {
				t.Fatalf("%v after %v: %+v", l.now, gap, l.decision)
			}
		})
		if l.hottest > set+0.5 {
			t.Errorf("after %v it reached %.1f °C", gap, l.hottest)
		}
		if q := l.controller.model.r1 / before.r1; q > 1.5 || q < 1/1.5 {
			t.Errorf("after %v R1 is %.2f, it was %.2f", gap, l.controller.model.r1, before.r1)
		}
	}
}

func TestAlarm(t *testing.T) {
	c := NewController(defaults)
	now := time.Duration(0)
	for i, tt := range []struct {
		celsius float64
		want    Alarm
	}{
		{60, None}, {74.9, None}, {75, Alert}, {74, Alert}, {73.1, Alert}, {72.9, None},
		{74.9, None}, {84.9, Alert}, {85, Shutdown}, {84, Shutdown}, {83.1, Shutdown}, {82.9, Alert},
		{84.9, Alert}, {90, Shutdown}, {60, Alert}, {60, None}, {85, Shutdown},
	} {
		now += tick
		c.Predict(now, power(1))
		d := c.Step(Input{Temperature: celsius(tt.celsius), Trusted: true})
		if d.Alarm != tt.want {
			t.Fatalf("step %d, %v °C: alarm %v, want %v", i, tt.celsius, d.Alarm, tt.want)
		}
		if d.Alarm != None && (d.Mode != Safest || d.Power > defaults.Least || d.Cooling != 1 || d.Reason != reasonAlarm) {
			t.Fatalf("step %d, %v °C: %+v", i, tt.celsius, d)
		}
	}
	// What is not trusted neither raises nor lifts it.
	for _, in := range []Input{{Temperature: celsius(20)}, {Temperature: celsius(20), Suspect: true}} {
		now += tick
		c.Predict(now, power(1))
		if d := c.Step(in); d.Alarm != Shutdown {
			t.Errorf("%+v: alarm %v", in, d.Alarm)
		}
	}
	c = NewController(defaults)
	c.Predict(tick, power(1))
	if d := c.Step(Input{Temperature: celsius(100), Suspect: true}); d.Alarm != None {
		t.Errorf("100 °C that are not plausible: alarm %v", d.Alarm)
	}
}

// A board that heats by a pattern of its own is not one the model can foresee: the PI
// law takes over, says so, and the model has the word again when it is right again.
func TestFallsBackAndReturns(t *testing.T) {
	l := newLoop()
	c := l.controller
	l.exercise() // so that the model is known
	if l.decision.Mode != Predictive {
		t.Fatalf("before: %+v", l.decision)
	}
	fell := false
	for i := range 3000 {
		l.now += tick
		die := 45 + 18*math.Sin(2*math.Pi*float64(i)/150)
		c.Predict(l.now, power(4))
		if d := c.Step(Input{Temperature: celsius(die), Trusted: true, Bound: true}); d.Mode == Proportional {
			if d.Reason != reasonModel {
				t.Fatalf("reason %q", d.Reason)
			}
			fell = true
		}
	}
	if !fell {
		t.Fatal("the model was never given up")
	}
	back := time.Duration(-1)
	began := l.now
	for i := 0; l.now < began+20*time.Minute; i++ {
		l.load = float64((i / 300) % 2)
		if l.step(); l.decision.Mode != Predictive {
			back = -1
		} else if back < 0 {
			back = l.now - began
		}
	}
	if back < 0 || back > 10*time.Minute {
		t.Errorf("the model is used again after %v", back)
	}
	t.Logf("predictive again %v after the board obeys", back)
}

// At rest budgets must not flutter: each one turns something, and what is told is logged.
func TestChangesAreFew(t *testing.T) {
	for _, tt := range []struct {
		name           string
		noise, quantum float64
	}{{"fine sensor", 0.02, 0.001}, {"usual sensor", 0.05, 0.1}, {"noisy sensor", 0.5, 0.1}, {"coarse sensor", 0.2, 1}} {
		l := newLoop()
		l.noise, l.quantum = tt.noise, tt.quantum
		l.run(20*time.Minute, nil)
		l.changes = 0
		moves, last, before := 0, l.now-dwell, l.decision
		l.run(10*time.Minute, func() {
			d := l.decision
			if d.Power == before.Power {
				return
			}
			if since := l.now - last; since < dwell && d.Power > before.Power && d.Mode == before.Mode {
				t.Fatalf("%s: raised %v after the last change", tt.name, since)
			}
			moves++
			last, before = l.now, d
		})
		t.Logf("%s: %.1f budgets a minute, %.1f told", tt.name, float64(moves)/10, float64(l.changes)/10)
		if moves > 2000 || l.changes > 60 {
			t.Errorf("%s: %d budgets in ten minutes, %d told", tt.name, moves, l.changes)
		}
	}
}

// What is told differs from what was told last in more than numbers, or by much.
func TestChangedTellsTheTruth(t *testing.T) {
	l := newLoop()
	told := Decision{}
	l.run(10*time.Minute, func() {
		d := l.decision
		if d.Changed {
			if d.Mode == told.Mode && d.Alarm == told.Alarm && math.Abs(d.Share-told.Share) < 0.05 && told.Reason != "" {
				t.Fatalf("at %v this is told again:\n%+v\n%+v", l.now, told, d)
			}
			told = d
		}
	})
	if told.Reason == "" {
		t.Error("nothing was told")
	}
	l.tamper = func(float64) (float64, bool) { return 0, false }
	l.run(30*time.Second, func() {
		if l.decision.Changed {
			told = l.decision
		}
	})
	if told.Mode != Safest {
		t.Errorf("that nothing is known was not told: %+v", told)
	}
}

func TestDeterminism(t *testing.T) {
	a, b := newLoop(), newLoop()
	for range 6000 {
		if x, y := a.step(), b.step(); x != y {
			t.Fatalf("at %v:\n%+v\n%+v", a.now, x, y)
		}
	}
}

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"predictive": Predictive.String(), "proportional": Proportional.String(), "safest": Safest.String(),
		"none": None.String(), "alert": Alert.String(), "shutdown": Shutdown.String(),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
