// Package doctor is the checklist before a board goes up the mast: each item is ok,
// a warning, failed or skipped, with what was found and what to do.
//
// A check only looks: it changes no setting, opens no device but the I2C bus of a
// configured sensor, and leaves nothing behind. What it needs of the system comes
// through Env. Each has a time limit, and one that blocks or crashes costs its own
// item only.
package doctor

import (
	"context"
	"fmt"
	"time"

	"atoll/board"
	"atoll/internal/config"
	"atoll/sensors"
)

// State is how an item came out.
type State string

// States, best first. Skipped says nothing either way.
const (
	OK      State = "ok"
	Warning State = "warning" // atoll runs, but something is worse than it could be
	Failed  State = "failed"  // atoll can't do its work, or not for long
	Skipped State = "skipped" // could not be looked at
)

// Item is one line of the checklist.
type Item struct {
	Name  string `json:"name"` // never changes its meaning
	State State  `json:"state"`
	Found string `json:"found"`
	Fix   string `json:"fix"` // what to do; "" where there is nothing

	group string // items of one group are printed together
}

// Report is the whole checklist.
type Report struct {
	Verdict string `json:"verdict"` // begins with "ready" or "not ready"
	Items   []Item `json:"items"`
}

// Count tells how many items came out so.
func (r Report) Count(s State) int {
	n := 0
	for _, item := range r.Items {
		if item.State == s {
			n++
		}
	}
	return n
}

func (r Report) verdict() string {
	failed, warnings, skipped := r.Count(Failed), r.Count(Warning), r.Count(Skipped)
	text := "ready"
	switch {
	case failed > 0 && warnings > 0:
		text = fmt.Sprintf("not ready: %d failed, %s", failed, plural(warnings, "warning"))
	case failed > 0:
		text = fmt.Sprintf("not ready: %d failed", failed)
	case warnings > 0:
		text = "ready with " + plural(warnings, "warning")
	}
	if skipped > 0 {
		text += fmt.Sprintf(", %d skipped", skipped)
	}
	return text
}

// Env is the system that is looked at.
type Env struct {
	Tree   board.Tree // of this machine, or a captured one
	Config *Config    // the configuration; nil: it is not looked at
	Live   *Machine   // nil: the tree is a captured one
}

// Config is the configuration to check.
type Config struct {
	File string // "" for the defaults
	Load func() (config.Config, error)
}

// Machine is what the checks ask of the live machine beside its tree.
type Machine struct {
	State string           // folder of the state; "" if there is none
	Disk  Disk             // that it lies on
	User  int              // effective user
	Now   func() time.Time // the wall clock
	Built time.Time        // before which it can't be; zero: not known

	// FindSensors and OpenSensor are those of package sensors.
	FindSensors func() ([]sensors.Sensor, []sensors.Problem)
	OpenSensor  func(sensors.Config) (sensors.Sensor, error)
	// CheckSources says whether every source can be opened.
	CheckSources func(config.Config) error
	// Start starts a worker with the configured models.
	Start func(config.Config) (Senses, error)
}

// examination is what the checks know.
type examination struct {
	Env
	board  *board.Board // nil: detection did not answer
	stuck  error        // why
	config config.Config
	wrong  error // with the configuration; then config is the default
	watch  func() watched
	swaps  swaps // at the beginning
}

// Observer hears of the progress of an examination. Both functions may be nil.
type Observer struct {
	Began func(name string)
	Done  func(Item)
}

// detectLimit bounds detection, and loadLimit reading the configuration.
const (
	detectLimit = 10 * time.Second
	loadLimit   = 5 * time.Second
)

// Run goes through the checklist. When ctx ends, the
// check under way fails and the rest is skipped.
func Run(ctx context.Context, env Env, o Observer) Report {
	began := func(name string) {
		if o.Began != nil {
			o.Began(name)
		}
	}
	began("board")
	x := examine(ctx, env)
	var r Report
	for _, c := range checks {
		began(c.name)
		item := c.do(ctx, x)
		item.Name, item.group = c.name, c.group
		r.Items = append(r.Items, item)
		if o.Done != nil {
			o.Done(item)
		}
	}
	r.Verdict = r.verdict()
	return r
}

// examine finds out what several checks are about.
func examine(ctx context.Context, env Env) *examination {
	x := &examination{Env: env, config: config.Default()}
	x.board, x.stuck = within(ctx, detectLimit, func(context.Context) *board.Board { return board.Detect(env.Tree) })
	if env.Config != nil {
		type loaded struct {
			config.Config
			error
		}
		l, err := within(ctx, loadLimit, func(context.Context) loaded {
			c, err := env.Config.Load()
			return loaded{c, err}
		})
		if err == nil {
			err = l.error
		}
		if x.wrong = err; err == nil {
			x.config = l.Config
		}
	}
	if env.Live != nil && x.board != nil {
		x.swaps = readSwaps(env.Tree)
		x.watch = x.watchOnce()
	}
	return x
}
