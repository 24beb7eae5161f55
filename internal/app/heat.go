package app

import (
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/internal/config"
	"atoll/sensors"
	"atoll/thermal/actuator"
)

// stepEvery is how often the thermostat ticks.
const stepEvery = 100 * time.Millisecond

// startLimit is how long it may take to find the board, its sensors or its actuators:
// a driver that does not answer must not hold up the others, nor the end.
const startLimit = 10 * time.Second

// heat keeps the board cool while a run is under way. Its one goroutine finds what
// the board has, while the models load, then ticks a thermostat; and it puts back
// what that turned, so that even its own panic leaves no throttle behind.
type heat struct {
	heatOptions
	profile    *board.Profile
	pace       pace
	thermostat atomic.Pointer[thermostat] // nil until the sensors are known
	stop, done chan struct{}
}

// heatOptions are what a heat is made of.
type heatOptions struct {
	config  config.Thermal
	root    string // holds proc and sys
	tree    board.Tree
	state   string           // folder of the actuators' record
	sensors []sensors.Sensor // those configured; it closes them
	clock   sensors.Clock
	log     zerolog.Logger
}

// openHeat opens the sensors that cfg names, finds out which board this is and keeps it
// cool until Close. It does not wait for what the board has to be found.
func openHeat(cfg config.Config, o RunOptions) (*heat, error) {
	root := o.Root
	if root == "" {
		root = "/"
	}
	tree, err := openTree(root)
	if err != nil {
		return nil, err
	}
	list, err := openSensors(cfg, root)
	if err != nil {
		return nil, err
	}
	return startHeat(heatOptions{
		config: cfg.Thermal, root: root, tree: tree, state: o.State,
		sensors: list, clock: sensors.SystemClock{}, log: o.Logger,
	}), nil
}

func startHeat(o heatOptions) *heat {
	h := &heat{heatOptions: o, pace: pace{changed: make(chan struct{}, 1)}, stop: make(chan struct{}), done: make(chan struct{})}
	h.identify()
	go h.run()
	return h
}

// identify finds the profile of the board.
func (h *heat) identify() {
	type identity struct {
		profile *board.Profile
		model   string
	}
	found, ok := within(h, "board", func() identity {
		profile, model := board.ProfileOf(h.tree)
		return identity{profile, model}
	}, func(identity) {})
	if !ok {
		found.profile = board.GenericProfile()
	}
	p := found.profile
	h.profile = p
	h.log.Info().Str("profile", p.Name).Bool("generic", p.Generic).Str("model", found.model).Msg("board")
	for name, c := range map[string]struct{ ours, kernel physic.Temperature }{
		"set_point": {h.config.SetPoint.Temperature(), p.Passive},
		"shutdown":  {h.config.Shutdown.Temperature(), p.Critical},
	} {
		if c.ours > c.kernel {
			h.log.Warn().Str("profile", p.Name).Float64(name+"_c", c.ours.Celsius()).Float64("kernel_c", rounded(c.kernel.Celsius(), 10)).
				Msg("[thermal] " + name + " lies above the temperature at which the kernel of this board acts by itself: the kernel acts before")
		}
	}
}

// endLimit is how long the end waits for what is still being found.
const endLimit = 3 * time.Second

// within returns what find finds within the limit. Otherwise it says so and goes on;
// what is found after that goes to late.
func within[T any](h *heat, what string, find func() T, late func(T)) (found T, ok bool) {
	result, gone := make(chan T), make(chan struct{})
	go func() {
		v := find()
		select {
		case result <- v:
		case <-gone:
			late(v)
		}
	}()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	for stop := h.stop; ; {
		select {
		case v := <-result:
			return v, true
		case <-stop:
			stop = nil
			limit.Reset(endLimit)
		case <-limit.C:
			h.log.Warn().Str("what", what).Msg("a driver does not answer in time: going on without what it has")
			close(gone)
			return found, false
		}
	}
}

// Close puts clocks and fans back and ends all that was started. It waits for what
// does not answer only so long.
func (h *heat) Close() {
	close(h.stop)
	<-h.done
}

