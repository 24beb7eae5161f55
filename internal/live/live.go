// Package live plays a labelled scene of real pictures, speech and sentences through
// the real pipeline, at real speed, with one scheduling policy after the other.
package live

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"atoll/engine"
	"atoll/internal/app"
	"atoll/internal/config"
	"atoll/internal/material"
	"atoll/model"
	"atoll/pipeline"
	"atoll/pipeline/fusion"
	"atoll/pipeline/source"
)

// Options of a run.
type Options struct {
	Config config.Config // with the policy
	Logger zerolog.Logger
	Record *Recording // if set, filled with what arrives
}

// lead is how long after its start a pipeline gets its first input.
const lead = 500 * time.Millisecond

// Play plays the scene once, which takes as long as the scene. It fails if the worker
// had to be started again: what a run with a pause in it says is no measurement.
func Play(ctx context.Context, s *material.Scene, o Options) (Score, error) {
	senses, err := app.OpenSenses(o.Config, engine.Options{Logger: o.Logger})
	if err != nil {
		return Score{}, err
	}
	defer senses.Close()
	clock := source.NewClock()
	stage := &stage{clock: clock}
	var events []fusion.Event
	c := pipeline.Config{Clock: clock, Logger: o.Logger, Emit: func(e fusion.Event) {
		events = append(events, fusion.Event{Name: e.Name, State: e.State, At: clock.Now()})
	}}
	if c.Inputs, err = inputs(s, stage); err != nil {
		return Score{}, err
	}
	if o.Record != nil {
		c.Witness = o.Record
	}
	p, err := app.Assemble(o.Config, senses, c, app.Surroundings{})
	if err != nil {
		return Score{}, err
	}
	stage.begin = clock.Now() + lead // the models are loaded, which may have taken a while
	if o.Record != nil {
		o.Record.start(s, stage.begin, app.SchedulerSources(o.Config, c.Inputs), o.Config.Scheduler.Work)
	}
	before := senses.EngineStats()
	began, err := OnCPU(before.PID)
	if err != nil {
		return Score{}, err
	}
	if err := p.Run(ctx); err != nil {
		return Score{}, err
	}
	if ctx.Err() != nil {
		return Score{}, ctx.Err()
	}
	if err := sameWorker(before, senses.EngineStats()); err != nil {
		return Score{}, err
	}
	ended, err := OnCPU(before.PID)
	if err != nil {
		return Score{}, err
	}
	return rate(s, stage.begin, events, p.Stats(), ended-began), nil
}

// sameWorker fails if the worker was started again between two looks at its counters,
// or is gone: the CPU of one process can't be taken from that of another.
func sameWorker(before, after engine.Stats) error {
	if after.Starts != before.Starts || after.PID != before.PID {
		return fmt.Errorf("the worker was lost during the scene (%d jobs failed): the run can't be rated, try again", after.Failed-before.Failed)
	}
	return nil
}

// inputs are those of a scene.
func inputs(s *material.Scene, stage *stage) (list []pipeline.Input, err error) {
	for _, in := range []struct {
		name     string
		modality model.Modality
		player   player
	}{
		{"camera", model.Vision, player{scene: s}},
		{"microphone", model.Audio, player{items: s.Sound}},
		{"chat", model.Text, player{items: s.Texts}},
	} {
		queue, err := source.NewQueue(app.QueueLength[in.modality], source.DropOldest)
		if err != nil {
			return nil, err
		}
		in.player.stage, in.player.name = stage, in.name
		list = append(list, pipeline.Input{Name: in.name, Modality: in.modality, Source: in.player, Queue: queue, Finite: true})
	}
	return list, nil
}
