package figures

import (
	"errors"
	"time"

	"atoll/internal/app"
	"atoll/internal/material"
	"atoll/model"
	"atoll/pipeline"
	"atoll/pipeline/fusion"
	"atoll/pipeline/fusion/score"
)

// Fuse runs a timeline through the real models and the default rules and returns
// the events. Time is the timeline's own: nothing waits. Items of the modality cut,
// if there is one, are left out from the time cutAt on.
func Fuse(s *app.Senses, t material.Timeline, cut model.Modality, cutAt time.Duration) ([]fusion.Event, error) {
	faces, err := s.Faces(app.Choice{})
	if err != nil {
		return nil, err
	}
	voice, err := s.Voice(app.Choice{})
	if err != nil {
		return nil, err
	}
	mood, err := s.Mood(app.Choice{})
	if err != nil {
		return nil, err
	}
	fuser, err := fusion.New(fusion.DefaultRules())
	if err != nil {
		return nil, err
	}
	observer := pipeline.NewObserver(pipeline.Only(faces), pipeline.Only(voice), pipeline.Only(mood))
	var events []fusion.Event
	advance := func(now time.Duration) {
		for due, ok := fuser.NextDeadline(); ok && due < now; due, ok = fuser.NextDeadline() {
			events = fuser.Advance(due, events)
		}
		events = fuser.Advance(now, events)
	}
	for i := range t.Items {
		item := &t.Items[i]
		if item.Modality == cut && item.At >= cutAt {
			continue
		}
		evidence, _, err := observer.Observe(item)
		if errors.Is(err, pipeline.ErrNoWords) {
			continue
		}
		if err != nil {
			return nil, err
		}
		advance(item.At)
		fuser.Observe(item.At, evidence)
		advance(item.At)
	}
	advance(material.TimelineLength)
	return events, nil
}

// FusedEvents counts right and wrong events over timelines of seeds from to to,
// both included, and per kind the worst precision and recall of a single one.
func FusedEvents(s *app.Senses, m *material.Material, from, to uint64) (total map[string]score.Counts, worst map[string]float64, err error) {
	total, worst = map[string]score.Counts{}, map[string]float64{}
	for seed := from; seed <= to; seed++ {
		t := m.Timeline(seed)
		events, err := Fuse(s, t, 0, material.TimelineLength)
		if err != nil {
			return nil, nil, err
		}
		counts, err := score.Score(t.Truth, events, material.Collars)
		if err != nil {
			return nil, nil, err
		}
		for kind, c := range counts {
			sum := total[kind]
			total[kind] = score.Counts{
				TruePositives:  sum.TruePositives + c.TruePositives,
				FalsePositives: sum.FalsePositives + c.FalsePositives,
				FalseNegatives: sum.FalseNegatives + c.FalseNegatives,
			}
			least := min(c.Precision(), c.Recall())
			if old, seen := worst[kind]; !seen || least < old {
				worst[kind] = least
			}
		}
	}
	return total, worst, nil
}
