package live

import (
	"slices"
	"time"

	"atoll/internal/material"
	"atoll/sched"
	"atoll/sched/sim"
)

// Recording is what arrived in a run and how long its jobs took, to be simulated with
// other policies and on slower boards.
type Recording struct {
	trace sim.Trace
	lead  time.Duration
	took  [][]time.Duration
}

var kinds = []sim.Kind{sim.Picture, sim.Sound, sim.Text} // of a scene's inputs

func (r *Recording) begin(s *material.Scene, lead time.Duration, sources []sched.Source, work float64) {
	r.lead, r.took = lead, make([][]time.Duration, len(sources))
	r.trace.Workers, r.trace.Work, r.trace.For = 1, work, s.For
	for i, x := range sources {
		r.trace.Sources = append(r.trace.Sources, sim.Source{
			Name: x.Name, Kind: kinds[i], Period: x.Period, Weight: x.Weight,
			Deadline: x.Deadline, StaleAfter: x.StaleAfter, Seen: 1,
		})
	}
	for _, in := range s.Truth {
		of := map[string][]int{"presence": {0}, "speech": {1}, "engagement": {0, 1}}[in.Kind]
		r.trace.Events = append(r.trace.Events, sim.Event{Start: in.Start, End: in.End, Sources: of})
	}
	slices.SortStableFunc(r.trace.Events, func(a, b sim.Event) int { return int(a.Start - b.Start) })
}

// Arrived implements pipeline.Witness.
func (r *Recording) Arrived(at time.Duration, input int, features []uint8) {
	r.trace.Arrivals = append(r.trace.Arrivals, sim.Arrival{At: at - r.lead, Source: input, Features: slices.Clone(features)})
}

// Ended implements pipeline.Witness.
func (r *Recording) Ended(_ time.Duration, job sched.Job, took time.Duration) {
	r.took[job.Source] = append(r.took[job.Source], took)
}

// quantiles are how many service times a trace keeps of each source.
const quantiles = 21

// Trace returns what was recorded.
func (r *Recording) Trace() sim.Trace {
	for i, took := range r.took {
		slices.Sort(took)
		service := []time.Duration{time.Millisecond} // of a source that had no job
		if len(took) > 0 {
			service = service[:0]
			for k := range quantiles {
				service = append(service, took[k*(len(took)-1)/(quantiles-1)])
			}
		}
		r.trace.Sources[i].Service = service
	}
	end := len(r.trace.Arrivals)
	for end > 0 && r.trace.Arrivals[end-1].At >= r.trace.For {
		end--
	}
	r.trace.Arrivals = r.trace.Arrivals[:end]
	return r.trace
}
