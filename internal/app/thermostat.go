package app

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/sensors"
	"atoll/thermal"
	"atoll/thermal/actuator"
)

// settleTime is how long sensors may take for their first answer: longer than the hub
// waits for any.
const settleTime = 1500 * time.Millisecond

// thermostat reads, decides and turns, once a tick. One goroutine ticks; any may ask
// for its state.
type thermostat struct {
	log        zerolog.Logger
	read       func([]sensors.Reading) []sensors.Reading
	apply      func(actuator.Setting) error // nil: nothing is turned; must not wait
	bound      func() bool                  // work was held back since the last call
	correct    func(times float64)          // hears of power above idle, measured over modelled; nil: nobody does
	idle       physic.Power                 // by the model
	controller *thermal.Controller
	filter     *sensors.Filter
	model      estimate
	measured   bool // there is a sensor of the die

	began    time.Time // first tick
	last     time.Time // tick
	settled  bool      // what there is to know has been read once
	readings []sensors.Reading
	now      state

	bad          []tally // each sensor
	hot, hottest tally   // the board, above alert and shutdown
	guessed      tally   // work is held back by an estimate

	mu     sync.Mutex
	shown  state
	ticked bool
}

// state is how warm the board is, what it draws and what is decided on it.
type state struct {
	temperature    physic.Temperature
	power          physic.Power
	modelled       bool // the temperature is an estimate
	powerModelled  bool // the power is
	trusted, known bool // the temperature is one of now; there is one at all
	suspect        bool // sensors of the die say what can't be, and none can be trusted
	decided        bool // by the decision, which is carried out
	decision       thermal.Decision
}

// newThermostat makes the thermostat of a board with these sensors.
func newThermostat(o heatOptions, profile *board.Profile, list []sensors.Sensor) *thermostat {
	t := &thermostat{
		log: o.log,
		controller: thermal.NewController(thermal.Options{
			SetPoint: o.config.SetPoint.Temperature(), Alert: o.config.Alert.Temperature(), Shutdown: o.config.Shutdown.Temperature(),
			Start: profile.Thermal,
			Least: sensors.PowerAt(profile.Energy, nil, 0), Most: sensors.PowerAt(profile.Energy, nil, 1),
		}),
		filter:   sensors.NewFilter(len(list), sensors.Limits{}),
		model:    estimate{Thermal: profile.Thermal},
		idle:     profile.Energy.Static,
		readings: make([]sensors.Reading, 0, len(list)),
		bad:      make([]tally, len(list)),
		now:      state{power: profile.Energy.Static, powerModelled: true},
	}
	for _, s := range list {
		info := s.Info()
		t.measured = t.measured || info.Quantity == sensors.Temperature && info.Place == sensors.PlaceDie
	}
	if !t.measured {
		t.log.Warn().Str("profile", profile.Name).
			Msg("no temperature sensor: running on the energy model's estimate; nothing here was measured")
	}
	return t
}

// tick is one step. It allocates nothing unless there is something to tell.
func (t *thermostat) tick(now time.Time) {
	if t.began.IsZero() {
		t.began, t.last = now, now
	}
	passed := now.Sub(t.last)
	t.last = now
	t.readings = t.read(t.readings)
	t.measurePower(now)
	t.filter.Update(now, t.readings, t.controller.Predict(now.Sub(t.began), t.now.power))
	if t.settled = t.settled || t.answered() || now.Sub(t.began) >= settleTime; !t.settled {
		return
	}
	t.tellSensors(now)
	t.measureTemperature(passed)
	t.now.decision = t.controller.Step(thermal.Input{
		Temperature: t.now.temperature, Trusted: t.now.trusted, Suspect: t.now.suspect, Bound: t.bound(),
	})
	t.turn()
	t.tellAlarm(now)
	t.tellGuess(now)
	t.mu.Lock()
	t.shown, t.ticked = t.now, true
	t.mu.Unlock()
}

// answered reports whether all that is controlled by has been read once.
func (t *thermostat) answered() bool {
	for i := range t.readings {
		r := &t.readings[i]
		if r.At.IsZero() && (r.Place == sensors.PlaceDie || r.Place == sensors.PlaceTotal) {
			return false
		}
	}
	return true
}

// measurePower takes the first sensor of all the board draws that can be believed, then
// the energy model, which stands last in the list; without either the last power goes
// on. It comes before the filter, which is told what the power makes of the temperature.
func (t *thermostat) measurePower(now time.Time) {
	found := false
	for i := range t.readings {
		r := &t.readings[i]
		if r.Quantity != sensors.Power || r.Place != sensors.PlaceTotal || !t.filter.Drawn(now, r) {
			continue
		}
		if !found {
			t.now.power, t.now.powerModelled = r.Power(), r.Quality == sensors.Estimated
			found = true
		} else if r.Quality == sensors.Estimated && !t.now.powerModelled {
			t.comparePower(r.Power())
		}
	}
}

// comparePower tells how the power measured compares to that of the model, if there is
// work enough to tell: what is above idle, within bounds that hold off a sensor of
// something else.
func (t *thermostat) comparePower(modelled physic.Power) {
	const least, most = 0.25, 4
	work := modelled - t.idle
	if t.correct == nil || work < t.idle/20 {
		return
	}
	t.correct(min(most, max(least, float64(t.now.power-t.idle)/float64(work))))
}

// measureTemperature takes the hottest point of die and Edge TPU. The die must be known:
// an Edge TPU that sleeps has no temperature, and one that is hot says nothing of it.
func (t *thermostat) measureTemperature(passed time.Duration) {
	s := &t.now
	s.trusted, s.suspect, s.modelled = false, false, !t.measured
	hottest := physic.Temperature(0) // absolute
	if !t.measured {
		hottest, s.trusted = t.model.step(s.power, passed), true
	}
	for i := range t.readings {
		r := &t.readings[i]
		if r.Quantity != sensors.Temperature || r.Place != sensors.PlaceDie && r.Place != sensors.PlaceTPU {
			continue
		}
		die := r.Place == sensors.PlaceDie
		switch {
		case r.Quality == sensors.Good:
			s.trusted = s.trusted || die
			if r.Temperature() > hottest {
				hottest, s.modelled = r.Temperature(), false
			}
		case r.Quality == sensors.Suspect && die:
			s.suspect = true
		}
	}
	if s.trusted {
		s.temperature, s.known, s.suspect = hottest, true, false // the others go on
	}
}

// turn makes the decision so.
func (t *thermostat) turn() {
	if t.apply == nil {
		return
	}
	d := &t.now.decision
	t.now.decided = true
	setting := actuator.Setting{Share: d.Share, Cooling: d.Cooling}
	if t.now.trusted {
		setting.Hottest = t.now.temperature
	}
	// What fails is told by the actuators themselves when it does not pass.
	if err := t.apply(setting); err != nil {
		t.log.Debug().Err(err).Msg("actuators")
	}
	if d.Changed {
		t.now.fields(t.log.Info()).Str("reason", d.Reason).Msg("thermal budget")
	}
}

// State is that of the last tick; there may have been none.
func (t *thermostat) State() (s state, ticked bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shown, t.ticked
}
