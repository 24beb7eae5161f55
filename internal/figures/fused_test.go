package figures

import (
	"reflect"
	"slices"
	"testing"

	"atoll/internal/material"
	"atoll/model"
	"atoll/pipeline/fusion"
)

const leastShare = 0.95 // of precision and recall

func TestFusedEvents(t *testing.T) {
	s := testSenses(t)
	m, err := material.LoadMaterial(testData(t), "imdb", "amazon", "yelp")
	if err != nil {
		t.Fatal(err)
	}
	total, worst, err := FusedEvents(s, m, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	for kind, c := range total {
		t.Logf("%-10s precision %.3f recall %.3f of %d, worst timeline %.3f", kind, c.Precision(), c.Recall(), c.TruePositives+c.FalseNegatives, worst[kind])
		if c.Precision() < leastShare || c.Recall() < leastShare {
			t.Errorf("%s: precision %.3f and recall %.3f, must be %.2f", kind, c.Precision(), c.Recall(), leastShare)
		}
	}
}

// With one modality cut halfway the events of the others are as before, to the
// last bit.
func TestCutModality(t *testing.T) {
	s := testSenses(t)
	m, err := material.LoadMaterial(testData(t), "imdb")
	if err != nil {
		t.Fatal(err)
	}
	needs := map[string][]model.Modality{
		"presence": {model.Vision}, "speech": {model.Audio},
		"engagement": {model.Vision, model.Audio}, "mood": {model.Text},
	}
	timeline := m.Timeline(7)
	whole, err := Fuse(s, timeline, 0, material.TimelineLength)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range model.Modality(model.NumModalities) {
		got, err := Fuse(s, timeline, cut, material.TimelineLength/2)
		if err != nil {
			t.Fatal(err)
		}
		for kind, modalities := range needs {
			before, after := ofKind(whole, kind), ofKind(got, kind)
			if !slices.Contains(modalities, cut) {
				if !reflect.DeepEqual(before, after) {
					t.Errorf("without %v from halfway on, %s has other events", cut, kind)
				}
			} else if last := after[len(after)-1]; last.State != "off" {
				t.Errorf("without %v from halfway on, %s ends %s", cut, kind, last.State)
			}
		}
	}
}

func ofKind(events []fusion.Event, kind string) (list []fusion.Event) {
	for _, e := range events {
		if e.Name == kind {
			list = append(list, e)
		}
	}
	return list
}
