package app

import (
	"fmt"
	"slices"
	"time"

	"atoll/internal/config"
	"atoll/model"
	"atoll/pipeline"
	"atoll/sched"
)

// urgencies are what the scheduler holds of each modality. A face or a voice is as good
// as gone a moment later, a sentence can wait; sound comes in the smallest pieces.
var urgencies = [model.NumModalities]struct {
	period   time.Duration
	weight   float64
	deadline time.Duration
}{
	model.Vision: {time.Second / 30, 1, 150 * time.Millisecond},
	model.Audio:  {32 * time.Millisecond, 1, 100 * time.Millisecond},
	model.Text:   {0, 0.5, 500 * time.Millisecond},
}

// firstCost is what a job is taken to cost until one was measured.
const firstCost = 100 * time.Millisecond

// newPolicy makes the scheduler of a run: a neuron, or a place in line, for each input.
func newPolicy(cfg config.Config, inputs []pipeline.Input, explain func(fmt.Stringer)) (sched.Policy, error) {
	o := sched.Options{Sources: SchedulerSources(cfg, inputs), Work: cfg.Scheduler.Work, Freeze: !cfg.Scheduler.Learn}
	if explain != nil {
		o.Explain = func(d *sched.Decision) { explain(d) }
	}
	if slices.ContainsFunc(inputs, func(in pipeline.Input) bool { return in.Whole }) {
		o.Work = 1
	}
	return sched.New(cfg.Scheduler.Policy, o)
}

// SchedulerSources are the inputs as the scheduler sees them.
func SchedulerSources(cfg config.Config, inputs []pipeline.Input) (list []sched.Source) {
	for _, in := range inputs {
		u := urgencies[in.Modality]
		list = append(list, sched.Source{
			Name: in.Name, Period: u.period, Weight: u.weight, Deadline: u.deadline,
			StaleAfter: staleAfter(cfg, in.Modality), Cost: firstCost, All: in.Whole || in.Modality == model.Text,
		})
	}
	return list
}

// staleAfter is how long an input of that modality may wait: no longer than its
// evidence lasts, less a fifth for what else there is to do.
func staleAfter(cfg config.Config, m model.Modality) time.Duration {
	limit := cfg.Scheduler.StaleAfter.Duration
	for _, cue := range cfg.Cues {
		if cue.Modality == m.String() && cue.Stale.Duration > 0 {
			limit = min(limit, cue.Stale.Duration*4/5)
		}
	}
	return limit
}
