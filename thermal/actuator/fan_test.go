package actuator

import (
	"testing"
	"time"
)

const pwm1 = hwmon3 + "/pwm1"

func cooling(c float64) Setting { return Setting{Share: 1, Power: 99e9, Cooling: c} }

func onlyFan() files {
	return coralFiles().without("sys/devices", apex0)
}

func TestFanInAutomaticMode(t *testing.T) {
	r := newRig(t, onlyFan())
	s, _ := r.find(coral)
	r.apply(s, cooling(0), false)
	r.put(pwm1, "90") // the chip goes on
	r.apply(s, cooling(0.1), true, pwm1+"_enable 1")
	r.apply(s, cooling(0.1), false) // 34 is slower than the chip had it
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
