package board

import (
	"fmt"

	"periph.io/x/conn/v3/physic"
)

// Zone is a thermal zone of the kernel (Documentation/driver-api/thermal/sysfs-api.rst).
type Zone struct {
	Name    string             `json:"name"` // "thermal_zone0", in /sys/class/thermal
	Type    string             `json:"type"` // "cpu-thermal"
	Policy  string             `json:"policy"`
	Mode    string             `json:"mode"`
	Temp    physic.Temperature `json:"-"` // 0 K if it could not be read
	Trips   []Trip             `json:"trips"`
	Problem *Problem           `json:"problem,omitempty"`
}

// Trip is a temperature at which the kernel acts.
type Trip struct {
	Type string             `json:"type"` // active, passive, hot or critical
	Temp physic.Temperature `json:"-"`
	Hyst physic.Temperature `json:"-"` // a difference
}

// Cooler is something the kernel cools with: a fan, or a clock that it lowers.
type Cooler struct {
	Name    string   `json:"name"` // "cooling_device0", in /sys/class/thermal
	Type    string   `json:"type"`
	State   int64    `json:"cur_state"` // 0 doesn't cool
	Max     int64    `json:"max_state"`
	Problem *Problem `json:"problem,omitempty"`
}

// Temperatures beyond these no part of a board survives; a dead sensor reads them.
const (
	lowestTemp  = -60_000 // m°C
	highestTemp = 200_000
)

const maxTrips = 32

func (r *reader) zones() []Zone {
	zones := []Zone{}
	for _, name := range r.list("sys/class/thermal", "thermal_zone") {
		if _, ok := index(name, "thermal_zone"); !ok {
			continue
		}
		dir := "sys/class/thermal/" + name + "/"
		z := Zone{Name: name, Type: r.maybe(dir + "type"), Policy: r.maybe(dir + "policy"), Mode: r.maybe(dir + "mode"), Trips: []Trip{}}
		for i := range maxTrips {
			trip, ok := r.trip(fmt.Sprintf("%strip_point_%d_", dir, i))
			if !ok {
				break
			}
			z.Trips = append(z.Trips, trip)
		}
		z.Temp, z.Problem = r.temperature(dir + "temp")
		if z.Mode == "disabled" && z.Problem != nil {
			z.Problem.Fix = fmt.Sprintf("the zone is disabled: echo enabled | sudo tee /%smode", dir)
		}
		zones = append(zones, z)
	}
	return zones
}

// trip reads a trip point; one whose temperature is out of reach is switched off and
// has none.
func (r *reader) trip(prefix string) (Trip, bool) {
	t := Trip{Type: r.maybe(prefix + "type")}
	temp, ok := r.maybeNumber(prefix + "temp")
	if t.Type == "" && !ok {
		return t, false
	}
	if ok && temp >= lowestTemp && temp <= highestTemp {
		t.Temp = millicelsius(temp)
	}
	if hyst, ok := r.maybeNumber(prefix + "hyst"); ok && hyst >= 0 && hyst <= highestTemp {
		t.Hyst = physic.Temperature(hyst) * physic.MilliKelvin
	}
	return t, true
}

func (r *reader) coolers() []Cooler {
	coolers := []Cooler{}
	for _, name := range r.list("sys/class/thermal", "cooling_device") {
		dir := "sys/class/thermal/" + name + "/"
		c := Cooler{Name: name, Type: r.maybe(dir + "type")}
		var err error
		if c.Max, err = r.number(dir + "max_state"); err != nil {
			c.Problem = readProblem(dir+"max_state", err)
		}
		if c.State, err = r.number(dir + "cur_state"); err != nil {
			c.Problem = readProblem(dir+"cur_state", err)
		}
		coolers = append(coolers, c)
	}
	return coolers
}

// temperature reads a file of thousandths of a degree Celsius.
func (r *reader) temperature(name string) (physic.Temperature, *Problem) {
	n, err := r.number(name)
	if err != nil {
		return 0, readProblem(name, err)
	}
	if n < lowestTemp || n > highestTemp {
		return 0, implausible(name, n)
	}
	return millicelsius(n), nil
}

func millicelsius(n int64) physic.Temperature {
	return physic.ZeroCelsius + physic.Temperature(n)*physic.MilliKelvin
}