// tell logs how warm the board is, once that is known.
func (h *heat) tell() {
	t := h.thermostat.Load()
	if t == nil {
		return
	}
	if s, ticked := t.State(); ticked {
		s.fields(h.log.Info()).Msg("board so far")
	}
}

func (h *heat) run() {
	defer close(h.done)
	list := h.findSensors()
	hub := sensors.NewHub(list, sensors.HubOptions{Clock: h.clock})
	defer func() {
		if err := hub.Close(); err != nil {
			h.log.Warn().Err(err).Msg("sensors can't be closed")
		}
	}()
	t := newThermostat(h.heatOptions, h.profile, list)
	t.read, t.bound, t.correct = hub.Latest, h.pace.bound, h.pace.correct
	if h.config.Control {
		set := h.findActuators()
		defer set.Close() // before the sensors, which may take their time
		h.pace.budget.Store(set.Budget)
		h.pace.precision.Store(set.Precision)
		t.apply = func(s actuator.Setting) error {
			before := h.pace.Share()
			err := set.Turn(s)
			if h.pace.Share() != before {
				h.pace.tell()
			}
			return err
		}
	}
	h.thermostat.Store(t)
	h.loop(t)
}

func (h *heat) loop(t *thermostat) {
	ticks, end := h.clock.Tick(stepEvery)
	defer end()
	for {
		select {
		case <-h.stop:
			return
		case <-ticks:
			t.tick(h.clock.Now())
		}
	}
}

// findSensors returns all there are: those configured first, as who configures one
// wants it used, and the energy model last.
func (h *heat) findSensors() []sensors.Sensor {
	env := sensors.Env{Root: h.root, Clock: h.clock}
	type result struct {
		found    []sensors.Sensor
		unusable []sensors.Problem
	}
	r, _ := within(h, "sensors", func() result {
		found, unusable := sensors.Find(env)
		return result{found, unusable}
	}, func(r result) {
		for _, s := range r.found {
			s.Close()
		}
	})
	for _, p := range r.unusable {
		h.log.Info().Str("kind", p.Part).Err(p.Err).Msg("sensor can't be used")
	}
	list := append(h.sensors, r.found...)
	energy, err := sensors.NewEnergy(env, h.profile.Energy)
	if err != nil {
		h.log.Warn().Err(err).Msg("power can't be estimated")
		return list
	}
	return append(list, energy)
}

// findActuators returns all there are and tells what is left out.
func (h *heat) findActuators() *actuator.Set {
	o := actuator.Options{State: h.state, Logger: h.log, Now: h.clock.Now}
	type result struct {
		set      *actuator.Set
		problems []actuator.Problem
	}
	r, ok := within(h, "actuators", func() result {
		set, problems := actuator.Find(h.root, h.profile.Energy, o)
		return result{set, problems}
	}, func(r result) { r.set.Close() })
	if !ok {
		o.State = "" // so that nothing in sysfs is touched
		r.set, _ = actuator.Find(h.root, h.profile.Energy, o)
	}
	for _, p := range r.problems {
		h.log.Info().Str("actuator", p.Name).Err(p.Err).Msg("actuator is left out")
	}
	h.log.Info().Strs("actuators", r.set.Names()).Msg("actuators")
	return r.set
}

// openTree opens the tree that a run looks for its board in.
func openTree(root string) (board.Tree, error) {
	if filepath.Clean(root) == "/" {
		return board.Live(), nil
	}
	return board.OpenTree(root)
}

// openSensors opens those configured. The error is that of the configuration.
func openSensors(cfg config.Config, root string) ([]sensors.Sensor, error) {
	var list []sensors.Sensor
	for i, c := range cfg.Sensors {
		s, err := sensors.Open(sensors.Env{Root: root}, c)
		if err != nil {
			for _, s := range list {
				s.Close()
			}
			return nil, cfg.SensorError(i, err)
		}
		list = append(list, s)
	}
	return list, nil
}
