package app

import (
	"math"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/internal/config"
	"atoll/sensors"
	"atoll/sensors/sensorstest"
	"atoll/thermal"
	"atoll/thermal/actuator"
)

var twoCores = board.Energy{
	Static: 2 * physic.Watt,
	Clusters: []board.Cluster{{Cores: 2, Capacitance: 0.5, Steps: []board.Step{
		{Frequency: 500 * physic.MegaHertz, Voltage: physic.Volt}, {Frequency: 1000 * physic.MegaHertz, Voltage: physic.Volt},
	}}},
}

var (
	die    = sensors.Info{Name: "cpu-thermal", Part: "thermal zone", Quantity: sensors.Temperature, Place: sensors.PlaceDie}
	gpu    = sensors.Info{Name: "gpu-thermal", Part: "thermal zone", Quantity: sensors.Temperature, Place: sensors.PlaceDie}
	tpu    = sensors.Info{Name: "apex_0", Part: "apex", Quantity: sensors.Temperature, Place: sensors.PlaceTPU}
	nvme   = sensors.Info{Name: "nvme", Part: "hwmon", Quantity: sensors.Temperature, Place: sensors.PlaceOther}
	supply = sensors.Info{Name: "supply", Part: "ina226", Quantity: sensors.Power, Place: sensors.PlaceTotal}
	cores  = sensors.Info{Name: "cores", Part: "ina226", Quantity: sensors.Power, Place: sensors.PlaceCPU}
	energy = sensors.Info{Name: "energy model", Part: "energy model", Quantity: sensors.Power, Place: sensors.PlaceTotal}
)

func celsius(c float64) int64 {
	return int64(physic.ZeroCelsius) + int64(c*float64(physic.Celsius))
}

func watt(w float64) int64 { return int64(w * float64(physic.Watt)) }

// stand is a thermostat with readings and time as the test has them.
type stand struct {
	*thermostat
	t        testing.TB
	clock    time.Time
	readings []sensors.Reading
	applied  actuator.Setting
	applies  int
	asked    int // whether work was held back
	logged   logbook
}

func newStand(t testing.TB, infos ...sensors.Info) *stand {
	s := &stand{t: t, clock: time.Unix(1e9, 0)}
	var list []sensors.Sensor
	for i := range infos {
		list = append(list, sensorstest.NewFake(infos[i]))
		s.readings = append(s.readings, sensors.Reading{Info: &infos[i], Quality: sensors.Missing, Reason: "not read yet"})
	}
	o := heatOptions{config: config.Default().Thermal, log: zerolog.New(&s.logged)}
	s.thermostat = newThermostat(o, &board.Profile{Name: "test", Energy: twoCores, Thermal: twoNodes}, list)
	s.read = func(dst []sensors.Reading) []sensors.Reading { return append(dst[:0], s.readings...) }
	s.bound = func() bool { s.asked++; return false }
	s.apply = func(v actuator.Setting) error { s.applied = v; s.applies++; return nil }
	return s
}

// says gives a sensor another value.
func (s *stand) says(i int, value int64) {
	r := &s.readings[i]
	r.Value, r.Quality, r.Reason = value, sensors.Good, ""
	if r.Name == energy.Name {
		r.Quality = sensors.Estimated
	}
}

// fails makes a sensor's reads fail.
func (s *stand) fails(i int, reason string) {
	r := &s.readings[i]
	r.Value, r.Quality, r.Reason, r.At = 0, sensors.Missing, reason, s.clock
}

// pass ticks for d; what has been read is read again, with its value.
func (s *stand) pass(d time.Duration) {
	for range d / stepEvery {
		s.clock = s.clock.Add(stepEvery)
		for i := range s.readings {
			if s.readings[i].Quality != sensors.Missing {
				s.readings[i].At = s.clock
			}
		}
		s.tick(s.clock)
	}
}

func (s *stand) state() state { got, _ := s.State(); return got }

func (s *stand) want(what string, temperature, power float64, trusted, suspect bool) {
	s.t.Helper()
	got := s.state()
	if math.Abs(got.temperature.Celsius()-temperature) > 0.01 || got.power != physic.Power(watt(power)) ||
		got.trusted != trusted || got.suspect != suspect {
		s.t.Errorf("%s: %.2f °C, %v, trusted %v, suspect %v; want %v, %v W, %v, %v", what,
			got.temperature.Celsius(), got.power, got.trusted, got.suspect, temperature, power, trusted, suspect)
	}
}

