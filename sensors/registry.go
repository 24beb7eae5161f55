package sensors

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"periph.io/x/conn/v3/i2c"
)

// Part is one kind of sensor. A file adds one by calling register from init.
type Part struct {
	Kind    string   // what Info.Part and the configuration call it
	Summary string   // one line for help and docs
	Where   string   // what it reads, or the addresses it can have
	Keys    []string // of Config that it takes besides kind, name and place; nil: it is found, not configured

	// Find returns the sensors of this kind below env.Root and what stood in
	// the way of others; nil for a part that is configured.
	Find func(env Env) ([]Sensor, []error)
	// Open returns the sensor that a checked cfg describes; nil for a part that
	// is found.
	Open func(env Env, cfg Config) (Sensor, error)

	check func(cfg Config) error // what Config.Check can't know
}

// Env is the system that sensors are looked for in.
type Env struct {
	Root string // folder that holds sys, proc and dev; "" is "/"
	// Bus opens the I2C bus of that number ("1"); nil: the device file of that
	// bus below Root, one handle for all sensors on it.
	Bus   func(number string) (i2c.BusCloser, error)
	Clock Clock // nil: the real one

	names map[string]bool // that Find has given away
}

// path returns where something is below the root.
func (e Env) path(elem ...string) string {
	return filepath.Join(append([]string{"/", e.Root}, elem...)...)
}

// defaults returns e with every field set.
func (e Env) defaults() Env {
	if e.Clock == nil {
		e.Clock = SystemClock{}
	}
	if e.Bus == nil {
		root := e.path()
		e.Bus = func(number string) (i2c.BusCloser, error) {
			return deviceBuses.open(filepath.Join(root, "dev", "i2c-"+number))
		}
	}
	return e
}

// unique returns name, numbered when Find has given it to another sensor.
func (e Env) unique(name string) string {
	result := name
	for n := 2; e.names[result]; n++ {
		result = fmt.Sprintf("%s-%d", name, n)
	}
	if e.names != nil {
		e.names[result] = true
	}
	return result
}

// Problem is a sensor, or a whole kind, that is there and can't be used.
type Problem struct {
	Part string
	Err  error
}

func (p Problem) Error() string { return p.Part + ": " + p.Err.Error() }

// Unwrap returns the cause.
func (p Problem) Unwrap() error { return p.Err }

var parts []Part

// register makes a kind of sensor known.
func register(p Part) {
	parts = append(parts, p)
	slices.SortFunc(parts, func(a, b Part) int { return strings.Compare(a.Kind, b.Kind) })
}

// Parts returns the kinds of sensor there are, sorted by kind.
func Parts() []Part { return slices.Clone(parts) }

// partOf returns the configurable part of that kind.
func partOf(kind string) (Part, error) {
	var known []string
	for _, p := range parts {
		if p.Open == nil {
			continue
		}
		if p.Kind == kind {
			return p, nil
		}
		known = append(known, p.Kind)
	}
	return Part{}, fmt.Errorf("unknown kind %q: use one of %s", kind, strings.Join(known, ", "))
}

// Find returns the sensors that the system itself describes, with files of its
// below env.Root, and what can't be used of them. No bus is touched: what hangs
// on one must be configured, because looking for it by address can disturb a board.
// The caller closes the sensors, or gives them to a Hub.
func Find(env Env) ([]Sensor, []Problem) {
	env = env.defaults()
	env.names = map[string]bool{}
	var (
		all      []Sensor
		problems []Problem
	)
	for _, p := range parts {
		if p.Find == nil {
			continue
		}
		found, errs := p.Find(env)
		all = append(all, found...)
		for _, err := range errs {
			problems = append(problems, Problem{p.Kind, err})
		}
	}
	return all, problems
}

// Open returns the sensor that cfg describes. Its bus is opened and its chip
// checked by the first Read and again by the one after a failure, so that a part
// that is absent now is an error of its readings, not of the start. One that stays
// absent is tried less and less often, down to every 32 s.
func Open(env Env, cfg Config) (Sensor, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	p, err := partOf(cfg.Kind)
	if err != nil {
		return nil, err
	}
	s, err := p.Open(env.defaults(), cfg)
	if err != nil {
		return nil, fmt.Errorf("sensor %q: %w", cfg.Name, err)
	}
	return s, nil
}
