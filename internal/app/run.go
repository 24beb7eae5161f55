package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"atoll/engine"
	"atoll/internal/config"
	"atoll/model"
	"atoll/pipeline"
	"atoll/pipeline/fusion"
	"atoll/pipeline/source"
	"atoll/trace"
)

// QueueLength is how many items wait for inference, by modality. A picture is stale when the next one
// comes; sound must not lose frames to a short delay (here 2 s); texts are few and
// each counts.
var QueueLength = [model.NumModalities]int{model.Vision: 1, model.Audio: 64, model.Text: 256}

// healthEvery is how often a run logs how its sources are doing, and keeps what it has
// learned.
const healthEvery = 10 * time.Minute

// ErrNeverEnds reports a run that shall end with its sources when none does.
var ErrNeverEnds = errors.New("--once: none of the sources ends by itself")

// ErrNoSources reports a configuration that gives a run nothing to do.
var ErrNoSources = errors.New("no sources: add a [[source]] to the configuration (atoll config default shows how)")

// RunOptions say how to run.
type RunOptions struct {
	Once  bool               // end when all sources are used up, and lose nothing of them
	State string             // folder of what outlives the run; "": nothing may
	Root  string             // holds the proc and sys of the board; "": /
	Stdin io.Reader          // for sources that read standard input
	Emit  func(fusion.Event) // called with every event, in order; must not block
	// Explain is called with every decision of the scheduler and every change of a
	// variant, if set. It must neither keep its argument nor block.
	Explain func(fmt.Stringer)
	Logger  zerolog.Logger
}

// Check says whether cfg gives a run, or one that shall end with its sources,
// something to do.
func Check(cfg config.Config, once bool) error {
	if len(cfg.Sources) == 0 {
		return ErrNoSources
	}
	if once && !slices.ContainsFunc(cfg.Sources, source.Config.Finite) {
		return ErrNeverEnds
	}
	return nil
}

// CheckSources says whether every source of cfg can be opened here and now.
func CheckSources(cfg config.Config) error {
	for i, s := range cfg.Sources {
		if _, err := source.New(s, source.Env{Stdin: os.Stdin}); err != nil {
			return cfg.SourceError(i, err)
		}
	}
	return nil
}

// CheckSensors says whether every sensor of cfg can be used here, as far as can be told
// without asking it.
func CheckSensors(cfg config.Config) error {
	list, err := openSensors(cfg, "/")
	for _, s := range list {
		s.Close()
	}
	return err
}

