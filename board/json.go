package board

import (
	"encoding/json"
	"fmt"

	"periph.io/x/conn/v3/physic"
)

// In JSON a physical value is a plain number whose key names the unit, and null or
// left out where there is none. The types below add those to their other fields.

// MarshalJSON gives the profile by its name.
func (b Board) MarshalJSON() ([]byte, error) {
	type plain Board
	type profile struct {
		Name    string `json:"name"`
		Generic bool   `json:"generic"`
	}
	out := struct {
		Profile profile `json:"profile"`
		plain
	}{plain: plain(b)}
	if b.Profile != nil {
		out.Profile = profile{b.Profile.Name, b.Profile.Generic}
	}
	return json.Marshal(out)
}

// MarshalJSON adds max_hz.
func (c CPUCluster) MarshalJSON() ([]byte, error) {
	type plain CPUCluster
	return json.Marshal(struct {
		plain
		Max int64 `json:"max_hz,omitempty"`
	}{plain(c), hertz(c.Max)})
}

// MarshalJSON adds the frequencies: min_hz, max_hz, limit_hz, current_hz, steps_hz.
func (p Policy) MarshalJSON() ([]byte, error) {
	type plain Policy
	steps := make([]int64, len(p.Steps))
	for i, s := range p.Steps {
		steps[i] = hertz(s)
	}
	return json.Marshal(struct {
		plain
		Min     int64   `json:"min_hz"`
		Max     int64   `json:"max_hz"`
		Limit   int64   `json:"limit_hz"`
		Current int64   `json:"current_hz,omitempty"`
		Steps   []int64 `json:"steps_hz"`
	}{plain(p), hertz(p.Min), hertz(p.Max), hertz(p.Limit), hertz(p.Current), steps})
}

// MarshalJSON adds temp_c.
func (z Zone) MarshalJSON() ([]byte, error) {
	type plain Zone
	return json.Marshal(struct {
		plain
		Temp *float64 `json:"temp_c"`
	}{plain(z), celsiusOrNil(z.Temp)})
}

// MarshalJSON adds temp_c and hyst_c.
func (t Trip) MarshalJSON() ([]byte, error) {
	type plain Trip
	return json.Marshal(struct {
		plain
		Temp *float64 `json:"temp_c"`
		Hyst float64  `json:"hyst_c"`
	}{plain(t), celsiusOrNil(t.Temp), float64(t.Hyst) / float64(physic.Kelvin)})
}

// MarshalJSON adds temp_c, power_w, current_a, voltage_v, speed_rpm or drive (0 to 1).
func (i Input) MarshalJSON() ([]byte, error) {
	type plain Input
	out := struct {
		plain
		Temp    *float64 `json:"temp_c,omitempty"`
		Power   *float64 `json:"power_w,omitempty"`
		Current *float64 `json:"current_a,omitempty"`
		Voltage *float64 `json:"voltage_v,omitempty"`
		Speed   *int64   `json:"speed_rpm,omitempty"`
		Drive   *float64 `json:"drive,omitempty"`
	}{plain: plain(i)}
	switch v := i.Value.(type) {
	case physic.Temperature:
		out.Temp = celsiusOrNil(v)
	case physic.Power:
		out.Power = ratio(int64(v), int64(physic.Watt))
	case physic.ElectricCurrent:
		out.Current = ratio(int64(v), int64(physic.Ampere))
	case physic.ElectricPotential:
		out.Voltage = ratio(int64(v), int64(physic.Volt))
	case Speed:
		out.Speed = (*int64)(&v)
	case Drive:
		out.Drive = ratio(int64(v), 255)
	case nil:
	default:
		return nil, fmt.Errorf("input %s: no unit for %T", i.Name, v)
	}
	return json.Marshal(out)
}

// MarshalJSON adds power_w, null for counters of energy and what can't be read.
func (s PowerSensor) MarshalJSON() ([]byte, error) {
	type plain PowerSensor
	var power *float64
	if s.Source != "powercap" && s.Problem == nil {
		power = ratio(int64(s.Power), int64(physic.Watt))
	}
	return json.Marshal(struct {
		plain
		Power *float64 `json:"power_w"`
	}{plain(s), power})
}

// MarshalJSON adds timeout_s.
func (w Watchdog) MarshalJSON() ([]byte, error) {
	type plain Watchdog
	return json.Marshal(struct {
		plain
		Timeout float64 `json:"timeout_s,omitempty"`
	}{plain(w), w.Timeout.Seconds()})
}

// MarshalJSON adds temp_c and trips_c, of PCIe.
func (t EdgeTPU) MarshalJSON() ([]byte, error) {
	type plain EdgeTPU
	trips := make([]*float64, len(t.Trips))
	for i, trip := range t.Trips {
		trips[i] = celsiusOrNil(trip)
	}
	return json.Marshal(struct {
		plain
		Temp  *float64   `json:"temp_c,omitempty"`
		Trips []*float64 `json:"trips_c,omitempty"`
	}{plain(t), celsiusOrNil(t.Temp), trips})
}

func hertz(f physic.Frequency) int64 { return int64(f / physic.Hertz) }

// celsiusOrNil is nil for 0 K, which stands for a temperature that could not be read.
func celsiusOrNil(t physic.Temperature) *float64 {
	if t == 0 {
		return nil
	}
	return ratio(int64(t-physic.ZeroCelsius), int64(physic.Kelvin))
}

func ratio(n, unit int64) *float64 {
	f := float64(n) / float64(unit)
	return &f
}
