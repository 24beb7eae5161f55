package board

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strings"

	"periph.io/x/conn/v3/physic"
)

// PowerSensor is something that tells how much power the machine draws.
type PowerSensor struct {
	Name    string       `json:"name"`   // "package-0", "battery BAT0", "ina3221 VDD_IN"
	Source  string       `json:"source"` // powercap, power_supply, hwmon or iio
	File    string       `json:"file"`   // where it is read; the current's, of a voltage and a current
	Power   physic.Power `json:"-"`      // 0 of counters of energy: those take two readings
	Problem *Problem     `json:"problem,omitempty"`
}

// powers collects the powercap zones, power supplies, hwmon chips and iio devices that
// measure power.
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
				sensors = append(sensors, c.power(in, in.Label, power, in.Problem))
			}
		}
		if c.Name == "ina3221" {
			sensors = append(sensors, c.products()...)
		}
	}
	return append(sensors, r.rails()...)
}

// power is the sensor that an input of the chip makes.
func (c Chip) power(in Input, label string, power physic.Power, problem *Problem) PowerSensor {
	return PowerSensor{strings.TrimSpace(c.Name + " " + label), "hwmon", path.Join("sys/class/hwmon", c.Dir, in.File), power, problem}
}

// products are the powers that an INA3221's driver leaves to its users: channel n of
// three has inN and currN, and no power (Documentation/hwmon/ina3221.rst).
func (c Chip) products() []PowerSensor {
	inputs := map[string]Input{}
	for _, in := range c.Inputs {
		inputs[in.Name] = in
	}
	var sensors []PowerSensor
	for n := 1; n <= 3; n++ {
		volts, hasVolts := inputs[fmt.Sprintf("in%d", n)]
		amperes, hasAmperes := inputs[fmt.Sprintf("curr%d", n)]
		if !hasVolts || !hasAmperes {
			continue
		}
		v, _ := volts.Value.(physic.ElectricPotential)
		a, _ := amperes.Value.(physic.ElectricCurrent)
		watts := float64(v) / float64(physic.Volt) * (float64(a) / float64(physic.Ampere))
		problem := cmp.Or(amperes.Problem, volts.Problem)
		if problem == nil && math.Abs(watts) > maxWatts {
			problem = implausible(path.Join("sys/class/hwmon", c.Dir, amperes.File), int64(a/physic.MilliAmpere))
		}
		if problem != nil {
			watts = 0
		}
		sensors = append(sensors, c.power(amperes, volts.Label, physic.Power(watts*float64(physic.Watt)), problem))
	}
	return sensors
}

// maxWatts is more than any board draws.
const maxWatts = 1e6

// rails are the powers of iio devices on I2C, mW (Documentation/ABI/testing/
// sysfs-bus-iio). So NVIDIA's driver ina3221x shows the INA3221 of a Jetson.
func (r *reader) rails() []PowerSensor {
	var sensors []PowerSensor
	for _, device := range r.list(strings.TrimSuffix(i2cDir, "/"), "") {
		for _, iio := range r.list(i2cDir+device, "iio:device") {
			dir := i2cDir + device + "/" + iio + "/"
			chip := r.maybe(i2cDir + device + "/name")
			for _, file := range r.list(strings.TrimSuffix(dir, "/"), "in_power") {
				channel, isInput := strings.CutSuffix(file, "_input")
				if n, ok := index(channel, "in_power"); ok && isInput {
					sensors = append(sensors, r.rail(chip, dir, n))
				}
			}
		}
	}
	return sensors
}

// rail reads channel n of the iio device in dir.
func (r *reader) rail(chip, dir string, n int) PowerSensor {
	name := r.maybe(fmt.Sprintf("%srail_name_%d", dir, n))
	if name == "" {
		name = r.maybe(fmt.Sprintf("%sin_power%d_label", dir, n))
	}
	s := PowerSensor{Name: strings.TrimSpace(chip + " " + name), Source: "iio", File: fmt.Sprintf("%sin_power%d_input", dir, n)}
	milliwatts, err := r.number(s.File)
	switch {
	case err != nil:
		s.Problem = readProblem(s.File, err)
	case milliwatts < -maxWatts*1000 || milliwatts > maxWatts*1000:
		s.Problem = implausible(s.File, milliwatts)
	default:
		s.Power = physic.Power(milliwatts) * physic.MilliWatt
	}
	return s
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