// Run runs the pipeline that cfg describes until ctx ends, or with Once until its
// sources are used up. Stats are those of the whole run.
func Run(ctx context.Context, cfg config.Config, o RunOptions) ([]pipeline.InputStats, error) {
	heat, err := openHeat(cfg, o)
	if err != nil {
		return nil, err
	}
	defer heat.Close() // last, when nothing makes heat any more
	if cfg.Engine.Threads == 0 {
		cfg.Engine.Threads = heat.profile.Threads
	}
	tracer := trace.Open(trace.Options{Logger: o.Logger})
	defer showTraces(tracer, o.State, o.Logger).Close() // when the worker has ended
	senses, err := OpenSenses(cfg, engine.Options{Logger: o.Logger, Tracer: tracer})
	if err != nil {
		return nil, err
	}
	defer senses.Close()
	p, err := build(cfg, senses, heat, o)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	learned := remember(p.Policy, o.State, o.Logger)
	err = watched(p, ctx, func() {
		logStats(o.Logger, p.Stats())
		logSelection(o.Logger, p)
		heat.tell()
		learned.keep(p)
	})
	if err == nil && !o.Once && ctx.Err() == nil {
		o.Logger.Info().Msg("all sources are used up, waiting to be stopped")
		<-ctx.Done()
	}
	stats := p.Stats()
	logStats(o.Logger, stats)
	logSelection(o.Logger, p)
	heat.tell()
	learned.keep(p)
	if c := p.Fuser.State(p.Clock.Now()).Counters; c != (fusion.Counters{}) {
		o.Logger.Warn().Interface("counters", c).Msg("evidence that could not be used as it came")
	}
	worker := senses.EngineStats()
	o.Logger.Info().Dur("ran_ms", time.Since(began)).Uint64("jobs", worker.Jobs).
		Uint64("jobs_failed", worker.Failed).Uint64("worker_starts", worker.Starts).Msg("run ended")
	if err != nil {
		err = fmt.Errorf("sources failed: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return stats, err
}

// watched runs p and calls look now and then.
func watched(p *pipeline.Pipeline, ctx context.Context, look func()) error {
	done := make(chan struct{})
	var health sync.WaitGroup
	health.Go(func() {
		tick := time.NewTicker(healthEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				look()
			case <-done:
				return
			}
		}
	})
	err := p.Run(ctx)
	close(done)
	health.Wait()
	return err
}

func logStats(log zerolog.Logger, stats []pipeline.InputStats) {
	for _, s := range stats {
		log.Info().Str("source", s.Name).Stringer("modality", s.Modality).
			Uint64("broken", s.Broken).Uint64("retries", s.Retries).
			Uint64("received", s.Received).Uint64("dropped", s.Dropped).
			Uint64("inferred", s.Inferred).Uint64("failed", s.Failed).Uint64("skipped", s.Skipped).
			Uint64("late", s.Late).Dur("stalest_ms", s.Stalest).
			Dur("mean_ms", s.Mean).Dur("max_ms", s.Max).Msg("source so far")
	}
}

// build makes the pipeline with the models that its sources need.
func build(cfg config.Config, senses *Senses, heat *heat, o RunOptions) (*pipeline.Pipeline, error) {
	clock := source.NewClock()
	c := pipeline.Config{Clock: clock, Logger: o.Logger, Once: o.Once, Pace: &heat.pace, Emit: o.Emit}
	by := Surroundings{
		Heat: &heat.pace, Meter: &heat.pace, Power: JobPower(heat.profile.Energy, cfg.Engine.Threads), Explain: o.Explain,
	}
	for i, s := range cfg.Sources {
		in, err := open(s, source.Env{
			Clock: clock, Stdin: o.Stdin, Logger: o.Logger,
			Seed: uint64(time.Now().UnixNano()), Counters: &source.Counters{},
		}, o.Once)
		if err != nil {
			return nil, cfg.SourceError(i, err)
		}
		c.Inputs = append(c.Inputs, in)
	}
	return Assemble(cfg, senses, c, by)
}

// Assemble makes a pipeline of c, whose inputs, clock and listeners are the caller's,
// with the models that those inputs need and the rules and scheduler of cfg.
// Variants are picked by what is around.
func Assemble(cfg config.Config, senses *Senses, c pipeline.Config, by Surroundings) (*pipeline.Pipeline, error) {
	var err error
	if c.Fuser, err = fusion.New(cfg.Rules); err != nil {
		return nil, err
	}
	uses := func(m model.Modality) bool {
		return slices.ContainsFunc(c.Inputs, func(in pipeline.Input) bool { return in.Modality == m })
	}
	if uses(model.Vision) {
		if c.Faces, err = configured(cfg, model.Vision, senses.Faces, c, by); err != nil {
			return nil, err
		}
	}
	if uses(model.Audio) {
		if c.Voice, err = configured(cfg, model.Audio, senses.Voice, c, by); err != nil {
			return nil, err
		}
	}
	if uses(model.Text) {
		if c.Mood, err = configured(cfg, model.Text, senses.Mood, c, by); err != nil {
			return nil, err
		}
	}
	if c.Policy, err = newPolicy(cfg, c.Inputs, by.Explain); err != nil {
		return nil, err
	}
	return pipeline.New(c)
}

// open opens one source. Once, a finite source waits for room instead of losing
// what it has.
func open(cfg source.Config, env source.Env, once bool) (pipeline.Input, error) {
	src, err := source.New(cfg, env)
	if err != nil {
		return pipeline.Input{}, err
	}
	m, err := cfg.Modality()
	if err != nil {
		return pipeline.Input{}, err
	}
	whole := once && cfg.Finite()
	policy := source.DropOldest
	if whole {
		policy = source.Block
	}
	queue, err := source.NewQueue(QueueLength[m], policy)
	if err != nil {
		return pipeline.Input{}, fmt.Errorf("source %s: %w", cfg.Name, err)
	}
	return pipeline.Input{Name: cfg.Name, Modality: m, Source: src, Queue: queue, Counters: env.Counters, Finite: cfg.Finite(), Whole: whole}, nil
}
