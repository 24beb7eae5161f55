package app

import (
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"atoll/board"
	"atoll/internal/config"
	"atoll/sensors"
	"atoll/thermal/actuator"
)

// stepEvery is how often the thermostat ticks.
const stepEvery = 100 * time.Millisecond

// heat keeps the board cool while a run is under way. Its one goroutine finds out
// which board this is, while the models load, then ticks a thermostat; and it puts
// back what that turned, so that even its own panic leaves no throttle behind.
type heat struct {
	heatOptions
	pace       pace
	thermostat atomic.Pointer[thermostat] // nil until the board is known
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

// openHeat opens the sensors that cfg names and keeps the board cool until Close. It
// does not wait for the board to be found out.
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
		sensors: list, clock: systemClock{}, log: o.Logger,
	}), nil
}

func startHeat(o heatOptions) *heat {
	h := &heat{heatOptions: o, stop: make(chan struct{}), done: make(chan struct{})}
	go h.run()
	return h
}

// Close puts clocks and fans back and ends all that was started.
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
	found := board.Detect(h.tree)
	h.log.Info().Str("profile", found.Profile.Name).Bool("generic", found.Profile.Generic).Str("model", found.Model).Msg("board")
	list := h.findSensors(found.Profile)
	hub := sensors.NewHub(list, sensors.HubOptions{Clock: h.clock})
	defer func() {
		if err := hub.Close(); err != nil {
			h.log.Warn().Err(err).Msg("sensors can't be closed")
		}
	}()
	t := newThermostat(h.heatOptions, found.Profile, list)
	t.read, t.bound = hub.Latest, h.pace.bound
	if h.config.Control {
		set := h.findActuators(found.Profile)
		defer set.Close() // before the sensors, which may take their time
		h.pace.budget.Store(set.Budget)
		t.apply = set.Apply
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
func (h *heat) findSensors(profile *board.Profile) []sensors.Sensor {
	env := sensors.Env{Root: h.root, Clock: h.clock}
	found, unusable := sensors.Find(env)
	for _, p := range unusable {
		h.log.Info().Str("kind", p.Part).Err(p.Err).Msg("sensor can't be used")
	}
	list := append(h.sensors, found...)
	energy, err := sensors.NewEnergy(env, profile.Energy)
	if err != nil {
		h.log.Warn().Err(err).Msg("power can't be estimated")
		return list
	}
	return append(list, energy)
}

// findActuators returns all there are and tells what is left out.
func (h *heat) findActuators(profile *board.Profile) *actuator.Set {
	set, problems := actuator.Find(h.root, profile.Energy, actuator.Options{State: h.state, Logger: h.log, Now: h.clock.Now})
	for _, p := range problems {
		h.log.Info().Str("actuator", p.Name).Err(p.Err).Msg("actuator is left out")
	}
	h.log.Info().Strs("actuators", set.Names()).Msg("actuators")
	return set
}

// systemClock is the real one.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) Tick(period time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(period)
	return t.C, t.Stop
}

// openTree opens the tree that a run looks for its board in. It is no live one: to try
// what eBPF can do takes longer than all the rest, and nobody asks for that here.
func openTree(root string) (board.Tree, error) {
	if filepath.Clean(root) == "/" {
		return struct{ board.Tree }{board.Live()}, nil
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
