package board

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"periph.io/x/conn/v3/physic"
)

// PowerSensor is something that tells how much power the machine draws.
type PowerSensor struct {
	Name    string       `json:"name"`   // "package-0", "battery BAT0", "ina3221 VDD_IN"
	Source  string       `json:"source"` // powercap, power_supply or hwmon
	File    string       `json:"file"`   // where it is read
	Power   physic.Power `json:"-"`      // 0 of counters of energy: those take two readings
	Problem *Problem     `json:"problem,omitempty"`
}

// powers collects the powercap zones, power supplies and hwmon chips that measure power.
func (r *reader) powers(chips []Chip) []PowerSensor {
	sensors := []PowerSensor{}
	for _, zone := range r.list("sys/class/powercap", "") {
		dir := "sys/class/powercap/" + zone + "/"
		name := r.maybe(dir + "name")
		if name == "" || !strings.Contains(zone, ":") {
			continue // the control type above the zones
		}
		s := PowerSensor{Name: name, Source: "powercap", File: dir + "energy_uj"}
		if _, err := r.number(s.File); err != nil {
			if s.Problem = readProblem(s.File, err); s.Problem.Kind == Permission {
				s.Problem.Fix = "only root may (CVE-2020-8694): run atoll as root, or let others read that file with sudo chmod o+r"
			}
		}
		sensors = append(sensors, s)
	}
	for _, supply := range r.list("sys/class/power_supply", "") {
		if s, ok := r.supply(supply); ok {
			sensors = append(sensors, s)
		}
	}
	for _, c := range chips {
		for _, in := range c.Inputs {
			if strings.HasPrefix(in.Name, "power") {
				power, _ := in.Value.(physic.Power)
				name := strings.TrimSpace(c.Name + " " + in.Label)
				sensors = append(sensors, PowerSensor{name, "hwmon", path.Join("sys/class/hwmon", c.Dir, in.File), power, in.Problem})
			}
		}
	}
	return sensors
}

// supply reads a battery or charger, if it measures power or current and voltage
// (Documentation/ABI/testing/sysfs-class-power: µW, µA, µV).
func (r *reader) supply(name string) (PowerSensor, bool) {
	dir := "sys/class/power_supply/" + name + "/"
	s := PowerSensor{Name: strings.ToLower(r.maybe(dir+"type")) + " " + name, Source: "power_supply", File: dir + "power_now"}
	n, err := r.number(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		s.File = dir + "current_now"
		var amperes, volts int64
		if amperes, err = r.number(s.File); err == nil {
			volts, err = r.number(dir + "voltage_now")
		}
		if errors.Is(err, fs.ErrNotExist) {
			return s, false
		}
		n = int64(float64(amperes) * float64(volts) / 1e6)
	}
	switch {
	case err != nil:
		s.Problem = readProblem(s.File, err)
	case n < -1e12 || n > 1e12:
		s.Problem = implausible(s.File, n)
	default:
		s.Power = physic.Power(n) * physic.MicroWatt
	}
	return s, true
}
