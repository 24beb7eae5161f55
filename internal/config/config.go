// Package config reads the one TOML file that fixes what a run does.
package config

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/internal/strictoml"
	"atoll/journal"
	"atoll/model"
	"atoll/models"
	"atoll/pipeline"
	"atoll/pipeline/fusion"
	"atoll/pipeline/source"
	"atoll/sched"
	"atoll/sensors"
)

// MaxBytes bounds a configuration file.
const MaxBytes = 1 << 20

// Config is a whole configuration.
type Config struct {
	Engine  Engine  `toml:"engine"`
	Vision  Sense   `toml:"vision"`
	Audio   Sense   `toml:"audio"`
	Text    Sense   `toml:"text"`
	Thermal Thermal `toml:"thermal"`
	Log     Log     `toml:"log"`

	Scheduler Scheduler `toml:"scheduler"`

	Sources []source.Config  `toml:"source,omitempty"`
	Sensors []sensors.Config `toml:"sensor,omitempty"`
	fusion.Rules

	file string
	// Lines of the headers of each, as many as there may be and one more.
	sourceLines, sensorLines []int
}

// givenCues are those that the pipeline gives evidence of.
var givenCues = map[string]model.Modality{
	pipeline.CueFace: model.Vision, pipeline.CueSpeech: model.Audio, pipeline.CuePositive: model.Text,
}

const (
	maxSources = 32 // as many as fusion tells apart
	maxSensors = 32 // more than fit on the I2C buses of a board
)

// SourceError says that the i-th source is wrong, and where it stands.
func (c Config) SourceError(i int, err error) error { return c.errorAt(c.sourceLines, i, err) }

// SensorError says that the i-th sensor is wrong, and where it stands.
func (c Config) SensorError(i int, err error) error { return c.errorAt(c.sensorLines, i, err) }

func (c Config) errorAt(lines []int, i int, err error) error {
	e := &Error{File: c.file, Reason: err.Error()}
	if i < len(lines) {
		e.Line = lines[i]
	}
	return e
}

// Engine configures the worker.
type Engine struct {
	Threads  int                `toml:"threads"` // 0: as many as suit the board
	Deadline strictoml.Duration `toml:"deadline"`
}

// Sense chooses a modality's model.
type Sense struct {
	Variant string `toml:"variant"` // of the manifest, or model.Auto: each job gets the one that suits
	// Bounds of what model.Auto picks.
	Accuracy float64            `toml:"accuracy"` // 0: selector.MaxDrop below the baseline's
	Latency  strictoml.Duration `toml:"latency"`  // 0: the modality's deadline
}

// Sense is the configuration of a modality.
func (c Config) Sense(m model.Modality) Sense {
	return [model.NumModalities]Sense{model.Vision: c.Vision, model.Audio: c.Audio, model.Text: c.Text}[m]
}

// Thermal configures what keeps the board cool.
type Thermal struct {
	SetPoint Celsius `toml:"set_point"`
	Alert    Celsius `toml:"alert"`
	Shutdown Celsius `toml:"shutdown"`
	Control  bool    `toml:"control"` // false: watch only
}

// Celsius is how a document writes a temperature: 70.0.
type Celsius float64

// Temperature is the same in physic's unit.
func (c Celsius) Temperature() physic.Temperature {
	return physic.ZeroCelsius + physic.Temperature(float64(c)*float64(physic.Celsius))
}

// between is false for what is no number.
func (c Celsius) between(low, high Celsius) bool { return c >= low && c <= high }

// Scheduler configures what is inferred when.
type Scheduler struct {
	Policy     string             `toml:"policy"`
	Work       float64            `toml:"work"` // of what it would take to infer every input
	StaleAfter strictoml.Duration `toml:"stale_after"`
	Learn      bool               `toml:"learn"`
}

// Log configures the journal.
type Log struct {
	Level  string             `toml:"level"`
	MaxMB  int                `toml:"max_mb"`
	FileMB int                `toml:"file_mb"`
	Sync   strictoml.Duration `toml:"sync"`
}

//go:embed default.toml
var defaultHead string

// DefaultTOML is the default configuration as a commented TOML document.
func DefaultTOML() string { return defaultHead + fusion.DefaultTOML() }

