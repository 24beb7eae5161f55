package doctor

import (
	"errors"
	"slices"
	"testing"
	"testing/fstest"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/sensors"
	"atoll/sensors/sensorstest"
)

func with(all ...sensors.Sensor) func(*rig) { return func(r *rig) { r.found = all } }

// silent is a sensor whose reads block until the test ends.
func silent(t *testing.T, name string, q sensors.Quantity) func(*rig) {
	return func(r *rig) {
		never := make(chan struct{})
		s := sensorstest.NewFake(sensors.Info{Name: name, Quantity: q, Place: sensors.PlaceDie}, sensorstest.Answer{Block: never})
		r.found = append(r.found, closing{s, never})
	}
}

// closing is a sensor whose Close ends its reads.
type closing struct {
	sensors.Sensor
	never chan struct{}
}

func (c closing) Close() error { close(c.never); return c.Sensor.Close() }

// failing is a sensor of the die whose reads fail.
func failing(name string) *sensorstest.Fake {
	return sensorstest.NewFake(sensors.Info{Name: name, Place: sensors.PlaceDie}, sensorstest.Answer{Err: errBroken})
}

func TestTemperature(t *testing.T) {
	problems := func(part string) func(*rig) {
		return func(r *rig) {
			r.Live.FindSensors = func() ([]sensors.Sensor, []sensors.Problem) {
				return r.found, []sensors.Problem{{Part: part, Err: errors.New("no permission")}}
			}
		}
	}
	try(t, "temperature", []state{
		{"fine", nil, OK, "cpu-thermal 50.0 °C, hottest of 1 sensor"},
		{"the hottest counts", with(temperature("a", sensors.PlaceDie, 40), temperature("b", sensors.PlaceDie, 45), temperature("far", sensors.PlaceOther, 100)), OK, "b 45.0 °C, hottest of 2 sensors"},
		{"none", with(), Warning, "no sensor"},
		{"none of the die", with(temperature("lm75", sensors.PlaceBoard, 40)), Warning, "none of the die"},
		{"above the set point", with(temperature("cpu", sensors.PlaceDie, 70)), Warning, "above the set point of 70 °C"},
		{"above the alert", with(temperature("cpu", sensors.PlaceDie, 75)), Failed, "above the alert at 75 °C"},
		{"dead", with(temperature("cpu", sensors.PlaceDie, -89)), Failed, "reads -89.0 °C, out of range"},
		{"fails", with(failing("cpu")), Failed, "cpu: broken"},
		{"one of two fails", with(temperature("a", sensors.PlaceDie, 40), failing("b")), Warning, "left out b: broken"},
		{"one of two is silent", silent(t, "b", sensors.Temperature), Warning, "b: does not answer"},
		{"one not usable", problems("hwmon"), Warning, "no permission"},
		{"a power not usable", problems("power supply"), OK, "50.0 °C"},
		{"captured", captured, Skipped, "has no temperature"},
		{"captured with zones", func(r *rig) { r.Live, r.board.Zones = nil, []board.Zone{{Type: "cpu", Temp: celsiusOf(51)}} }, Skipped, "cpu 51.0 °C"},
	})
}

func TestSensors(t *testing.T) {
	configured := func(open func(sensors.Config) (sensors.Sensor, error)) func(*rig) {
		return func(r *rig) {
			r.config.Sensors = []sensors.Config{{Name: "supply"}}
			if open != nil {
				r.Live.OpenSensor = open
			}
		}
	}
	try(t, "sensors", []state{
		{"none", nil, OK, "none configured"},
		{"answers", configured(nil), OK, "supply 4.00 W"},
		{"can't be opened", configured(func(sensors.Config) (sensors.Sensor, error) { return nil, errBroken }), Failed, "broken"},
		{"fails", configured(func(sensors.Config) (sensors.Sensor, error) { return failing("supply"), nil }), Failed, "supply: broken"},
		{"implausible", configured(func(sensors.Config) (sensors.Sensor, error) {
			return temperature("supply", sensors.PlaceBoard, 300), nil
		}), Failed, "reads 300.0 °C, out of range"},
		{"a found one fails", func(r *rig) { configured(nil)(r); r.found = []sensors.Sensor{failing("other")} }, OK, "supply 4.00 W"},
		{"bad configuration", func(r *rig) { r.wrong = errBroken }, Skipped, "sound configuration"},
		{"captured", captured, Skipped, "live machine"},
	})
}

