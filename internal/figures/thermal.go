package figures

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/sensors"
	"atoll/thermal"
	"atoll/thermal/sim"
)

// Cooling simulates every thermal policy on that many boards of a seed.
func Cooling(plants int, seed uint64) (map[string]sim.Score, error) {
	r, err := sim.Run(context.Background(), sim.Options{Plants: plants, Seed: seed})
	return r.Policies, err
}

// controlled is a filter and a controller that see one sensor warm up and cool down
// again as the power changes.
type controlled struct {
	filter     *sensors.Filter
	controller *thermal.Controller
	readings   []sensors.Reading
	steps      int
}

func newControlled() *controlled {
	return &controlled{
		filter: sensors.NewFilter(1, sensors.Limits{}),
		controller: thermal.NewController(thermal.Options{
			SetPoint: thermal.DefaultSetPoint, Alert: thermal.DefaultAlert, Shutdown: thermal.DefaultShutdown,
			Start: board.Thermal{
				DieResistance: 3, DieCapacity: 2, BoardResistance: 8, BoardCapacity: 40,
				AmbientAssumed: physic.ZeroCelsius + 25*physic.Kelvin,
			},
			Least: physic.Watt, Most: 8 * physic.Watt,
		}),
		readings: []sensors.Reading{{Info: &sensors.Info{Name: "die", Place: sensors.PlaceDie}}},
	}
}

func (c *controlled) step() {
	c.steps++
	now := time.Duration(c.steps) * sim.Interval
	up, part := c.steps/50%2, c.steps%50
	drawn := physic.Watt * physic.Power(2+4*up)
	if up == 0 {
		part = 50 - part
	}
	r := &c.readings[0]
	r.Value = int64(physic.ZeroCelsius + 55*physic.Kelvin + physic.Temperature(part)*200*physic.MilliKelvin)
	r.At, r.Quality, r.Reason = time.Unix(0, 0).Add(now), sensors.Good, ""
	c.filter.Update(r.At, c.readings, c.controller.Predict(now, drawn))
	c.controller.Step(thermal.Input{Temperature: r.Temperature(), Trusted: r.Quality == sensors.Good, Bound: true})
}

// ControllerStep is what one step of filter and controller costs, without reading
// sensors or turning anything: the mean time, and allocations.
func ControllerStep() (took time.Duration, allocs float64) {
	c := newControlled()
	for range 2000 {
		c.step()
	}
	const steps = 200_000
	began := time.Now()
	for range steps {
		c.step()
	}
	took = time.Since(began) / steps
	return took, testing.AllocsPerRun(2000, c.step)
}

// DetectCaptured is the median time of a detection on each captured tree of a folder.
func DetectCaptured(dir string) (map[string]time.Duration, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no captured tree in %s (%v): run this from the root of the checkout", dir, err)
	}
	medians := map[string]time.Duration{}
	for _, path := range paths {
		tree, err := board.OpenTree(path)
		if err != nil {
			return nil, err
		}
		medians[strings.TrimSuffix(filepath.Base(path), ".txtar")] = median(21, func() { board.Detect(tree) })
	}
	return medians, nil
}

// DetectLive is the median time of the whole process of atoll detect on this
// machine.
func DetectLive(bin string) (took time.Duration, err error) {
	took = median(15, func() {
		if out, failed := exec.Command(bin, "detect", "--json").CombinedOutput(); failed != nil {
			err = fmt.Errorf("%s detect: %w: %s", bin, failed, out)
		}
	})
	return took, err
}

func median(n int, f func()) time.Duration {
	var took []time.Duration
	for range n {
		began := time.Now()
		f()
		took = append(took, time.Since(began))
	}
	return quantile(took, 0.5)
}
