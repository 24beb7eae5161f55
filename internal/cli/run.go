package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"atoll/internal/app"
	"atoll/internal/config"
	"atoll/journal"
	"atoll/pipeline"
	"atoll/pipeline/fusion"
)

type runFlags struct {
	*globals
	config   string
	duration time.Duration
	once     bool
	json     bool
	explain  bool
}

func newRun(g *globals) *cobra.Command {
	f := runFlags{globals: g}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the pipeline: watch all sources and tell events",
		Long: `Run watches every source of the configuration, fuses what the models find and
prints one line for each event. Events also go to the log in the state folder.

With --json each event is one JSON line on standard output:

  {"name":"presence","state":"on","p":0.93,"at_ns":…,"since_ns":…,"evidence":[
    {"modality":"vision","source":"door","cue":"face","p":0.92,"log_odds":2.6,
     "weight":1,"age_ns":…}]}

name and state are those of the rule; p is its probability; at_ns is when the
state changed, since the start of the run; since_ns is since when the condition
held; evidence is what spoke for or against it.

With --explain standard error tells every decision of the scheduler: why a
source was inferred, what gave way to what, and what the heat budget held back;
and, where the configuration says variant = "auto", every change of a variant.`,
		Example: `  atoll run --config door.toml
  atoll run --config demo.toml --once --json | jq .name`,
		Args:              wrongUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	cmd.Flags().StringVar(&f.config, "config", "", "configuration file (default: atoll.toml in the\nstate folder, then /etc/atoll.toml)")
	cmd.Flags().DurationVar(&f.duration, "duration", 0, "stop after this time (default: when stopped)")
	cmd.Flags().BoolVar(&f.once, "once", false, "stop when all sources are used up")
	cmd.Flags().BoolVar(&f.json, "json", false, "print events as JSON lines")
	cmd.Flags().BoolVar(&f.explain, "explain", false, "tell on standard error what is decided, and why")
	cmd.MarkFlagFilename("config", "toml")
	return cmd
}

func (f *runFlags) run(cmd *cobra.Command) error {
	if f.duration < 0 {
		return usagef("--duration %v: must not be negative", f.duration)
	}
	if f.state == "" {
		return usagef("no state folder, as HOME is not set: give --state DIR")
	}
	cfg, err := loadConfig(f.config, f.state)
	if err != nil {
		return err
	}
	if err := app.Check(cfg, f.once); err != nil {
		return err
	}
	shown := "warn" // standard output tells events; more of the log only where asked for
	if f.logLevel != "" {
		cfg.Log.Level, shown = f.logLevel, f.logLevel
	}
	log, err := openJournal(cfg, f.state, cmd.ErrOrStderr(), shown)
	if err != nil {
		return err
	}
	defer log.Close()
	logger := log.Logger()
	if err := f.watch(cmd, cfg, logger, log.Events()); err != nil {
		logger.Error().Err(err).Msg("run failed")
		if cfg.Log.Level == "off" {
			return err
		}
		return errReported // the console shows it
	}
	return nil
}

// watch runs the pipeline until its end, prints events and logs them.
func (f *runFlags) watch(cmd *cobra.Command, cfg config.Config, logger, events zerolog.Logger) error {
	// What a run keeps is small, what it throws away is a decoded picture many times
	// a second: collect early, for a little more CPU (GOGC's default keeps twice as much).
	debug.SetGCPercent(20)
	// Whoever reads the events may end; the run goes on.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second signal ends it at once
	if f.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	out := startPrinter(cmd.OutOrStdout(), f.json, logger)
	emit := func(e fusion.Event) {
		events.Info().Str("event", e.Name).Str("state", e.State).Float64("p", e.P).
			Int64("at_ns", int64(e.At)).Interface("evidence", e.Evidence).Msg(e.Name + " " + e.State)
		out.print(e)
	}
	o := app.RunOptions{Once: f.once, State: f.state, Stdin: cmd.InOrStdin(), Emit: emit, Logger: logger}
	if f.explain {
		e := startExplainer(cmd.ErrOrStderr())
		defer e.close(cmd.ErrOrStderr())
		o.Explain = e.tell
	}
	stats, err := app.Run(ctx, cfg, o)
	lost, works := out.close()
	if lost > 0 {
		logger.Warn().Uint64("lost", lost).Msg("events not printed, they are in the log")
	}
	if works && !f.json {
		printSummary(cmd.OutOrStdout(), stats)
	}
	return err
}

// loadConfig reads the file given, or the first of the usual ones there is, or
// falls back to the defaults.
func loadConfig(path, state string) (config.Config, error) {
	if path != "" {
		return config.Load(path)
	}
	for _, file := range usualConfigs(state) {
		c, err := config.Load(file)
		if !errors.Is(err, os.ErrNotExist) {
			return c, err
		}
	}
	return config.Default(), nil
}

// usualConfigs are the files that hold the configuration where none is given, the
// first that there is.
func usualConfigs(state string) []string {
	if state == "" {
		return []string{"/etc/atoll.toml"}
	}
	return []string{filepath.Join(state, "atoll.toml"), "/etc/atoll.toml"}
}

// openJournal opens the log in the state folder. Where that can't be written a
// run goes on with the console alone: a read-only disk must not stop it.
func openJournal(cfg config.Config, state string, console io.Writer, shown string) (*journal.Journal, error) {
	level, err := journal.ParseLevel(cfg.Log.Level)
	if err != nil {
		return nil, usageError{err}
	}
	consoleLevel, err := journal.ParseLevel(shown)
	if err != nil {
		return nil, usageError{err}
	}
	o := journal.Options{
		Dir: filepath.Join(state, "log"), Console: console, Level: level, ConsoleLevel: consoleLevel,
		MaxBytes: int64(cfg.Log.MaxMB) << 20, FileBytes: int64(cfg.Log.FileMB) << 20,
		SyncInterval: cfg.Log.Sync.Duration,
	}
	j, err := journal.Open(o)
	if folder, ok := errors.AsType[*journal.DirError](err); ok {
		o.Dir = ""
		if j, err = journal.Open(o); err == nil {
			logger := j.Logger()
			logger.Warn().Err(folder).Msg("no log files: logging to the console only")
		}
	}
	return j, err
}

// printSummary tells what became of each source's inputs.
func printSummary(w io.Writer, stats []pipeline.InputStats) {
	if len(stats) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%-16s %-8s %8s %8s %8s %7s %7s %8s\n", "source", "modality", "inputs", "inferred", "dropped", "failed", "broken", "mean ms")
	for _, s := range stats {
		fmt.Fprintf(w, "%-16.16s %-8s %8d %8d %8d %7d %7d %8.2f\n", printable(s.Name), s.Modality,
			s.Received, s.Inferred, s.Dropped, s.Failed, s.Broken, float64(s.Mean)/1e6)
	}
}

// printable replaces what could disturb a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}
