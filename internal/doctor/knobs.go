package doctor

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/sensors"
)

// checkActuators tells what the thermal controller can turn, by its files and the
// rights on them: actuator.Find would take locks and put settings back. What it leaves
// out (thermal/actuator) is left out here.
func checkActuators(_ context.Context, x *examination) Item {
	if x.Config != nil && !x.config.Thermal.Control {
		return ok("none is used: thermal.control is false")
	}
	var works []string
	var left faults
	for _, p := range x.board.Policies {
		if left.add(p.Problem); p.Problem == nil && p.Writable && x.hasSteps(p) {
			works = append(works, "CPU clock "+p.Name)
		}
	}
	if x.Live != nil {
		for _, k := range x.knobs() {
			if k.asleep(x.Tree) {
				left.add(&board.Problem{Kind: board.Degraded, What: fmt.Sprintf("%s: its driver never looks at the temperature: /%s is not above 0", k.name, k.poll), Fix: fmt.Sprintf("echo 5000 | sudo tee /%s, if the driver has it", k.poll)})
			} else if err := x.Tree.Access(k.file, board.Write); err != nil {
				left.add(&board.Problem{Kind: board.Permission, What: fmt.Sprintf("%s: /%s can't be written", k.name, k.file), Fix: "let atoll write there: run it as root"})
			} else {
				works = append(works, k.name)
			}
		}
	}
	if len(works) == 0 && len(left.all) == 0 {
		return ok("only the pace of inference")
	}
	works = append(works, "pace of inference")
	if len(left.all) > 0 {
		return warning(fmt.Sprintf("%s; left out: %s", brief(works), left.what()), left.fix())
	}
	return ok("%s", brief(works))
}

// hasSteps reports whether there is a clock below the limit of a policy to choose. A
// limit that is the kernel's own cooling counts as none.
func (x *examination) hasSteps(p board.Policy) bool {
	low, limit := p.Min, p.Limit
	if least, ok := number(x.Tree, path.Join("sys/devices/system/cpu/cpufreq", p.Name, "scaling_min_freq")); ok {
		low = max(low, physic.Frequency(least)*physic.KiloHertz)
	}
	if slices.ContainsFunc(x.board.Coolers, cools) {
		limit = max(limit, p.Max)
	}
	if len(p.Steps) == 0 {
		return low < limit
	}
	return slices.ContainsFunc(p.Steps, func(f physic.Frequency) bool { return f >= low && f < limit })
}

// number is what a file of a tree holds, 0 to 1e9.
func number(tree fs.FS, name string) (int64, bool) {
	f, err := tree.Open(name)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil && n >= 0 && n <= 1e9
}

// knob is something that cools, and the file in sysfs that turns it.
type knob struct {
	name, file string
	poll       string // how often its driver acts on the file; "": at once
}

// asleep reports whether the knob's driver never acts on it.
func (k knob) asleep(tree fs.FS) bool {
	if k.poll == "" {
		return false
	}
	n, ok := number(tree, k.poll)
	return !ok || n == 0
}

// displayDrivers have fans that cool what atoll does not watch, and leaves alone.
var displayDrivers = []string{"amdgpu", "nouveau", "radeon", "xe", "i915"}

// knobs are fans and clocks of Edge TPUs, as docs/actuators.md has them.
func (x *examination) knobs() []knob {
	var all []knob
	var drivers []string
	for _, c := range x.board.Chips {
		for _, in := range c.Inputs {
			if strings.HasPrefix(in.Name, "pwm") && !slices.Contains(displayDrivers, c.Name) {
				all = append(all, knob{name: "fan " + c.Name + " " + in.Name, file: path.Join("sys/class/hwmon", c.Dir, in.File)})
				drivers = append(drivers, c.Name)
			}
		}
	}
	// A fan of one of these drivers is a cooling device as well.
	driver := map[string]string{"pwm-fan": "pwmfan", "gpio-fan": "gpio_fan"}
	for _, c := range x.board.Coolers {
		if d := driver[c.Type]; d != "" && c.Max > 0 && !slices.Contains(drivers, d) {
			all = append(all, knob{name: "fan " + c.Type, file: path.Join("sys/class/thermal", c.Name, "cur_state")})
		}
	}
	for _, t := range x.board.EdgeTPUs {
		if node := path.Base(t.Node); strings.HasPrefix(node, "apex_") {
			dir := path.Join("sys/class/apex", node)
			all = append(all, knob{"Edge TPU clock " + node, dir + "/trip_point0_temp", dir + "/temp_poll_interval"})
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