func TestPower(t *testing.T) {
	try(t, "power", []state{
		{"none", nil, Warning, "estimated by a model"},
		{"measured", with(fake("supply", sensors.Power, sensors.PlaceTotal, int64(5*physic.Watt))), OK, "supply 5.00 W (total)"},
		{"negative", with(fake("supply", sensors.Power, sensors.PlaceTotal, -1)), Warning, "supply: out of range"},
		{"silent", silent(t, "supply", sensors.Power), Warning, "supply: does not answer"},
		{"no permission", func(r *rig) {
			r.board.Powers = []board.PowerSensor{{Name: "package-0", Problem: problem(board.Permission)}}
		}, Warning, "not measured but estimated: something is wrong"},
		{"captured", func(r *rig) { r.Live, r.board.Powers = nil, []board.PowerSensor{{Name: "ina226 VDD"}} }, OK, "ina226 VDD"},
		{"captured without", captured, Warning, "estimated by a model"},
	})
}

func TestActuators(t *testing.T) {
	turns := func(denied ...string) func(*rig) {
		return func(r *rig) {
			r.board.Chips = []board.Chip{{Name: "pwmfan", Dir: "hwmon1", Inputs: []board.Input{{Name: "temp1", File: "temp1_input"}, {Name: "pwm1", File: "pwm1"}}}}
			r.board.EdgeTPUs = []board.EdgeTPU{{Node: "/dev/apex_0"}, {Node: "/dev/bus/usb/001/002"}}
			r.Tree = fakeTree{fstest.MapFS{"sys/class/hwmon/hwmon1/pwm1": {}, "sys/class/apex/apex_0/trip_point0_temp": {}, "sys/class/apex/apex_0/temp_poll_interval": {Data: []byte("5000\n")}}, denied}
		}
	}
	poll := func(interval string) func(*rig) {
		return func(r *rig) {
			turns()(r)
			r.Tree.(fakeTree).MapFS["sys/class/apex/apex_0/temp_poll_interval"] = &fstest.MapFile{Data: []byte(interval)}
		}
	}
	clocks := func(change func(*rig, *board.Policy)) func(*rig) {
		return func(r *rig) {
			r.board.Policies = []board.Policy{{Name: "policy7", Writable: true, Min: 800 * physic.MegaHertz, Limit: 1500 * physic.MegaHertz, Max: 1500 * physic.MegaHertz, Steps: []physic.Frequency{800 * physic.MegaHertz, 1500 * physic.MegaHertz}}}
			change(r, &r.board.Policies[0])
		}
	}
	cooler := func(r *rig) {
		r.board.Coolers = []board.Cooler{{Name: "cooling_device1", Type: "gpio-fan", Max: 1}, {Name: "cooling_device0", Type: "thermal-cpufreq-0"}}
		r.Tree = fakeTree{MapFS: fstest.MapFS{"sys/class/thermal/cooling_device1/cur_state": {}}}
	}
	try(t, "actuators", []state{
		{"clock", nil, OK, "CPU clock policy0, pace of inference"},
		{"fan and Edge TPU", turns(), OK, "CPU clock policy0, fan pwmfan pwm1, Edge TPU clock apex_0, pace"},
		{"fan of the kernel", cooler, OK, "fan gpio-fan"},
		{"fan read only", turns("sys/class/hwmon/hwmon1/pwm1"), Warning, "left out: fan pwmfan pwm1: /sys/class/hwmon/hwmon1/pwm1 can't be written"},
		{"clock read only", func(r *rig) {
			r.board.Policies = []board.Policy{{Name: "policy0", Problem: problem(board.Permission)}}
		}, Warning, "left out: something is wrong"},
		{"fan of a graphics card", func(r *rig) { turns()(r); r.board.Chips[0].Name = "amdgpu" }, OK, "CPU clock policy0, Edge TPU"},
		{"fan of the kernel and another", func(r *rig) {
			turns()(r)
			r.board.Chips[0].Name, r.board.Coolers = "nct6775", []board.Cooler{{Name: "cooling_device1", Type: "gpio-fan", Max: 1}}
			r.Tree.(fakeTree).MapFS["sys/class/thermal/cooling_device1/cur_state"] = &fstest.MapFile{}
		}, OK, "fan nct6775 pwm1, fan gpio-fan,"},
		{"fan that shows twice", func(r *rig) {
			turns()(r)
			r.board.Coolers = []board.Cooler{{Name: "cooling_device1", Type: "pwm-fan", Max: 3}}
		}, OK, "fan pwmfan pwm1, Edge TPU"},
		{"fan without states", func(r *rig) { cooler(r); r.board.Coolers[0].Max = 0 }, OK, "CPU clock policy0, pace"},
		{"Edge TPU that is never looked at", poll("0\n"), Warning, "left out: Edge TPU clock apex_0: its driver never looks"},
		{"Edge TPU of nonsense", poll("?\n"), Warning, "left out: Edge TPU clock apex_0: its driver never looks"},
		{"two steps", clocks(func(*rig, *board.Policy) {}), OK, "CPU clock policy7, pace"},
		{"one step", clocks(func(_ *rig, p *board.Policy) { p.Steps = p.Steps[1:] }), OK, "only the pace of inference"},
		{"limited to the lowest step", clocks(func(_ *rig, p *board.Policy) { p.Limit = p.Min }), OK, "only the pace of inference"},
		{"limited by the kernel's cooling", clocks(func(r *rig, p *board.Policy) {
			p.Limit, r.board.Coolers = p.Min, []board.Cooler{{Type: "thermal-cpufreq-0", State: 1, Max: 1}}
		}), OK, "CPU clock policy7, pace"},
		{"without steps", clocks(func(_ *rig, p *board.Policy) { p.Steps = nil }), OK, "CPU clock policy7, pace"},
		{"without steps or span", clocks(func(_ *rig, p *board.Policy) { p.Steps, p.Min = nil, p.Max }), OK, "only the pace of inference"},
		{"held up", clocks(func(r *rig, _ *board.Policy) {
			r.Tree = fakeTree{MapFS: fstest.MapFS{"sys/devices/system/cpu/cpufreq/policy7/scaling_min_freq": {Data: []byte("1500000\n")}}}
		}), OK, "only the pace of inference"},
		{"none", func(r *rig) { r.board.Policies = nil }, OK, "only the pace of inference"},
		{"not wanted", func(r *rig) { r.config.Thermal.Control = false }, OK, "thermal.control is false"},
		{"captured", func(r *rig) { turns("sys/class/hwmon/hwmon1/pwm1")(r); r.Live = nil }, OK, "CPU clock policy0, pace"},
	})
}

