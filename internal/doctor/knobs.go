package doctor

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/sensors"
)

// checkActuators tells what the thermal controller can turn, by the rights on its
// files: actuator.Find would take locks and put settings back.
func checkActuators(_ context.Context, x *examination) Item {
	if x.Config != nil && !x.config.Thermal.Control {
		return ok("none is used: thermal.control is false")
	}
	var works []string
	var left faults
	for _, p := range x.board.Policies {
		if left.add(p.Problem); p.Problem == nil && p.Writable {
			works = append(works, "CPU clock "+p.Name)
		}
	}
	if x.Live != nil {
		for _, k := range x.knobs() {
			if err := x.Tree.Access(k.file, board.Write); err != nil {
				left.add(&board.Problem{Kind: board.Permission, What: fmt.Sprintf("%s: /%s can't be written", k.name, k.file), Fix: "let atoll write there: run it as root"})
			} else {
				works = append(works, k.name)
			}
		}
	}
	works = append(works, "pace and precision of inference")
	if len(left.all) > 0 {
		return warning(fmt.Sprintf("%s; left out: %s", brief(works), left.what()), left.fix())
	}
	return ok("%s", brief(works))
}

// knob is something that cools, and the file in sysfs that turns it.
type knob struct{ name, file string }

// knobs are fans and clocks of Edge TPUs, as docs/actuators.md has them.
func (x *examination) knobs() []knob {
	var all []knob
	for _, c := range x.board.Chips {
		for _, in := range c.Inputs {
			if strings.HasPrefix(in.Name, "pwm") {
				all = append(all, knob{"fan " + c.Name + " " + in.Name, path.Join("sys/class/hwmon", c.Dir, in.File)})
			}
		}
	}
	if len(all) == 0 {
		for _, c := range x.board.Coolers {
			if c.Type == "pwm-fan" || c.Type == "gpio-fan" {
				all = append(all, knob{"fan " + c.Type, path.Join("sys/class/thermal", c.Name, "cur_state")})
			}
		}
	}
	for _, t := range x.board.EdgeTPUs {
		if node := path.Base(t.Node); strings.HasPrefix(node, "apex_") {
			all = append(all, knob{"Edge TPU clock " + node, path.Join("sys/class/apex", node, "trip_point0_temp")})
		}
	}
	return all
}

// recordName is the record of what a running or killed atoll has turned.
const recordName = "actuators.json"

func checkThrottle(_ context.Context, x *examination) Item {
	var held, undo []string
	for _, p := range x.board.Policies {
		if p.Limit > 0 && p.Max > 0 && p.Limit < p.Max {
			held = append(held, fmt.Sprintf("%s at %d of %d\u00a0MHz", p.Name, p.Limit/physic.MegaHertz, p.Max/physic.MegaHertz))
			undo = append(undo, fmt.Sprintf("echo %d | sudo tee /sys/devices/system/cpu/cpufreq/%s/scaling_max_freq", p.Max/physic.KiloHertz, p.Name))
		}
	}
	if len(held) == 0 {
		if len(x.board.Policies) == 0 {
			return ok("none: the kernel drives no CPU clock here")
		}
		return ok("none: every CPU clock may reach its maximum")
	}
	found := "CPU clocks are held down: " + brief(held)
	if i := slices.IndexFunc(x.board.Coolers, cools); i >= 0 {
		c := x.board.Coolers[i]
		found += fmt.Sprintf("; by the kernel's cooling (%s: state %d of %d)", c.Type, c.State, c.Max)
	}
	if x.Live != nil {
		if top := x.hot(); top != nil {
			return ok("%s, while %s has %s", found, top.Name, celsius(top.Temperature()))
		}
		if x.Live.State != "" && x.Live.Disk.Exists(filepath.Join(x.Live.State, recordName)) {
			return warning(found+", by an atoll that runs, or was killed", "one that runs puts it back when it ends, a killed one when atoll run starts again")
		}
		found += ", although it is cool"
	}
	fix := "unless a power mode wants it so (nvpmodel, tuned): " + undo[0]
	if len(undo) > 1 {
		fix += fmt.Sprintf(", and likewise the other %d", len(undo)-1)
	}
	return warning(found, fix)
}

func cools(c board.Cooler) bool { return strings.Contains(c.Type, "cpufreq") && c.State > 0 }

// hot is the hottest sensor if that explains a throttle: at the set point, or less
// than 5 K below where the vendor's kernel throttles.
func (x *examination) hot() *sensors.Reading {
	top := x.watch().hottest()
	if top == nil {
		return nil
	}
	from := x.config.Thermal.SetPoint.Temperature()
	if p := x.board.Profile; p != nil && p.Passive > 0 {
		from = min(from, p.Passive-5*physic.Kelvin)
	}
	if top.Temperature() < from {
		return nil
	}
	return top
}
