package doctor

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/sensors"
)

// watchFor is how long sensors are watched: ten readings of a temperature. watchEvery
// is the period of the thermal controller.
const (
	watchFor   = time.Second
	watchEvery = 100 * time.Millisecond
)

// watched is what the sensors said after a while.
type watched struct {
	found      int // how many of readings the system describes; the others are configured
	readings   []sensors.Reading
	problems   []sensors.Problem
	unopened   []error // of configured sensors
	configured int
}

// watchOnce returns a function that watches all sensors, found and configured, the
// first time it is called.
func (x *examination) watchOnce() func() watched {
	return sync.OnceValue(func() watched {
		w := watched{configured: len(x.config.Sensors)}
		var all []sensors.Sensor
		all, w.problems = x.Live.FindSensors()
		w.found = len(all)
		for _, c := range x.config.Sensors {
			s, err := x.Live.OpenSensor(c)
			if err != nil {
				w.unopened = append(w.unopened, err)
				continue
			}
			all = append(all, s)
		}
		w.readings = watch(all)
		return w
	})
}

// watch reads the sensors for a while, through the filter that the controller has.
func watch(all []sensors.Sensor) []sensors.Reading {
	if len(all) == 0 {
		return nil
	}
	hub := sensors.NewHub(all, sensors.HubOptions{})
	defer hub.Close() // what still blocks is told by its reading
	filter := sensors.NewFilter(len(all), sensors.Limits{})
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var readings []sensors.Reading
	for range watchFor / watchEvery {
		<-tick.C
		readings = hub.Latest(readings)
		filter.Update(time.Now(), readings, sensors.Course{})
	}
	for i := range readings {
		if readings[i].Quality == sensors.Missing && readings[i].Reason == "not read yet" {
			readings[i].Reason = fmt.Sprintf("does not answer within %v", watchFor)
		}
	}
	return readings
}

// temperatures are the readings that the board is controlled by.
func (w watched) temperatures() []sensors.Reading {
	return w.of(func(r sensors.Reading) bool {
		return r.Quantity == sensors.Temperature && r.Place != sensors.PlaceOther
	})
}

func (w watched) of(kind func(sensors.Reading) bool) []sensors.Reading {
	var of []sensors.Reading
	for _, r := range w.readings {
		if kind(r) {
			of = append(of, r)
		}
	}
	return of
}

// hottest is the highest temperature that can be believed, or nil.
func (w watched) hottest() *sensors.Reading {
	var top *sensors.Reading
	for _, r := range w.temperatures() {
		if r.Quality == sensors.Good && (top == nil || r.Value > top.Value) {
			top = &r
		}
	}
	return top
}

// trouble is what is wrong with sensors of these kinds that were found.
func (w watched) trouble(parts ...string) []string {
	var all []string
	for _, p := range w.problems {
		if slices.Contains(parts, p.Part) {
			all = append(all, p.Error())
		}
	}
	return all
}

// bad lists readings that can't be believed.
func bad(readings []sensors.Reading) []string {
	var all []string
	for _, r := range readings {
		if r.Quality > sensors.Estimated {
			all = append(all, fmt.Sprintf("%s: %s", r.Name, reason(r)))
		}
	}
	return all
}

func reason(r sensors.Reading) string {
	if r.Quality == sensors.Suspect && r.Quantity == sensors.Temperature {
		return fmt.Sprintf("reads %s, %s", celsius(r.Temperature()), r.Reason)
	}
	return r.Reason
}

func celsius(t physic.Temperature) string { return fmt.Sprintf("%.1f\u00a0°C", t.Celsius()) }