// Nothing is turned before what controls has been read, and nothing waits for ever.
func TestFirstTick(t *testing.T) {
	s := newStand(t, die, nvme, energy)
	s.pass(stepEvery)
	if s.applies > 0 {
		t.Error("turned something before any sensor has answered")
	}
	s.says(0, celsius(50))
	s.says(2, watt(3))
	s.pass(stepEvery)
	s.want("answered", 50, 3, true, false)
	s.pass(10 * stepEvery)
	if s.applies != 11 || s.asked != 11 {
		t.Errorf("applied %d times, asked %d times whether work was held back, want 11 each", s.applies, s.asked)
	}

	s = newStand(t, die, energy) // neither ever answers
	s.pass(settleTime + stepEvery)
	s.want("never", physic.Temperature(0).Celsius(), 2, false, false)
	if s.applies == 0 || s.applied.Share != 0 {
		t.Errorf("applied %+v %d times, want the least", s.applied, s.applies)
	}
	if got := s.logged.records(t, "sensor is left out"); len(got) != 2 {
		t.Errorf("told of %v, want both sensors", got)
	}
}

func TestHottestPoint(t *testing.T) {
	s := newStand(t, die, gpu, tpu, nvme, energy)
	for i, v := range []float64{50, 52, 48, 90} {
		s.says(i, celsius(v))
	}
	s.says(4, watt(3))
	s.pass(time.Second)
	s.want("two of the die", 52, 3, true, false)
	s.fails(1, "EIO")
	s.pass(time.Second)
	s.want("one of the die", 50, 3, true, false)
	s.says(2, celsius(53)) // not more at once than is believed
	s.pass(time.Second)
	s.want("the Edge TPU", 53, 3, true, false)
	s.fails(0, "EIO")
	s.pass(time.Second)
	s.want("no die: the last is kept", 53, 3, false, false)
}

func TestSuspectSensorIsSafest(t *testing.T) {
	s := newStand(t, die, energy)
	s.says(0, celsius(50))
	s.says(1, watt(3))
	s.pass(5 * time.Second)
	if s.applied.Share == 0 {
		t.Fatalf("share 0 at 50 °C")
	}
	for name, bad := range map[string]float64{"dead": -89, "jumped": 99} {
		s.says(0, celsius(bad))
		s.pass(stepEvery)
		s.want(name, 50, 3, false, true)
		if s.applied.Share != 0 || s.state().decision.Mode != thermal.Safest {
			t.Errorf("%s: share %v, %v; want the least work", name, s.applied.Share, s.state().decision.Mode)
		}
		s.says(0, celsius(50))
		s.pass(30 * time.Second) // what is promised
		s.want(name+", back", 50, 3, true, false)
		if s.applied.Share == 0 {
			t.Errorf("%s: still safest 30 s after its return", name)
		}
	}
}

// One bad sensor of several is left out: control goes on with the hottest of the others.
func TestSuspectSensorOfSeveral(t *testing.T) {
	for name, bad := range map[string]float64{"dead": -89, "jumped": 99} {
		s := newStand(t, die, gpu, energy)
		s.says(0, celsius(50))
		s.says(1, celsius(52))
		s.says(2, watt(3))
		s.pass(5 * time.Second)
		before := s.applied.Share
		s.says(1, celsius(bad))
		s.pass(stepEvery)
		s.want(name, 50, 3, true, false)
		if s.applied.Share < before || s.state().decision.Mode == thermal.Safest {
			t.Errorf("%s: share %v after %v, %v; want it to go on", name, s.applied.Share, before, s.state().decision.Mode)
		}
		s.says(0, celsius(bad)) // and now none is left
		s.pass(stepEvery)
		s.want(name+", both", 50, 3, false, true)
	}
}

// Fans hear of the temperature as long as it is one to be believed.
func TestFansHearTheTemperature(t *testing.T) {
	s := newStand(t, die, energy)
	s.says(0, celsius(50))
	s.says(1, watt(3))
	s.pass(2 * time.Second)
	if got := s.applied.Hottest.Celsius(); got != 50 {
		t.Errorf("fans hear of %v °C, want 50", got)
	}
	s.says(0, celsius(-89))
	s.pass(stepEvery)
	if got := s.applied.Hottest; got != 0 {
		t.Errorf("fans hear of %v, want nothing of what can't be", got)
	}
}