func TestThrottle(t *testing.T) {
	held := func(more ...func(*rig)) func(*rig) {
		return func(r *rig) {
			r.board.Policies[0].Limit = 800 * physic.MegaHertz
			for _, f := range more {
				f(r)
			}
		}
	}
	cooling := func(r *rig) { r.board.Coolers = []board.Cooler{{Type: "thermal-cpufreq-0", State: 2, Max: 3}} }
	try(t, "throttle", []state{
		{"none", nil, OK, "none"},
		{"no clock", func(r *rig) { r.board.Policies = nil }, OK, "drives no CPU clock"},
		{"unreadable", func(r *rig) { r.board.Policies[0].Limit = 0 }, OK, "none"},
		{"left behind", held(), Warning, "policy0 at 800 of 1500 MHz, although it is cool"},
		{"by the kernel", held(cooling), Warning, "by the kernel's cooling (thermal-cpufreq-0: state 2 of 3), although it is cool"},
		{"by atoll", held(func(r *rig) { r.disk.exists = true }), Warning, "by an atoll that runs, or was killed"},
		{"hot", held(with(temperature("cpu", sensors.PlaceDie, 70))), OK, "while cpu has 70.0 °C"},
		{"near the kernel's trip", held(with(temperature("cpu", sensors.PlaceDie, 56)), func(r *rig) { r.board.Profile.Passive = celsiusOf(60) }), OK, "while cpu"},
		{"nobody knows how hot", held(with()), Warning, "held down"},
		{"captured", held(captured), Warning, "held down: policy0 at 800 of 1500 MHz"},
	})
	item := checkThrottle(t.Context(), func() *examination { r := healthy(); held(captured)(r); return r.examination }())
	if want := "unless a power mode wants it so (nvpmodel, tuned): echo 1500000 | sudo tee /sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq"; item.Fix != want {
		t.Errorf("got %q, want %q", item.Fix, want)
	}
}

// All that is found and configured is watched once, and closed.
func TestWatchOnce(t *testing.T) {
	r := healthy()
	calls := 0
	found := temperature("cpu", sensors.PlaceDie, 40)
	r.Live.FindSensors = func() ([]sensors.Sensor, []sensors.Problem) { calls++; return []sensors.Sensor{found}, nil }
	r.watch = r.watchOnce()
	first, second := r.watch(), r.watch()
	if calls != 1 || !found.Closed() || found.Reads() < 5 || !slices.Equal(first.readings, second.readings) {
		t.Errorf("%d calls, closed %v, %d reads", calls, found.Closed(), found.Reads())
	}
}
