package sim

import (
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/sensors"
	"atoll/thermal"
)

// predictive is the firmware's own filter and controller: what runs on a board.
type predictive struct {
	filter     *sensors.Filter
	controller *thermal.Controller
	readings   []sensors.Reading
}

// Predictive makes the policy that the firmware uses.
func Predictive(f Facts) Policy {
	return &predictive{
		filter: sensors.NewFilter(1, sensors.Limits{}),
		controller: thermal.NewController(thermal.Options{
			SetPoint: celsius(f.SetPoint), Alert: celsius(f.SetPoint + 5), Shutdown: celsius(f.SetPoint + 15),
			Start: board.Thermal{
				DieResistance: 3, DieCapacity: 2, BoardResistance: 8, BoardCapacity: 40,
				AmbientAssumed: celsius(25),
			},
			Least: physic.Power(f.Idle * float64(physic.Watt)), Most: physic.Power(f.Full * float64(physic.Watt)),
		}),
		readings: []sensors.Reading{{Info: &sensors.Info{Name: "die", Place: sensors.PlaceDie}}},
	}
}

func celsius(t float64) physic.Temperature {
	return physic.ZeroCelsius + physic.Temperature(t*float64(physic.Kelvin))
}

// epoch is when simulated time begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (p *predictive) Decide(o Observation) float64 {
	r := &p.readings[0]
	r.Value, r.At, r.Quality, r.Reason = int64(celsius(o.Temp)), epoch.Add(o.Now), sensors.Good, ""
	if !o.OK {
		r.Quality = sensors.Missing
	}
	course := p.controller.Predict(o.Now, physic.Power(o.Power*float64(physic.Watt)))
	p.filter.Update(r.At, p.readings, course)
	return p.controller.Step(thermal.Input{
		Temperature: r.Temperature(), Trusted: r.Quality == sensors.Good,
		Suspect: r.Quality == sensors.Suspect, Bound: o.Bound,
	}).Share
}
