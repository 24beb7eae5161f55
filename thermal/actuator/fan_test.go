package actuator

import (
	"slices"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"
)

const pwm1 = hwmon3 + "/pwm1"

func cooling(c float64) Setting { return Setting{Share: 1, Cooling: c} }

func onlyFan() files {
	return coralFiles().without("sys/devices", apex0)
}

func TestFanInAutomaticMode(t *testing.T) {
	r := newRig(t, onlyFan())
	s, _ := r.find(coral)
	r.apply(s, cooling(0), false)
	r.put(pwm1, "90") // the chip goes on
	r.apply(s, cooling(0.25), true, pwm1+"_enable 1")
	r.apply(s, cooling(0.25), false) // 68 is slower than the chip had it
	r.apply(s, cooling(0.5), true, pwm1+" 136")
	r.apply(s, cooling(0.51), false)
	r.put(pwm1+"_enable", "2") // someone undoes it
	r.apply(s, cooling(0.5), true, pwm1+"_enable 1")
	r.apply(s, cooling(0.2), false) // slower after a dwell
	r.pass(fanDwell)
	r.apply(s, cooling(0.2), true, pwm1+" 90")
	r.apply(s, cooling(1), true, pwm1+" 255")
	r.pass(fanDwell)
	r.apply(s, cooling(0), true, pwm1+" 90", pwm1+"_enable 2")
	r.apply(s, cooling(0), false)
}

// With a thermal governor on the same fan, the faster of both wins, and what the
// governor wanted last is what it gets back.
func TestFanBesideGovernor(t *testing.T) {
	r := newRig(t, onlyFan().with(files{hwmon3 + "/name": "pwmfan", pwm1 + "_enable": "1", pwm1: "0"}))
	s, _ := r.find(coral)
	r.apply(s, cooling(0.4), true, pwm1+" 102")
	r.put(pwm1, "200")
	r.apply(s, cooling(0.4), false)
	r.pass(time.Minute)
	r.apply(s, cooling(0.5), false)
	r.put(pwm1, "50")
	r.apply(s, cooling(0.5), true, pwm1+" 136")
	r.apply(s, cooling(0.5), false)
	r.pass(time.Minute)
	r.apply(s, cooling(0.01), true, pwm1+" 50")
	r.apply(s, cooling(0.5), true, pwm1+" 136")
	s.Close()
	r.want("closed", files{pwm1: "50", pwm1 + "_enable": "1"})
}

// A fan that knows only on and off is not switched for ever by a temperature that stays
// where cooling begins, nor one with many steps by what a sensor's noise makes of it.
func TestFanDoesNotFlap(t *testing.T) {
	r := newRig(t, onlyFan().with(files{pwm1: "0"}))
	s, _ := r.find(coral)
	writes := func(cs ...float64) int {
		r.writes = nil
		for range 10 {
			for _, c := range cs {
				if _, err := s.Apply(cooling(c)); err != nil {
					t.Fatal(err)
				}
				r.pass(2 * fanDwell)
			}
		}
		return len(r.writes)
	}
	if got := writes(0, 0.01, 0.2); got != 0 {
		t.Errorf("off: %d writes, want none before more than %d steps are wanted", got, fanGap)
	}
	r.apply(s, cooling(0.3), true, pwm1+"_enable 1", pwm1+" 85")
	if got := writes(0.3, 0.2, 0.25); got != 0 {
		t.Errorf("on: %d writes, want none for less than %d steps", got, fanGap)
	}
	r.apply(s, cooling(0.1), true, pwm1+" 34")
	r.pass(fanDwell)
	r.apply(s, cooling(0), true, pwm1+" 0", pwm1+"_enable 2")
}

// governed is a board whose kernel turns the fan on at 65 °C.
func governed() files {
	const zone = "sys/class/thermal/thermal_zone0"
	return onlyFan().with(files{
		hwmon3 + "/name": "gpio_fan", pwm1 + "_enable": "1", pwm1: "0",
		zone + "/policy": "step_wise", zone + "/mode": "enabled",
		zone + "/cdev0/type": "cpufreq-cpu0", zone + "/cdev0_trip_point": "0", zone + "/trip_point_0_temp": "50000",
		zone + "/cdev1/type": "gpio-fan", zone + "/cdev1_trip_point": "5", zone + "/trip_point_5_temp": "65000",
		zone + "/cdev2/type": "gpio-fan", zone + "/cdev2_trip_point": "-1",
		zone + "/cdev3/type": "gpio-fan", zone + "/cdev3_trip_point": "6", zone + "/trip_point_6_temp": "75000",
	})
}

// What the kernel wants of a fan that turns already can't be seen, and it says so only
// once: a fan that was put back to off at 72 °C stayed off.
func TestFanThatTheKernelWantsToo(t *testing.T) {
	const zone = "sys/class/thermal/thermal_zone0/"
	for name, c := range map[string]struct {
		files   files
		hottest float64 // °C; 0: not known
		want    string
	}{
		"beyond its trip point":  {nil, 66, "153"},
		"below":                  {nil, 64, "0"},
		"no temperature":         {nil, 0, "0"},
		"cooling is off":         {files{zone + "mode": "disabled"}, 66, "0"},
		"no mode":                {files{zone + "mode": ""}, 66, "0"},
		"left to a program":      {files{zone + "policy": "user_space"}, 66, "0"},
		"another fan's":          {files{zone + "cdev1/type": "pwm-fan"}, 66, "0"},
		"at no trip point":       {files{zone + "cdev1_trip_point": "-1"}, 66, "0"},
		"a trip point of no use": {files{zone + "trip_point_5_temp": "-274000"}, 66, "0"},
		"another driver's fan":   {files{hwmon3 + "/name": "emc2305"}, 66, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, governed().with(c.files))
			s, _ := r.find(coral)
			v := cooling(0.6)
			if c.hottest > 0 {
				v.Hottest = physic.ZeroCelsius + physic.Temperature(c.hottest)*physic.Kelvin
			}
			r.apply(s, v, true, pwm1+" 153")
			r.apply(s, v, false)
			s.Close()
			r.want("closed", files{pwm1: c.want})
		})
	}
}

