// Package live plays a labelled scene of real pictures, speech and sentences through
// the real pipeline, at real speed, with one scheduling policy after the other.
package live

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"atoll/internal/app"
	"atoll/internal/config"
	"atoll/internal/material"
	"atoll/model"
	"atoll/pipeline"
	"atoll/pipeline/fusion"
	"atoll/pipeline/fusion/score"
	"atoll/pipeline/source"
)

// Score is how one policy did. Its JSON has the fields of a simulation's.
type Score struct {
	Recall       float64 `json:"recall"`               // true events that were decided
	CPU          float64 `json:"cpu_s_per_h"`          // seconds of the worker's CPU an hour
	LatencyP50   float64 `json:"event_latency_p50_ms"` // from the begin of a true event until it was decided
	LatencyP99   float64 `json:"event_latency_p99_ms"`
	DeadlineMiss float64 `json:"deadline_miss_rate"` // jobs that ended late, of all
	Value        float64 `json:"value"`              // of the events decided: 1 at once, 0 after the time allowed
	MaxStaleness float64 `json:"max_staleness_ms"`   // longest that an input waited for a job that took it or a newer one
}

// Options of a run.
type Options struct {
	Config config.Config
	Policy string
	Logger zerolog.Logger
	Record *Recording // if set, filled with what arrives
}

// allowed is how late after its begin an event may be decided to count.
const allowed = 3 * time.Second

// loading is how long after its start a pipeline gets its first input.
const loading = 500 * time.Millisecond

// Play plays the scene once.
func Play(ctx context.Context, s *material.Scene, o Options) (Score, error) {
	o.Config.Scheduler.Policy = o.Policy
	senses, err := app.OpenSenses(o.Config, o.Logger)
	if err != nil {
		return Score{}, err
	}
	defer senses.Close()
	clock := source.NewClock()
	lead := clock.Now() + loading
	var events []fusion.Event
	c := pipeline.Config{Clock: clock, Logger: o.Logger, Emit: func(e fusion.Event) {
		events = append(events, fusion.Event{Name: e.Name, State: e.State, At: clock.Now()})
	}}
	if c.Inputs, err = inputs(s, clock, lead); err != nil {
		return Score{}, err
	}
	if o.Record != nil {
		o.Record.begin(s, lead, app.SchedulerSources(o.Config, c.Inputs), o.Config.Scheduler.Work)
		c.Witness = o.Record
	}
	p, err := app.Assemble(o.Config, senses, c, nil)
	if err != nil {
		return Score{}, err
	}
	before, err := onCPU(senses.EngineStats().PID)
	if err != nil {
		return Score{}, err
	}
	if err := p.Run(ctx); err != nil {
		return Score{}, err
	}
	if ctx.Err() != nil {
		return Score{}, ctx.Err()
	}
	used, err := onCPU(senses.EngineStats().PID)
	if err != nil {
		return Score{}, err
	}
	return rate(s, lead, events, p.Stats(), used-before), nil
}

// inputs are those of a scene that begins at lead.
func inputs(s *material.Scene, clock source.Clock, lead time.Duration) (list []pipeline.Input, err error) {
	for _, in := range []struct {
		name     string
		modality model.Modality
		queue    int
		player   player
	}{
		{"camera", model.Vision, 1, player{scene: s}},
		{"microphone", model.Audio, 64, player{items: s.Sound}},
		{"chat", model.Text, 256, player{items: s.Texts}},
	} {
		queue, err := source.NewQueue(in.queue, source.DropOldest)
		if err != nil {
			return nil, err
		}
		in.player.clock, in.player.lead, in.player.name = clock, lead, in.name
		list = append(list, pipeline.Input{Name: in.name, Modality: in.modality, Source: in.player, Queue: queue, Finite: true})
	}
	return list, nil
}

// rate compares what was decided with what was true.
func rate(s *material.Scene, lead time.Duration, events []fusion.Event, stats []pipeline.InputStats, used time.Duration) Score {
	var latencies []float64
	var r Score
	for _, in := range s.Truth {
		late, found := decided(in, lead, events)
		if found {
			latencies = append(latencies, float64(late)/float64(time.Millisecond))
			r.Value += 1 - float64(late)/float64(allowed)
		}
	}
	slices.Sort(latencies)
	at := func(q float64) float64 {
		if len(latencies) == 0 {
			return 0
		}
		return latencies[min(len(latencies)-1, int(q*float64(len(latencies))))]
	}
	r.Recall = float64(len(latencies)) / float64(max(1, len(s.Truth)))
	r.LatencyP50, r.LatencyP99 = at(0.5), at(0.99)
	r.CPU = used.Seconds() * 3600 / s.For.Seconds()
	var jobs, missed uint64
	for _, in := range stats {
		jobs, missed = jobs+in.Jobs, missed+in.Late
		r.MaxStaleness = max(r.MaxStaleness, float64(in.Stalest)/float64(time.Millisecond))
	}
	r.DeadlineMiss = float64(missed) / float64(max(1, jobs))
	return r
}

// decided is how long after the begin of a true event it was decided.
func decided(in score.Interval, lead time.Duration, events []fusion.Event) (late time.Duration, found bool) {
	for _, e := range events {
		late := e.At - lead - in.Start
		if e.Name == in.Kind && e.State == in.Label && late >= 0 && late <= allowed {
			return late, true
		}
	}
	return 0, false
}

// onCPU is the time that all threads of a process have spent on a CPU: the first
// number of their schedstat (Documentation/scheduler/sched-stats.rst).
func onCPU(pid int) (sum time.Duration, err error) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("no /proc/%d/task/*/schedstat: the time of the worker can't be measured on this kernel", pid)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}
