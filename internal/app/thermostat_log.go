package app

import (
	"math"
	"time"

	"github.com/rs/zerolog"

	"atoll/sensors"
	"atoll/thermal"
)

// fields adds a state to a record. What is an estimate is called one.
func (s *state) fields(e *zerolog.Event) *zerolog.Event {
	if s.known {
		e = e.Float64("temperature_c", rounded(s.temperature.Celsius(), 10)).Bool("temperature_estimated", s.modelled).
			Bool("temperature_trusted", s.trusted)
	}
	e = e.Float64("power_w", rounded(float64(s.power)/1e9, 100)).Bool("power_estimated", s.powerModelled)
	if d := &s.decision; s.decided {
		e = e.Float64("budget_w", rounded(float64(d.Power)/1e9, 100)).Float64("share", rounded(d.Share, 100)).Stringer("mode", d.Mode)
	}
	return e
}

func rounded(x, parts float64) float64 { return math.Round(x*parts) / parts }

// tellSensors tells of each sensor that goes bad, and of its return.
func (t *thermostat) tellSensors(now time.Time) {
	for i := range t.readings {
		r := &t.readings[i]
		bad := r.Quality > sensors.Estimated && !r.Idle
		if r.At.IsZero() && now.Sub(t.began) < settleTime {
			continue // it has not answered yet
		}
		changes := t.bad[i].see(now, bad)
		if changes == 0 {
			continue
		}
		level, message := zerolog.InfoLevel, "sensor is back"
		if bad {
			level, message = zerolog.WarnLevel, "sensor is left out"
		}
		e := t.log.WithLevel(level).Str("sensor", r.Name).Str("kind", r.Part).Stringer("quality", r.Quality)
		if bad {
			e = e.Str("reason", r.Reason)
		}
		e.Uint64("changes", changes).Msg(message)
	}
}

// tellAlarm tells of alert and shutdown temperature, and of their ends.
func (t *thermostat) tellAlarm(now time.Time) {
	alarm := t.now.decision.Alarm
	if changes := t.hottest.see(now, alarm >= thermal.Shutdown); changes > 0 {
		if t.hottest.on {
			t.now.fields(t.log.Error()).Uint64("changes", changes).Msg("shutdown temperature is reached: only the least work is done")
		} else {
			t.now.fields(t.log.Info()).Uint64("changes", changes).Msg("below shutdown temperature again")
		}
	}
	if changes := t.hot.see(now, alarm >= thermal.Alert); changes > 0 {
		if t.hot.on {
			t.now.fields(t.log.Warn()).Uint64("changes", changes).Msg("alert temperature is reached")
		} else {
			t.now.fields(t.log.Info()).Uint64("changes", changes).Msg("below alert temperature again")
		}
	}
}

// tellGuess tells that work is held back although no temperature was measured.
func (t *thermostat) tellGuess(now time.Time) {
	if changes := t.guessed.see(now, t.now.decided && t.now.modelled && t.now.decision.Share < 0.95); changes > 0 && t.guessed.on {
		t.now.fields(t.log.Warn()).Uint64("changes", changes).
			Msg("work is held back by an estimated temperature: add a sensor, or set [thermal] control = false")
	}
}