// Default is the configuration of an empty file.
func Default() Config {
	c, err := Parse([]byte(DefaultTOML()))
	if err != nil {
		panic("config: default: " + err.Error()) // a test parses it
	}
	return c
}

// An Error says what is wrong with a configuration and where.
type Error struct {
	File   string // "" for a document that is no file
	Line   int    // from 1; 0 where the line is not known
	Reason string
}

func (e *Error) Error() string {
	where := e.File
	switch {
	case e.Line > 0 && where != "":
		where = fmt.Sprintf("%s:%d: ", where, e.Line)
	case e.Line > 0:
		where = fmt.Sprintf("line %d: ", e.Line)
	case where != "":
		where += ": "
	}
	return where + e.Reason
}

// Load reads the file at path, which may be a pipe.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	c, err := Parse(data)
	if located, ok := errors.AsType[*Error](err); ok {
		located.File = path
	}
	c.file = path
	return c, err
}

// Parse reads a TOML document. Any error is an *Error.
func Parse(document []byte) (Config, error) {
	c := preset()
	if err := strictoml.Decode(document, MaxBytes, &c); err != nil {
		wrong, _ := errors.AsType[*strictoml.Error](err)
		return Config{}, &Error{Line: wrong.Line, Reason: wrong.Reason + hint(wrong.Reason)}
	}
	if c.Cues == nil || c.Events == nil {
		rules := fusion.DefaultRules()
		if c.Cues == nil {
			c.Cues = rules.Cues
		}
		if c.Events == nil {
			c.Events = rules.Events
		}
	}
	c.sourceLines = lines(document, "source", len(c.Sources), maxSources)
	c.sensorLines = lines(document, "sensor", len(c.Sensors), maxSensors)
	if err := c.check(document); err != nil {
		return Config{}, err
	}
	return c, nil
}

// lines are those on which the n tables of that name begin, and no more than one above
// the bound, as each is looked up in a pass over the document.
func lines(document []byte, table string, n, bound int) (list []int) {
	for i := range min(n, bound+1) {
		list = append(list, strictoml.Line(document, []string{table}, i, ""))
	}
	return list
}

// preset holds the defaults outside the rules; a test holds default.toml to it.
func preset() Config {
	return Config{
		Engine:    Engine{Deadline: strictoml.Duration{Duration: 500 * time.Millisecond}},
		Vision:    Sense{Variant: "short"},
		Audio:     Sense{Variant: "f32"},
		Text:      Sense{Variant: "f32"},
		Thermal:   Thermal{SetPoint: 70, Alert: 75, Shutdown: 85, Control: true},
		Scheduler: Scheduler{Policy: sched.LIF, Work: 0.4, StaleAfter: strictoml.Duration{Duration: 2 * time.Second}, Learn: true},
		Log:       Log{Level: "info", MaxMB: 64, FileMB: 4, Sync: strictoml.Duration{Duration: 5 * time.Second}},
	}
}

// hint says where to look for the keys there are.
func hint(reason string) string {
	if strings.HasPrefix(reason, "unknown key") {
		return ": see atoll config default for those there are"
	}
	return ""
}

