package source

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"atoll/internal/strictoml"
	"atoll/model"
)

// Config describes one source. Which keys a kind takes is in its own file; one that it has no use for is an error, as is a value
// out of range. The zero value of a key stands for the kind's default.
type Config struct {
	Name      string   `toml:"name"`                 // what events and logs call it; unique
	Kind      string   `toml:"kind"`                 // one of Kinds
	Path      string   `toml:"path,omitempty"`       // file, folder or glob; "-" is standard input
	URL       string   `toml:"url,omitempty"`        // http or https, with user and password where the camera wants them
	Interval  Duration `toml:"interval,omitempty"`   // time from one picture or line to the next
	Timeout   Duration `toml:"timeout,omitempty"`    // longest wait for a picture before the stream is opened anew
	Width     int      `toml:"width,omitempty"`      // of a raw frame, in pixels
	Height    int      `toml:"height,omitempty"`     // of a raw frame, in pixels
	Rate      int      `toml:"rate,omitempty"`       // of raw sound, in hertz
	Channels  int      `toml:"channels,omitempty"`   // of raw sound, interleaved
	Format    string   `toml:"format,omitempty"`     // of raw frames or raw sound
	Loop      bool     `toml:"loop,omitempty"`       // begin again after the last file
	FromStart bool     `toml:"from_start,omitempty"` // read what a followed file already holds
	Clients   int      `toml:"clients,omitempty"`    // most connections at a time
}

// Duration is how a TOML document writes one: "500ms".
type Duration = strictoml.Duration

// kind is what a source's file registers.
type kind struct {
	modality model.Modality
	live     bool     // never used up by itself
	keys     []string // of Config that it takes besides name and kind
	// stdin reports whether a source so configured reads standard input; nil: never.
	stdin func(Config) bool
	// open checks b.cfg and builds the source. It touches the system no more than checking takes.
	open func(b base) (Source, error)
}

var kinds = map[string]kind{}

// register makes a kind known; every source's file calls it from init.
func register(name string, k kind) { kinds[name] = k }

// Kinds lists the kinds of source there are, sorted.
func Kinds() []string {
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Modality returns what c's kind delivers.
func (c Config) Modality() (model.Modality, error) {
	k, ok := kinds[c.Kind]
	if !ok {
		return 0, fmt.Errorf("source %q: unknown kind %q: use one of %s", c.Name, c.Kind, strings.Join(Kinds(), ", "))
	}
	return k.modality, nil
}

// Finite reports whether the source can be used up, so that a run may end with it.
func (c Config) Finite() bool {
	k, ok := kinds[c.Kind]
	return ok && !k.live && !c.Loop
}

// New builds the source that cfg describes. All that is wrong with cfg shows here; the error names the source, the key and the remedy.
func New(cfg Config, env Env) (Source, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if env.Clock == nil {
		env.Clock = NewClock()
	}
	if env.Counters == nil {
		env.Counters = &Counters{}
	}
	k := kinds[cfg.Kind]
	s, err := k.open(base{cfg: cfg, env: env, modality: k.modality, log: env.Logger.With().Str("source", cfg.Name).Logger()})
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", cfg.Name, err)
	}
	return s, nil
}

// CheckAll reports the first source of a set that is wrong, without opening any: a name that is missing or given twice, keys that do
// not belong, a second reader of standard input.
func CheckAll(cfgs []Config) (index int, err error) {
	seen := map[string]bool{}
	stdin := ""
	for i, c := range cfgs {
		if err := c.check(); err != nil {
			return i, err
		}
		if seen[c.Name] {
			return i, fmt.Errorf("source %q: the name is taken: every source needs its own", c.Name)
		}
		seen[c.Name] = true
		if stdinOf := kinds[c.Kind].stdin; stdinOf == nil || !stdinOf(c) {
			continue
		}
		if stdin != "" {
			return i, fmt.Errorf("source %q: %q reads standard input already: only one source can", c.Name, stdin)
		}
		stdin = c.Name
	}
	return 0, nil
}

// check reports what can be wrong with any source.
func (c Config) check() error {
	if c.Name == "" {
		return fmt.Errorf("a source of kind %q has no name: give it one", c.Kind)
	}
	if _, err := c.Modality(); err != nil {
		return err
	}
	takes := kinds[c.Kind].keys
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("toml"), ",")
		if key == "name" || key == "kind" || v.Field(i).IsZero() || slices.Contains(takes, key) {
			continue
		}
		return fmt.Errorf("source %q: %s has no use for %s: it takes %s", c.Name, c.Kind, key, strings.Join(takes, ", "))
	}
	if c.Interval.Duration < 0 || c.Timeout.Duration < 0 {
		return fmt.Errorf("source %q: interval and timeout must not be negative", c.Name)
	}
	return nil
}

// pacer returns the source's pacer, whose first item is due in first.
func (b *base) pacer(first time.Duration) pacer {
	return pacer{clock: b.env.Clock, due: b.env.Clock.Now() + first}
}
