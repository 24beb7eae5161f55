package board

import (
	"fmt"
	"strings"

	"periph.io/x/conn/v3/physic"
)

// Chip is a monitoring chip (Documentation/hwmon/sysfs-interface.rst).
type Chip struct {
	Name   string  `json:"name"`   // "lm75"
	Dir    string  `json:"dir"`    // "hwmon0", in /sys/class/hwmon
	Device string  `json:"device"` // on its bus: "0-0048"; empty if it is no device
	Inputs []Input `json:"inputs"`
}

// Input is one thing that a chip measures, or a fan's drive (pwm).
type Input struct {
	Name    string       `json:"name"` // "temp1"
	File    string       `json:"file"` // where it is read: "temp1_input"
	Label   string       `json:"label,omitempty"`
	Value   fmt.Stringer `json:"-"` // physic.Temperature, physic.Power, …, Speed or Drive; nil if it could not be read
	Problem *Problem     `json:"problem,omitempty"`
}

// Speed is that of a fan in revolutions a minute.
type Speed int64

func (s Speed) String() string { return fmt.Sprintf("%d rpm", int64(s)) }

// Drive is how much a fan is driven, 0 to 255.
type Drive uint8

func (d Drive) String() string { return fmt.Sprintf("%d %%", (int(d)*100+127)/255) }

func (r *reader) chips() []Chip {
	chips := []Chip{}
	for _, name := range r.list("sys/class/hwmon", "hwmon") {
		dir := "sys/class/hwmon/" + name + "/"
		c := Chip{Name: r.maybe(dir + "name"), Dir: name, Device: r.link(dir + "device"), Inputs: []Input{}}
		files := r.list("sys/class/hwmon/"+name, "")
		if c.Name == "" && r.exists(dir+"device/name") {
			// Kernels before 3.13 have it all one folder deeper.
			c.Name = r.maybe(dir + "device/name")
			dir += "device/"
			files = r.list("sys/class/hwmon/"+name+"/device", "")
		}
		for _, file := range files {
			if input, ok := r.input(dir, file); ok {
				c.Inputs = append(c.Inputs, input)
			}
		}
		chips = append(chips, c)
	}
	return chips
}

// input reads a file of a chip if it is an input. Power may come as an average only.
func (r *reader) input(dir, file string) (Input, bool) {
	name, suffix, _ := strings.Cut(file, "_")
	kind := strings.TrimRight(name, "0123456789")
	if _, ok := index(name, kind); !ok {
		return Input{}, false
	}
	switch {
	case suffix == "input" && kind != "pwm", suffix == "" && kind == "pwm":
	case suffix == "average" && kind == "power" && !r.exists(dir+name+"_input"):
	default:
		return Input{}, false
	}
	measure, ok := measures[kind]
	if !ok {
		return Input{}, false
	}
	in := Input{Name: name, File: file, Label: r.maybe(dir + name + "_label")}
	n, err := r.number(dir + file)
	switch {
	case err != nil:
		in.Problem = readProblem(dir+file, err)
	case n < measure.min || n > measure.max:
		in.Problem = implausible(dir+file, n)
	default:
		in.Value = measure.value(n)
	}
	return in, true
}

// measure is what the number in a file means, and what is plausible.
type measure struct {
	min, max int64
	value    func(n int64) fmt.Stringer
}

// measures are those of the hwmon interface: m°C, µW, mA, mV, rpm, 0 to 255.
var measures = map[string]measure{
	"temp":  {lowestTemp, highestTemp, func(n int64) fmt.Stringer { return millicelsius(n) }},
	"power": {0, 1e12, func(n int64) fmt.Stringer { return physic.Power(n) * physic.MicroWatt }},
	"curr":  {-1e9, 1e9, func(n int64) fmt.Stringer { return physic.ElectricCurrent(n) * physic.MilliAmpere }},
	"in":    {-1e9, 1e9, func(n int64) fmt.Stringer { return physic.ElectricPotential(n) * physic.MilliVolt }},
	"fan":   {0, 1e6, func(n int64) fmt.Stringer { return Speed(n) }},
	"pwm":   {0, 255, func(n int64) fmt.Stringer { return Drive(n) }},
}