func TestMissingSensorIsSafest(t *testing.T) {
	s := newStand(t, die, energy)
	s.says(0, celsius(50))
	s.says(1, watt(3))
	s.pass(5 * time.Second)
	s.fails(0, "EIO")
	s.pass(5 * time.Second)
	s.want("missing", 50, 3, false, false)
	if s.applied.Share != 0 {
		t.Errorf("share %v without a sensor, want 0", s.applied.Share)
	}
	out, back := s.logged.records(t, "sensor is left out"), s.logged.records(t, "sensor is back")
	if len(out) != 1 || len(back) != 0 || out[0]["reason"] != "EIO" || out[0]["level"] != "warn" || out[0]["sensor"] != die.Name {
		t.Errorf("told %v and %v, want one warning", out, back)
	}
	s.says(0, celsius(48))
	s.pass(30 * time.Second)
	if back = s.logged.records(t, "sensor is back"); len(back) != 1 || s.applied.Share == 0 {
		t.Errorf("told %v, share %v; want it back", back, s.applied.Share)
	}
}

// A sensor that has nothing to say is not told of, as one that fails is.
func TestIdleSensor(t *testing.T) {
	s := newStand(t, die, supply, energy)
	s.says(0, celsius(50))
	s.says(2, watt(3))
	s.fails(1, "charging")
	s.readings[1].Idle = true
	s.pass(5 * time.Second)
	s.want("the battery charges", 50, 3, true, false)
	if out := s.logged.records(t, "sensor is left out"); len(out) != 0 {
		t.Errorf("told %v, want nothing", out)
	}
	s.readings[1].Idle = false
	s.pass(time.Second)
	if out := s.logged.records(t, "sensor is left out"); len(out) != 1 {
		t.Errorf("told %v, want one warning of one that fails", out)
	}
}

// A sensor that comes and goes ten times a second is told of once a minute.
func TestFlappingSensor(t *testing.T) {
	s := newStand(t, die, nvme, energy)
	s.says(0, celsius(50))
	s.says(2, watt(3))
	for i := range 6000 {
		if s.says(1, celsius(40)); i%2 == 0 {
			s.fails(1, "EAGAIN")
		}
		s.pass(stepEvery)
	}
	lines := len(s.logged.records(t, "sensor is left out")) + len(s.logged.records(t, "sensor is back"))
	if lines < 10 || lines > 11 {
		t.Errorf("%d lines in ten minutes, want one a minute", lines)
	}
}

func TestPower(t *testing.T) {
	s := newStand(t, die, cores, supply, energy)
	s.says(0, celsius(50))
	s.says(1, watt(1))
	s.says(3, watt(3))
	s.fails(2, "no such device")
	s.pass(stepEvery)
	s.want("no sensor", 50, 3, true, false)
	if !s.state().powerModelled {
		t.Error("the energy model's power counts as measured")
	}
	s.says(2, watt(4))
	s.pass(stepEvery)
	s.want("a sensor", 50, 4, true, false)
	if s.state().powerModelled {
		t.Error("a sensor's power counts as estimated")
	}
	s.says(2, watt(-4)) // wired the wrong way
	s.pass(stepEvery)
	s.want("a wrong sensor", 50, 3, true, false)
	s.fails(2, "no such device")
	s.fails(3, "no such file")
	s.pass(stepEvery)
	s.want("nothing: the last is kept", 50, 3, true, false)
}

func TestWithoutSensors(t *testing.T) {
	s := newStand(t, energy)
	s.says(0, watt(2.5))
	s.pass(time.Minute)
	s.want("balance", 50, 2.5, true, false)
	if got := s.state(); !got.modelled || !got.powerModelled {
		t.Errorf("%+v counts as measured", got)
	}
	if got := s.logged.records(t, "no temperature sensor: running on the energy model's estimate; nothing here was measured"); len(got) != 1 || got[0]["level"] != "warn" {
		t.Errorf("told %v, want one warning", got)
	}
	for _, r := range s.logged.records(t, "thermal budget") {
		if r["temperature_estimated"] != true || r["power_estimated"] != true {
			t.Errorf("budget line %v does not say what is estimated", r)
		}
	}
}

// What is held back by nothing but an estimate says so, not at every budget, and not
// where nothing is held back.
func TestHeldBackByAnEstimate(t *testing.T) {
	const message = "work is held back by an estimated temperature: add a sensor, or set [thermal] control = false"
	for _, tt := range []struct {
		name    string
		control bool
		watts   float64
		want    bool
	}{{"hot", true, 12, true}, {"cool", true, 2.5, false}, {"not controlled", false, 12, false}} {
		s := newStand(t, energy)
		if !tt.control {
			s.apply = nil
		}
		s.says(0, watt(tt.watts))
		s.pass(20 * time.Minute)
		got := s.logged.records(t, message)
		if (len(got) > 0) != tt.want || len(got) > 25 {
			t.Errorf("%s: told %d times, want any: %v", tt.name, len(got), tt.want)
		}
		if len(got) > 0 && (got[0]["level"] != "warn" || got[0]["temperature_estimated"] != true) {
			t.Errorf("%s: told %v", tt.name, got[0])
		}
	}
}