// What a fan did at the start is nothing to put back once the kernel has slowed it down.
func TestGuardLeavesIdleFansAlone(t *testing.T) {
	r := newRig(t, governed().with(files{pwm1: "255"}))
	s, _ := r.find(coral)
	tells := func(when string, want ...entry) {
		t.Helper()
		s.guard.mu.Lock()
		defer s.guard.mu.Unlock()
		if !slices.Equal(s.guard.entries, want) {
			t.Errorf("%s: the guard would put back %+v, want %+v", when, s.guard.entries, want)
		}
	}
	fan := func(speed int64) []entry {
		return []entry{{pwm1, speed, "gpio_fan"}, {pwm1 + "_enable", 1, "gpio_fan"}}
	}
	tells("at the start")
	r.apply(s, cooling(1), false)
	tells("raised", fan(255)...)
	r.pass(fanDwell)
	r.apply(s, cooling(0), true)
	tells("let go")
	r.put(pwm1, "0") // the kernel
	r.apply(s, cooling(0), false)
	tells("off")
	r.apply(s, cooling(1), true, pwm1+" 255")
	tells("raised again", fan(0)...)
}

func TestFanModes(t *testing.T) {
	for name, c := range map[string]struct {
		driver, mode string
		writes       []string
	}{
		"full speed":   {"nct6775", "0", nil},
		"pwm-fan, off": {"pwmfan", "0", []string{pwm1 + "_enable 1", pwm1 + " 255"}},
		"manual":       {"nct6775", "1", []string{pwm1 + " 255"}},
		"own curve":    {"nct6775", "5", []string{pwm1 + "_enable 1", pwm1 + " 255"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := onlyFan().with(files{hwmon3 + "/name": c.driver, pwm1 + "_enable": c.mode})
			r := newRig(t, f)
			s, _ := r.find(coral)
			r.apply(s, cooling(1), len(c.writes) > 0, c.writes...)
			s.Close()
			r.want("closed", f)
		})
	}
}

func TestFanWithoutMode(t *testing.T) {
	r := newRig(t, onlyFan().without(pwm1+"_enable"))
	s, _ := r.find(coral)
	r.apply(s, cooling(1), true, pwm1+" 255")
}

func TestCoolingDeviceFan(t *testing.T) {
	state := fan0 + "/cur_state"
	for _, kind := range []string{"pwm-fan", "gpio-fan"} {
		r := newRig(t, files{bootFile: bootID, fan0 + "/type": kind, fan0 + "/max_state": "3", state: "1"})
		s, _ := r.find(coral)
		r.apply(s, cooling(0.2), false) // as it is
		r.apply(s, cooling(0.5), true, state+" 2")
		r.apply(s, cooling(1), true, state+" 3")
		r.put(state, "0") // the governor
		r.apply(s, cooling(1), true, state+" 3")
		s.Close()
		r.want(kind, files{state: "0"})
	}
}

func TestFansLeftOut(t *testing.T) {
	device := files{bootFile: bootID, fan0 + "/type": "pwm-fan", fan0 + "/max_state": "3", fan0 + "/cur_state": "1"}
	for name, c := range map[string]struct {
		files files
		name  string
		want  string
	}{
		"a graphics card's":  {onlyFan().with(files{hwmon3 + "/name": "amdgpu"}), "fan", "none found"},
		"hwmon of no name":   {onlyFan().without(hwmon3 + "/name"), "fan", "none found"},
		"pwm is no number":   {onlyFan().with(files{pwm1: "-"}), "fan hwmon3/pwm1", "not a whole number"},
		"mode is no number":  {onlyFan().with(files{pwm1 + "_enable": "auto"}), "fan hwmon3/pwm1", "not a whole number"},
		"not a fan":          {device.with(files{fan0 + "/type": "Processor"}), "fan", "none found"},
		"no states":          {files{bootFile: bootID, fan0 + "/type": "gpio-fan", fan0 + "/max_state": "0", fan0 + "/cur_state": "0"}, "fan cooling_device0", "max_state"},
		"state is no number": {files{bootFile: bootID, fan0 + "/type": "gpio-fan", fan0 + "/max_state": "1", fan0 + "/cur_state": ""}, "fan cooling_device0", "not a whole number"},
	} {
		r := newRig(t, c.files)
		s, problems := r.find(coral)
		if len(s.kept) > 0 || !told(problems, c.name, c.want) {
			t.Errorf("%s: found %v, problems %v; want %s: %s", name, s.Names(), problems, c.name, c.want)
		}
	}
}

// One fan that shows up as a PWM output and as a cooling device is one fan.
func TestFanOnceOnly(t *testing.T) {
	r := newRig(t, onlyFan().with(files{
		hwmon3 + "/name": "pwmfan",
		fan0 + "/type":   "pwm-fan", fan0 + "/max_state": "3", fan0 + "/cur_state": "1",
	}))
	s, _ := r.find(coral)
	if got := len(s.kept); got != 1 {
		t.Errorf("found %v, want one fan", s.Names())
	}
}
