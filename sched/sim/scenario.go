package sim

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"atoll/internal/strictoml"
	"atoll/sched"
)

// Scenario says what arrives. Scenarios whose name begins with "tune-" are those that
// constants were chosen on; figures are reported on the others.
type Scenario struct {
	Title   string  `toml:"title"`
	Minutes float64 `toml:"minutes"`
	Workers int     `toml:"workers"`
	// Load is how much of all workers' time it would take to infer every input.
	Load float64 `toml:"load"`
	// Work is what every policy but every_frame may infer, as a share of what it would
	// take to infer every input.
	Work float64 `toml:"work"`
	// Together is how often a voice comes with a face soon after it, 0 to 1.
	Together   float64      `toml:"together"`
	Camera     []Camera     `toml:"camera"`
	Microphone []Microphone `toml:"microphone"`
	Chat       []Chat       `toml:"chat"`
}

// Common is what all sources have.
type Common struct {
	Name       string             `toml:"name"`
	Weight     float64            `toml:"weight"`
	Deadline   strictoml.Duration `toml:"deadline"`
	StaleAfter strictoml.Duration `toml:"stale_after"`
	// EventEvery is the mean time from the end of a true event to the next.
	EventEvery strictoml.Duration `toml:"event_every"`
	// Seen is how often a model sees in an input what is there, 0 to 1.
	Seen float64 `toml:"seen"`
}

// Camera is a source of pictures: still and busy stretches, noise, drifting light, and
// faces that come, some of them hardly to be told from what is behind them.
type Camera struct {
	Common
	Still strictoml.Duration `toml:"still"` // mean length of a stretch in which nothing moves but a face
	Busy  strictoml.Duration `toml:"busy"`  // mean length of a stretch in which other things move
	Noise float64            `toml:"noise"` // standard deviation of a cell, of 255
	// Contrast is that of a face with what is behind it, from 0 to 1, drawn between the two.
	Contrast [2]float64 `toml:"contrast"`
}

// Microphone is a source of sound: noise, knocks, and voices.
type Microphone struct {
	Common
	Knock strictoml.Duration `toml:"knock"` // mean time between knocks
	Noise float64            `toml:"noise"` // standard deviation of a band from frame to frame, dB
	Loud  [2]float64         `toml:"loud"`  // of a voice above the noise, dB, drawn between the two
}

// Chat is a source of texts, which come in bursts; each burst is an event.
type Chat struct {
	Common
	Texts [2]int `toml:"texts"` // of a burst, drawn between the two
}

//go:embed scenarios/*.toml
var files embed.FS

// Scenarios lists those that are built in.
func Scenarios() []string {
	paths, err := fs.Glob(files, "scenarios/*.toml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var names []string
	for _, p := range paths {
		names = append(names, strings.TrimSuffix(path.Base(p), ".toml"))
	}
	return names
}

// Load returns the built-in scenario of that name.
func Load(name string) (Scenario, error) {
	if !slices.Contains(Scenarios(), name) {
		return Scenario{}, fmt.Errorf("no scenario %q: there are %s", name, strings.Join(Scenarios(), ", "))
	}
	data, err := files.ReadFile("scenarios/" + name + ".toml")
	if err != nil {
		return Scenario{}, err
	}
	return Parse(data)
}

// MaxLoad bounds the load of a scenario.
const MaxLoad = 100.0

// maxScenario bounds a scenario's document, in bytes.
const maxScenario = 64 << 10

// Parse reads a scenario in TOML.
func Parse(data []byte) (Scenario, error) {
	var s Scenario
	if err := strictoml.Decode(data, maxScenario, &s); err != nil {
		return Scenario{}, fmt.Errorf("scenario: %w", err)
	}
	if err := s.check(); err != nil {
		return Scenario{}, fmt.Errorf("scenario: %w", err)
	}
	return s, nil
}

func (s Scenario) check() error {
	n := len(s.Camera) + len(s.Microphone) + len(s.Chat)
	switch {
	case !(s.Minutes > 0 && s.Minutes <= longest.Minutes()):
		return fmt.Errorf("minutes %v: above 0, up to %v", s.Minutes, longest.Minutes())
	case s.Workers < 1 || s.Workers > maxWorkers:
		return fmt.Errorf("workers %d: from 1 to %d", s.Workers, maxWorkers)
	case !(s.Load > 0 && s.Load <= MaxLoad):
		return fmt.Errorf("load %v: above 0, up to %v", s.Load, MaxLoad)
	case !(s.Work > 0 && s.Work <= 1):
		return fmt.Errorf("work %v: above 0, up to 1", s.Work)
	case !(s.Together >= 0 && s.Together <= 1):
		return fmt.Errorf("together %v: from 0 to 1", s.Together)
	case n == 0 || n > sched.MaxSources:
		return fmt.Errorf("%d sources: from 1 to %d", n, sched.MaxSources)
	}
	for _, c := range s.Camera {
		if c.Still.Duration < time.Second || c.Busy.Duration < time.Second || !(c.Noise >= 0 && c.Noise < 64) || !between(c.Contrast, 0, 1) {
			return fmt.Errorf("camera %q: still and busy from 1s, noise 0 to 64, contrast two numbers from 0 to 1", c.Name)
		}
		if err := c.check(); err != nil {
			return err
		}
	}
	for _, m := range s.Microphone {
		if m.Knock.Duration < time.Second || !(m.Noise >= 0 && m.Noise < 20) || !between(m.Loud, 0, 100) {
			return fmt.Errorf("microphone %q: knock from 1s, noise 0 to 20 dB, loud two numbers from 0 to 100 dB", m.Name)
		}
		if err := m.check(); err != nil {
			return err
		}
	}
	for _, c := range s.Chat {
		if c.Texts[0] < 1 || c.Texts[1] < c.Texts[0] || c.Texts[1] > 1000 {
			return fmt.Errorf("chat %q: texts two numbers from 1 to 1000", c.Name)
		}
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Common) check() error {
	switch {
	case c.Name == "":
		return errors.New("a source without a name")
	case !(c.Weight >= 0 && c.Weight <= maxWeight):
		return fmt.Errorf("source %q: weight %v: from 0 to %v", c.Name, c.Weight, maxWeight)
	case c.EventEvery.Duration < time.Second || c.Deadline.Duration <= 0 || c.StaleAfter.Duration < leastStale:
		return fmt.Errorf("source %q: event_every from 1s, deadline above 0, stale_after from %v", c.Name, leastStale)
	case !(c.Seen > 0 && c.Seen <= 1):
		return fmt.Errorf("source %q: seen %v: above 0, up to 1", c.Name, c.Seen)
	}
	return nil
}

func between(x [2]float64, lo, hi float64) bool { return x[0] >= lo && x[0] <= x[1] && x[1] <= hi }