func TestAlarms(t *testing.T) {
	s := newStand(t, die, energy)
	s.says(1, watt(3))
	for c := 60.0; c <= 90; c += 0.5 {
		s.says(0, celsius(c))
		s.pass(2 * stepEvery)
	}
	for c := 90.0; c >= 60; c -= 0.5 {
		s.says(0, celsius(c))
		s.pass(2 * stepEvery)
	}
	for message, level := range map[string]string{
		"alert temperature is reached":                                 "warn",
		"shutdown temperature is reached: only the least work is done": "error",
		"below shutdown temperature again":                             "info",
		"below alert temperature again":                                "info",
	} {
		if got := s.logged.records(t, message); len(got) != 1 || got[0]["level"] != level {
			t.Errorf("%q: %v, want one of level %s", message, got, level)
		}
	}
}

// Whoever only watches turns nothing and is told of no budget, but of what is wrong.
func TestWatchOnly(t *testing.T) {
	s := newStand(t, die, energy)
	s.apply = nil
	s.says(1, watt(3))
	for c := 60.0; c <= 90; c += 0.5 {
		s.says(0, celsius(c))
		s.pass(2 * stepEvery)
	}
	if s.applies > 0 || len(s.logged.records(t, "thermal budget")) > 0 {
		t.Errorf("applied %d times: %s", s.applies, &s.logged)
	}
	if len(s.logged.records(t, "alert temperature is reached")) != 1 {
		t.Error("no alert")
	}
}

// Every budget that changes is told of, and those told of are the last applied.
func TestBudgetIsLogged(t *testing.T) {
	s := newStand(t, die, energy)
	s.says(1, watt(3))
	for c := 40.0; c <= 74; c += 0.5 {
		s.says(0, celsius(c))
		s.pass(2 * stepEvery)
	}
	lines := s.logged.records(t, "thermal budget")
	if len(lines) == 0 {
		t.Fatal("no budget was told of")
	}
	for _, r := range lines {
		for _, key := range []string{"power_w", "budget_w", "share", "mode", "reason", "temperature_c", "temperature_estimated", "power_estimated"} {
			if _, there := r[key]; !there {
				t.Fatalf("%v lacks %s", r, key)
			}
		}
	}
}

// What ticks ten times a second allocates nothing.
func TestTickDoesNotAllocate(t *testing.T) {
	for name, infos := range map[string][]sensors.Info{"measured": {energy, die, gpu, tpu, nvme, supply}, "estimated": {energy}} {
		s := newStand(t, infos...)
		s.says(0, watt(2.5))
		for i := range s.readings[1:] {
			s.says(i+1, celsius(50))
		}
		if len(infos) > 1 {
			s.says(5, watt(2.5))
		}
		s.pass(10 * time.Minute)
		if got := testing.AllocsPerRun(1000, func() { s.pass(stepEvery) }); got != 0 {
			t.Errorf("%s: %v allocations a tick, want none", name, got)
		}
	}
}

func BenchmarkTick(b *testing.B) {
	s := newStand(b, die, gpu, tpu, nvme, supply, energy)
	for i := range 4 {
		s.says(i, celsius(50))
	}
	s.says(4, watt(2.5))
	s.says(5, watt(2.5))
	s.pass(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		s.pass(stepEvery)
	}
}

// A power sensor beside the model says how much more, or less, work draws than modelled.
func TestPowerCorrects(t *testing.T) {
	idle := float64(twoCores.Static) / float64(physic.Watt)
	for _, c := range []struct {
		name               string
		measured, modelled float64 // W above idle
		want               float64 // 0: nothing is said
	}{
		{"as modelled", 2, 2, 1},
		{"more", 3, 2, 1.5},
		{"much more", 40, 2, 4},
		{"less than idle", -0.2, 2, 0.25},
		{"idle", 1, 0, 0},
	} {
		s := newStand(t, die, supply, energy)
		got := 0.0
		s.correct = func(times float64) { got = times }
		s.says(0, int64(physic.ZeroCelsius+50*physic.Celsius))
		s.says(1, watt(idle+c.measured))
		s.says(2, watt(idle+c.modelled))
		s.pass(time.Second)
		if math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s: %v times, want %v", c.name, got, c.want)
		}
	}
	s := newStand(t, die, energy) // what is modelled twice says nothing
	s.correct = func(float64) { t.Error("corrected without a sensor") }
	s.says(1, watt(idle+2))
	s.pass(time.Second)
}
