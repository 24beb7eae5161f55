package board

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"periph.io/x/conn/v3/physic"
)

func (b *Board) writeDevices(t *textWriter) {
	list := []textEntry{}
	for _, e := range b.EdgeTPUs {
		name := fmt.Sprintf("%s %s", map[string]string{"pcie": "PCIe", "usb": "USB"}[e.Bus], e.Address)
		parts := []string{e.Node}
		if e.Temp != 0 {
			parts = append(parts, celsiusText(e.Temp))
		}
		if len(e.Trips) > 0 {
			parts = append(parts, "slows at "+temperatures(e.Trips))
		}
		if e.Speed > 0 {
			parts = append(parts, fmt.Sprintf("%d Mb/s", e.Speed))
		}
		if e.Bus == "usb" && !e.Firmware {
			parts = append(parts, "firmware is loaded at first use")
		}
		list = append(list, textEntry{name, joined(parts...), e.Problem})
	}
	t.entries("Edge TPU", "Edge TPU", list)

	list = nil
	others := []string{}
	for _, c := range b.Cameras {
		if c.Capture {
			list = append(list, textEntry{c.Node, joined(c.Name, prefixed("driver ", c.Driver)), c.Problem})
		} else {
			others = append(others, strings.TrimPrefix(c.Node, "/dev/"))
		}
	}
	t.entries("Camera", "camera", list)
	if len(others) > 0 {
		t.item("Video", "no cameras: "+strings.Join(others, ", "))
	}

	list = nil
	for _, m := range b.Microphones {
		list = append(list, textEntry{fmt.Sprintf("hw:%s,%d", orWord(m.CardID, fmt.Sprint(m.Card)), m.Device), m.Name, m.Problem})
	}
	t.entries("Microphone", "microphone", list)
}

func (b *Board) writeThermal(t *textWriter) {
	list := []textEntry{}
	for _, z := range b.Zones {
		parts := []string{}
		if z.Temp != 0 {
			parts = append(parts, celsiusText(z.Temp))
		}
		for _, trip := range z.Trips {
			if trip.Temp != 0 {
				parts = append(parts, trip.Type+glue+celsiusText(trip.Temp))
			}
		}
		list = append(list, textEntry{orWord(z.Type, z.Name), joined(append(parts, z.Policy)...), z.Problem})
	}
	t.entries("Thermal zone", "thermal zone", list)

	t.entries("Clock", "cpufreq", clocks(b.Policies))

	list = nil
	for _, c := range b.Coolers {
		list = append(list, textEntry{orWord(c.Type, c.Name), fmt.Sprintf("state %d of %d", c.State, c.Max), c.Problem})
	}
	t.entries("Cooling", "cooling device", list)

	if len(b.Chips) == 0 {
		t.none = append(t.none, "hwmon chip")
	}
	for _, c := range b.Chips {
		if len(c.Inputs) == 0 {
			continue
		}
		t.item("hwmon", c.text())
		for _, in := range c.Inputs {
			t.problem(in.Problem)
		}
	}
}

// clocks puts policies that are alike together: on PCs each CPU has its own.
func clocks(policies []Policy) []textEntry {
	list := []textEntry{}
	cpus := [][]int{}
	for _, p := range policies {
		e := textEntry{"", p.text(), p.Problem}
		at := slices.IndexFunc(list, func(o textEntry) bool { return o.text == e.text && sameKind(o.problem, e.problem) })
		if at < 0 {
			at = len(list)
			list, cpus = append(list, e), append(cpus, nil)
		}
		cpus[at] = append(cpus[at], p.CPUs...)
		list[at].name = cpusText(cpus[at])
	}
	return list
}

func (p *Policy) text() string {
	if p.Max == 0 {
		return joined("speed unknown", p.Driver, prefixed("governor ", p.Governor))
	}
	text := fmt.Sprintf("%s to %s", strings.TrimSuffix(megahertz(p.Min), glue+"MHz"), megahertz(p.Max))
	if n := len(p.Steps); n > 0 {
		text += fmt.Sprintf(" in %d steps", n)
	}
	if p.Limit > 0 && p.Limit < p.Max {
		text += ", now limited to " + megahertz(p.Limit)
	}
	return joined(text, p.Driver, prefixed("governor ", p.Governor))
}

func (c *Chip) text() string {
	parts := []string{}
	for _, in := range c.Inputs {
		value := "?"
		switch v := in.Value.(type) {
		case nil:
		case physic.Temperature:
			value = celsiusText(v)
		default:
			value = spaced(v)
		}
		parts = append(parts, orWord(in.Label, in.Name)+glue+value)
	}
	name := orWord(c.Name, c.Dir)
	if c.Device != "" {
		name += " (" + c.Device + ")"
	}
	return name + ": " + strings.Join(parts, ", ")
}

func (b *Board) writePower(t *textWriter) {
	list := []textEntry{}
	for _, p := range b.Powers {
		text := spaced(p.Power)
		switch {
		case p.Problem != nil:
			text = ""
		case p.Source == "powercap":
			text = "counts energy"
		}
		problem := p.Problem
		if p.Source == "hwmon" {
			problem = nil // it was said of the chip
		}
		list = append(list, textEntry{p.Name, joined(text, p.Source), problem})
	}
	t.entries("Power", "power sensor", list)

	list = nil
	for _, bus := range b.Buses {
		devices := []string{}
		for _, d := range bus.Devices {
			devices = append(devices, joinedBy(" ", fmt.Sprintf("0x%02x", d.Address), d.Name, prefixed("driver ", d.Driver)))
		}
		list = append(list, textEntry{bus.Node, joined(append([]string{bus.Adapter}, devices...)...), bus.Problem})
	}
	t.entries("I2C bus", "I2C bus", list)
}

func (b *Board) writeSystem(t *textWriter) {
	list := []textEntry{}
	for _, w := range b.Watchdogs {
		timeout := ""
		if w.Timeout > 0 {
			timeout = "timeout " + w.Timeout.Round(time.Second).String()
		}
		list = append(list, textEntry{w.Node, joined(w.Identity, timeout, w.State), w.Problem})
	}
	t.entries("Watchdog", "watchdog", list)

	c := b.Cgroup
	if c.Mount == "" {
		t.item("cgroup v2", "not mounted")
	} else {
		t.item("cgroup v2", joined(c.Mount, "own group "+orWord(c.Path, "unknown"), "delegated: "+orWord(strings.Join(c.Delegated, " "), "nothing")))
	}
	t.problem(c.Problem)
	b.EBPF.write(t)
}

func (e *EBPF) write(t *textWriter) {
	if !e.Probed {
		t.item("eBPF", "not probed: a captured tree")
		return
	}
	works := []string{}
	for _, f := range e.Features {
		if f.Supported {
			works = append(works, strings.TrimPrefix(strings.TrimPrefix(f.Name, "program "), "map "))
		}
	}
	if e.BTF && len(works) > 0 {
		works = append(works, "BTF")
	}
	t.item("eBPF", orWord(joined(works...), "nothing works"))
	said := map[string]bool{}
	for _, f := range e.Features {
		if f.Problem != nil && !said[f.Problem.Fix] {
			said[f.Problem.Fix] = true
			t.problem(f.Problem)
		}
	}
}

func temperatures(list []physic.Temperature) string {
	texts := make([]string, len(list))
	for i, temp := range list {
		texts[i] = strings.TrimSuffix(celsiusText(temp), glue+"°C")
	}
	return strings.Join(texts, ", ") + glue + "°C"
}

func joinedBy(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), separator)
}
