package live

import (
	"cmp"
	"slices"
	"time"

	"atoll/internal/material"
	"atoll/sched"
	"atoll/sched/sim"
)

// Recording is what arrived in a run and how long its jobs took, to be simulated with
// other policies and on slower boards.
type Recording struct {
	header   sim.Header
	arrivals []sim.Arrival // of pictures and sound
	texts    []sim.Arrival // as the scene has them
	begin    time.Duration // of the scene, on the run's clock
	took     [][]time.Duration
}

var kinds = []sim.Kind{sim.Picture, sim.Sound, sim.Text} // of a scene's inputs

// start empties the recording for a scene that begins at a time.
func (r *Recording) start(s *material.Scene, begin time.Duration, sources []sched.Source, work float64) {
	*r = Recording{begin: begin, took: make([][]time.Duration, len(sources))}
	r.header = sim.Header{Workers: 1, Work: work, For: s.For}
	for i, x := range sources {
		r.header.Sources = append(r.header.Sources, sim.Source{
			Name: x.Name, Kind: kinds[i], Period: x.Period, Weight: x.Weight,
			Deadline: x.Deadline, StaleAfter: x.StaleAfter, Seen: 1,
		})
	}
	text := slices.Index(kinds, sim.Text)
	for _, it := range s.Texts {
		r.texts = append(r.texts, sim.Arrival{At: it.At, Source: text})
	}
	for _, in := range s.Truth {
		of := map[string][]int{"presence": {0}, "speech": {1}, "engagement": {0, 1}}[in.Kind]
		r.header.Events = append(r.header.Events, sim.Event{Start: in.Start, End: in.End, Sources: of})
	}
	slices.SortStableFunc(r.header.Events, func(a, b sim.Event) int { return cmp.Compare(a.Start, b.Start) })
}

// Arrived implements pipeline.Witness. A text is told of only when the one before it
// is done, which depends on the policy: the scene knows better when it came.
func (r *Recording) Arrived(at time.Duration, input int, features []uint8) {
	if kinds[input] != sim.Text {
		r.arrivals = append(r.arrivals, sim.Arrival{At: at - r.begin, Source: input, Features: slices.Clone(features)})
	}
}

// Ended implements pipeline.Witness. A job of sound may take several frames, while one
// of a simulation takes one input: each counts with its share.
func (r *Recording) Ended(_ time.Duration, job sched.Job, took time.Duration) {
	share := max(1, took/time.Duration(max(1, job.Inputs)))
	r.took[job.Source] = append(r.took[job.Source], share)
}

// quantiles are how many service times a trace keeps of each source.
const quantiles = 21

// Trace returns what was recorded, up to the scene's end.
func (r *Recording) Trace() sim.Trace {
	t := sim.Trace{Header: r.header}
	t.Sources = slices.Clone(r.header.Sources)
	for i, took := range r.took {
		t.Sources[i].Service = service(took)
	}
	t.Arrivals = slices.Concat(r.arrivals, r.texts)
	slices.SortStableFunc(t.Arrivals, func(a, b sim.Arrival) int { return cmp.Compare(a.At, b.At) })
	end, _ := slices.BinarySearchFunc(t.Arrivals, t.For, func(a sim.Arrival, end time.Duration) int { return cmp.Compare(a.At, end) })
	t.Arrivals = t.Arrivals[:end]
	return t
}

// service is evenly spaced quantiles of what jobs took; a source that had none is taken
// to need a millisecond.
func service(took []time.Duration) []time.Duration {
	if len(took) == 0 {
		return []time.Duration{time.Millisecond}
	}
	sorted := slices.Sorted(slices.Values(took))
	list := make([]time.Duration, quantiles)
	for k := range list {
		list[k] = sorted[k*(len(sorted)-1)/(quantiles-1)]
	}
	return list
}
