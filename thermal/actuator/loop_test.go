package actuator

import (
	"math"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/sensors"
	"atoll/thermal"
)

// sixSteps is a board that draws 2.7 W when idle and 8.7 W under full load.
var sixSteps = board.Energy{
	Static: 2700 * physic.MilliWatt,
	Clusters: []board.Cluster{{Cores: 4, Capacitance: 1, Steps: []board.Step{
		{Frequency: 500 * physic.MegaHertz, Voltage: 700 * physic.MilliVolt},
		{Frequency: 700 * physic.MegaHertz, Voltage: 760 * physic.MilliVolt},
		{Frequency: 900 * physic.MegaHertz, Voltage: 820 * physic.MilliVolt},
		{Frequency: 1100 * physic.MegaHertz, Voltage: 880 * physic.MilliVolt},
		{Frequency: 1300 * physic.MegaHertz, Voltage: 940 * physic.MilliVolt},
		{Frequency: 1500 * physic.MegaHertz, Voltage: 1000 * physic.MilliVolt},
	}}},
}

// Controller, clocks and pace together hold the set point and come to rest, wherever
// between the steps of the clock the power is that just reaches it.
func TestLoopComesToRest(t *testing.T) {
	for _, ambient := range []float64{18, 22, 26, 30, 34, 38, 42} {
		r := newRig(t, onlyCPU().with(files{
			policy0 + "/scaling_available_frequencies": "500000 700000 900000 1100000 1300000 1500000",
		}))
		s, _ := r.find(sixSteps)
		start := board.Thermal{DieResistance: 3, DieCapacity: 1.5, BoardResistance: 5, BoardCapacity: 30, AmbientAssumed: physic.ZeroCelsius + 25*physic.Kelvin}
		c := thermal.NewController(thermal.Options{
			SetPoint: thermal.DefaultSetPoint, Alert: thermal.DefaultAlert, Shutdown: thermal.DefaultShutdown, Start: start,
			Least: sensors.PowerAt(sixSteps, nil, 0), Most: sensors.PowerAt(sixSteps, nil, 1),
		})
		const dt, resistance, capacity = 0.1, 8.0, 10.0 // s, K/W, J/K: one node
		policy := s.clocks.policies[0]
		temperature, watts, moves := ambient+2.7*resistance, 2.7, 0
		least, most := math.Inf(1), math.Inf(-1)
		for i := range 12000 { // ten minutes to settle, ten to be watched
			now := time.Duration(i) * 100 * time.Millisecond
			reading := math.Round(temperature*1000) / 1000
			c.Predict(now, physic.Power(watts*float64(physic.Watt)))
			d := c.Step(thermal.Input{
				Temperature: physic.ZeroCelsius + physic.Temperature(reading*float64(physic.Kelvin)), Trusted: true, Bound: s.Budget.Share() < 1,
			})
			before := policy.cap.wrote
			if _, err := s.Apply(Setting{Share: d.Share, Cooling: d.Cooling}); err != nil {
				t.Fatal(err)
			}
			r.pass(100 * time.Millisecond)
			watts = 2.7 + s.Budget.Share()*policy.power(policy.inForce)
			temperature += dt * (watts - (temperature-ambient)/resistance) / capacity
			if i >= 6000 {
				least, most = min(least, temperature), max(most, temperature)
				if policy.cap.wrote != before {
					moves++
				}
			}
		}
		if moves > 5 || most-least > 1 || most > 70.5 || least < 68 {
			t.Errorf("%v °C: %d moves of the clock in ten minutes, %.2f to %.2f °C", ambient, moves, least, most)
		}
		s.Close()
	}
}
