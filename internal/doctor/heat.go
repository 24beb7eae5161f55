package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/sensors"
)

func checkTemperature(_ context.Context, x *examination) Item {
	if x.Live == nil {
		return skipped(x.captured())
	}
	w := x.watch()
	all := w.temperatures()
	wrong := append(bad(all), w.trouble("thermal zone", "hwmon", "apex")...)
	top := w.hottest()
	const fix = "check its wiring and its driver's messages in dmesg"
	switch {
	case top == nil && len(wrong) > 0:
		return failed("no temperature can be believed: "+brief(wrong), fix)
	case top == nil:
		return warning("no sensor: atoll can't see the heat, and runs by an estimate of the power",
			"load the thermal driver of the board (see /sys/class/thermal), or add a [[sensor]] on I2C: docs/sensors.md")
	}
	found := fmt.Sprintf("%s %s, hottest of %s", top.Name, celsius(top.Temperature()), plural(len(all), "sensor"))
	limits := x.config.Thermal
	switch {
	case top.Temperature() >= limits.Alert.Temperature():
		return failed(fmt.Sprintf("%s: above the alert at %v\u00a0°C before any work", found, limits.Alert),
			"let it cool down; check heat sink, thermal pad, fan and the place it stands in")
	case top.Temperature() >= limits.SetPoint.Temperature():
		return warning(fmt.Sprintf("%s: above the set point of %v\u00a0°C before any work, so little can be done", found, limits.SetPoint),
			"find out what else works on it (top); check heat sink, fan and the place it stands in")
	case len(wrong) > 0:
		return warning(found+"; left out "+brief(wrong), fix)
	case !slices.ContainsFunc(all, func(r sensors.Reading) bool { return r.Place == sensors.PlaceDie }):
		return warning(found+": none of the die, which is hotter and faster", "load the thermal driver of the SoC: see /sys/class/thermal")
	}
	return ok("%s", found)
}

// captured lists the temperatures of a captured tree.
func (x *examination) captured() string {
	var zones []string
	for _, z := range x.board.Zones {
		if z.Temp > 0 {
			zones = append(zones, z.Type+" "+celsius(z.Temp))
		}
	}
	if len(zones) == 0 {
		return "needs the live machine; the captured tree has no temperature"
	}
	return "needs the live machine; captured were " + brief(zones)
}

func checkSensors(_ context.Context, x *examination) Item {
	w := x.watch()
	if w.configured == 0 {
		return ok("none configured, which only those on I2C need")
	}
	var wrong, works []string
	for _, err := range w.unopened {
		wrong = append(wrong, err.Error())
	}
	for _, r := range w.readings[w.found:] {
		if r.Quality == sensors.Good {
			works = append(works, r.Name+" "+value(r))
		}
	}
	wrong = append(wrong, bad(w.readings[w.found:])...)
	if len(wrong) > 0 {
		return failed(brief(wrong), "check its bus, address, wires and supply, and that /dev/i2c-N may be used: atoll detect")
	}
	return ok("%s", brief(works))
}

func value(r sensors.Reading) string {
	switch r.Quantity {
	case sensors.Temperature:
		return celsius(r.Temperature())
	case sensors.Power:
		return fmt.Sprintf("%.2f\u00a0W", float64(r.Power())/float64(physic.Watt))
	}
	return fmt.Sprintf("%.0f\u00a0rpm", float64(r.Speed())*60/float64(physic.Hertz))
}

func checkPower(_ context.Context, x *examination) Item {
	var works []string
	var wrong faults
	for _, p := range x.board.Powers {
		if wrong.add(p.Problem); p.Problem == nil {
			works = append(works, p.Name)
		}
	}
	if x.Live != nil {
		works = nil
		const fix = "check its wiring and its driver's messages in dmesg"
		w := x.watch()
		for _, r := range w.of(func(r sensors.Reading) bool { return r.Quantity == sensors.Power }) {
			if r.Quality == sensors.Good {
				works = append(works, fmt.Sprintf("%s %s (%v)", r.Name, value(r), r.Place))
			} else {
				wrong.add(&board.Problem{Kind: board.Invalid, What: fmt.Sprintf("%s: %s", r.Name, r.Reason), Fix: fix})
			}
		}
	}
	switch {
	case len(works) > 0:
		return ok("%s", strings.Join(works, ", "))
	case len(wrong.all) > 0:
		return warning("not measured but estimated: "+wrong.what(), wrong.fix())
	}
	return warning("no sensor: the power is estimated by a model of the board", "good enough to run; to know it, put an INA219 or INA226 into the supply: docs/sensors.md")
}
