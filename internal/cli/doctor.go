package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"atoll/board"
	"atoll/engine"
	"atoll/internal/app"
	"atoll/internal/config"
	"atoll/internal/doctor"
	"atoll/pipeline"
	"atoll/pipeline/source"
	"atoll/sensors"
)

type doctorFlags struct {
	*globals
	config string
	root   string
	json   bool
}

func newDoctor(g *globals) *cobra.Command {
	f := doctorFlags{globals: g}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check that this board is ready to go into the field",
		Long: `Doctor goes through the checklist before a board goes up the mast: the board
itself, its heat, the system, and whether atoll can do its work on it. Each item
is one of

  ok         as it should be
  WARNING    atoll runs, but something is worse than it could be
  FAILED     atoll can't do its work, or not for long
  skipped    could not be looked at, and why

with what was found and, after an arrow, what to do. Run it as the user, with
the configuration and with the state folder that the service will have: all
three change what may be used.

Sensors are watched for a second, and each model answers once in a worker of its
own. Doctor turns no clock and no fan, opens no device but the I2C bus of a
configured sensor, and never a watchdog: opening starts it. What it writes is
one small file in the state folder, which it removes.

The last line is the verdict. The exit status is 0 if nothing failed, 1 if
something did, 2 for wrong usage; warnings don't change it. --json prints

  {"verdict","items":[{"name","state","found","fix"}]}

where names never change and state is ok, warning, failed or skipped. All items
stand in docs/doctor.md.

With --root a captured tree (atoll detect --capture) is looked at; what takes
the live machine is skipped.`,
		Example: `  sudo atoll doctor --config /etc/atoll.toml       before it goes up
  atoll doctor --json | jq '.items[] | select(.state == "failed")'
  atoll doctor > /dev/null && echo go              in a script
  atoll doctor --root board.txtar                  a board that is far away`,
		Args:              wrongUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	cmd.Flags().StringVar(&f.config, "config", "", "configuration file (default: atoll.toml in the\nstate folder, then /etc/atoll.toml)")
	cmd.Flags().StringVar(&f.root, "root", "", "look at a captured tree: a folder or .txtar file")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	cmd.MarkFlagFilename("config", "toml")
	cmd.MarkFlagFilename("root", "txtar")
	return cmd
}

func (f *doctorFlags) run(cmd *cobra.Command) error {
	env, err := f.env(cmd.Flags().Changed("root"))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second signal ends it at once
	out := cmd.OutOrStdout()
	text := doctor.NewText(out, colour(os.Stdout) && !f.json)
	wait := newWaiting(cmd.ErrOrStderr())
	report := doctor.Run(ctx, env, doctor.Observer{
		Began: wait.start,
		Done: func(item doctor.Item) {
			wait.stop()
			if !f.json {
				text.Item(item)
			}
		},
	})
	if f.json {
		if err := json.NewEncoder(out).Encode(report); err != nil {
			return err
		}
	} else {
		text.Verdict(report)
	}
	if report.Count(doctor.Failed) > 0 {
		return errReported
	}
	return nil
}

func (f *doctorFlags) env(captured bool) (doctor.Env, error) {
	if captured {
		tree, err := board.OpenTree(f.root)
		if err != nil {
			return doctor.Env{}, fmt.Errorf("--root: %w", err)
		}
		env := doctor.Env{Tree: tree}
		if f.config != "" {
			env.Config = f.configuration()
		}
		return env, nil
	}
	state := f.state
	if state != "" {
		var err error
		if state, err = filepath.Abs(state); err != nil {
			return doctor.Env{}, fmt.Errorf("--state: %w", err)
		}
	}
	return doctor.Env{Tree: board.Live(), Config: f.configuration(), Live: &doctor.Machine{
		State: state, Disk: doctor.System{}, User: os.Geteuid(), Now: time.Now, Built: built(),
		FindSensors:  func() ([]sensors.Sensor, []sensors.Problem) { return sensors.Find(sensors.Env{}) },
		OpenSensor:   func(c sensors.Config) (sensors.Sensor, error) { return sensors.Open(sensors.Env{}, c) },
		CheckSources: app.CheckSources,
		Start:        openDetectors,
	}}, nil
}

// configuration is the one that atoll run would use.
func (f *doctorFlags) configuration() *doctor.Config {
	file := f.config
	for _, usual := range usualConfigs(f.state) {
		if _, err := os.Stat(usual); file == "" && !errors.Is(err, os.ErrNotExist) {
			file = usual
		}
	}
	return &doctor.Config{File: file, Load: func() (config.Config, error) { return loadConfig(file, f.state) }}
}

// built is when this program's file was written, or zero.
func built() time.Time {
	name, err := os.Executable()
	if err != nil {
		return time.Time{}
	}
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// detectors are the configured models, each loaded when it is asked.
type detectors struct{ *app.Senses }

func openDetectors(cfg config.Config) (doctor.Senses, error) {
	cfg.Engine.Deadline.Duration = max(cfg.Engine.Deadline.Duration, inferDeadline)
	senses, err := app.OpenSenses(cfg, engine.Options{})
	if err != nil {
		return nil, err
	}
	return detectors{senses}, nil
}

func (d detectors) Face(img source.Image) (float64, engine.Timing, error) {
	faces, err := d.Faces(app.Choice{})
	if err != nil {
		return 0, engine.Timing{}, err
	}
	return faces.Score(img)
}

func (d detectors) Speech(samples []float32) (float64, engine.Timing, error) {
	voice, err := d.Voice(app.Choice{})
	if err != nil {
		return 0, engine.Timing{}, err
	}
	return voice.Probability(&pipeline.VoiceStream{}, samples)
}

func (d detectors) Positive(line string) (float64, engine.Timing, error) {
	mood, err := d.Mood(app.Choice{})
	if err != nil {
		return 0, engine.Timing{}, err
	}
	p, _, took, err := mood.Classify(line)
	return p, took, err
}

// colour reports whether f is a terminal that wants colour (https://no-color.org).
func colour(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// waiting tells on a terminal what a check that takes long is about.
type waiting struct {
	w     io.Writer // nil: nobody to tell
	timer *time.Timer

	mu    sync.Mutex // guards what follows: the timer has a goroutine of its own
	name  string     // of the check under way, or ""
	shown bool
}

func newWaiting(w io.Writer) *waiting {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &waiting{w: w}
	}
	return &waiting{}
}

func (p *waiting) start(name string) {
	if p.w == nil {
		return
	}
	p.stop() // what began before; its timer is quiet from here on
	p.mu.Lock()
	p.name = name
	p.mu.Unlock()
	p.timer = time.AfterFunc(progressAfter, p.show)
}

func (p *waiting) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.name != "" {
		fmt.Fprintf(p.w, "\r\x1b[Kstill looking at %s …", p.name)
		p.shown = true
	}
}

func (p *waiting) stop() {
	if p.timer == nil {
		return
	}
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	p.name, p.shown = "", false
}