// check looks for what the types allow and a run does not.
func (c Config) check(document []byte) error {
	bad := func(key, format string, args ...any) error {
		table, name, _ := strings.Cut(key, ".")
		return &Error{Line: strictoml.Line(document, []string{table}, 0, name), Reason: key + ": " + fmt.Sprintf(format, args...)}
	}
	switch {
	case c.Engine.Threads < 0 || c.Engine.Threads > 64:
		return bad("engine.threads", "%d threads: use 1 to 64, or 0 for as many as suit the board", c.Engine.Threads)
	case c.Engine.Deadline.Duration <= 0 || c.Engine.Deadline.Duration > time.Hour:
		return bad("engine.deadline", "%v: use a time up to 1h", c.Engine.Deadline)
	case !c.Thermal.SetPoint.between(30, 100):
		return bad("thermal.set_point", "%v °C: use 30 to 100", c.Thermal.SetPoint)
	case !c.Thermal.Alert.between(30, 100) || c.Thermal.Alert <= c.Thermal.SetPoint:
		return bad("thermal.alert", "%v °C: use more than set_point (%v), up to 100", c.Thermal.Alert, c.Thermal.SetPoint)
	case !c.Thermal.Shutdown.between(30, 100) || c.Thermal.Shutdown <= c.Thermal.Alert:
		return bad("thermal.shutdown", "%v °C: use more than alert (%v), up to 100", c.Thermal.Shutdown, c.Thermal.Alert)
	case !slices.Contains(sched.Policies(), c.Scheduler.Policy):
		return bad("scheduler.policy", "no policy %q: there are %s", c.Scheduler.Policy, strings.Join(sched.Policies(), ", "))
	case !(c.Scheduler.Work > 0 && c.Scheduler.Work <= 1):
		return bad("scheduler.work", "%v: use a share above 0, up to 1", c.Scheduler.Work)
	case c.Scheduler.StaleAfter.Duration < 500*time.Millisecond || c.Scheduler.StaleAfter.Duration > time.Hour:
		return bad("scheduler.stale_after", "%v: use 500ms to 1h", c.Scheduler.StaleAfter)
	case c.Log.FileMB < 1 || c.Log.FileMB > 1<<20:
		return bad("log.file_mb", "%d: use 1 or more", c.Log.FileMB)
	case c.Log.MaxMB < 2*c.Log.FileMB || c.Log.MaxMB > 1<<20:
		return bad("log.max_mb", "%d: use at least twice file_mb (%d)", c.Log.MaxMB, c.Log.FileMB)
	case c.Log.Sync.Duration <= 0:
		return bad("log.sync", "%v: use a time above 0", c.Log.Sync)
	}
	if _, err := journal.ParseLevel(c.Log.Level); err != nil {
		return bad("log.level", "%v", err)
	}
	manifest, err := models.Manifest()
	if err != nil {
		return &Error{Reason: fmt.Sprintf("built-in models: %v", err)}
	}
	for m := range model.Modality(model.NumModalities) {
		name, sense := m.String(), c.Sense(m)
		if _, err := manifest.Variant(m, sense.Variant); err != nil && sense.Variant != model.Auto {
			return bad(name+".variant", "%v, or %q", err, model.Auto)
		}
		switch auto := sense.Variant == model.Auto; {
		case !(sense.Accuracy >= 0 && sense.Accuracy <= 1):
			return bad(name+".accuracy", "%v: use 0 to 1", sense.Accuracy)
		case sense.Latency.Duration < 0 || sense.Latency.Duration > c.Engine.Deadline.Duration:
			return bad(name+".latency", "%v: use a time up to engine.deadline (%v), or 0", sense.Latency, c.Engine.Deadline)
		case !auto && sense.Accuracy > 0:
			return bad(name+".accuracy", "is for variant = %q only: %q is used whatever its accuracy", model.Auto, sense.Variant)
		case !auto && sense.Latency.Duration > 0:
			return bad(name+".latency", "is for variant = %q only: %q is used whatever its latency", model.Auto, sense.Variant)
		}
	}
	if len(c.Sources) > maxSources {
		return c.SourceError(maxSources, fmt.Errorf("%d sources: at most %d", len(c.Sources), maxSources))
	}
	if i, err := source.CheckAll(c.Sources); err != nil {
		return c.SourceError(i, err)
	}
	if len(c.Sensors) > maxSensors {
		return c.SensorError(maxSensors, fmt.Errorf("%d sensors: at most %d", len(c.Sensors), maxSensors))
	}
	if i, err := sensors.CheckAll(c.Sensors); err != nil {
		return c.SensorError(i, err)
	}
	for i, cue := range c.Cues {
		if m, ok := givenCues[cue.Name]; !ok || m.String() != cue.Modality {
			return &Error{
				Line:   strictoml.Line(document, []string{"cue"}, i, "modality"),
				Reason: fmt.Sprintf("cue %q of %s: no model gives it: there are face (vision), speech (audio) and positive (text)", cue.Name, cue.Modality),
			}
		}
	}
	if err := c.Rules.Validate(); err != nil {
		err = fusion.Locate(err, document)
		if rule, ok := errors.AsType[*fusion.RuleError](err); ok {
			line := rule.Line
			rule.Line = 0
			return &Error{Line: line, Reason: rule.Error()}
		}
		return &Error{Reason: err.Error()}
	}
	return nil
}
