package fusion_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"atoll/model"
	"atoll/pipeline/fusion"
)

func TestEventJSON(t *testing.T) {
	f := oneCue(t)
	f.Observe(0, face("cam0", 0.9, 0))
	f.Observe(time.Second, face("cam0", 0.75, time.Second))
	events := f.Advance(2*time.Second, nil)
	events = f.Advance(20*time.Second, events)
	got, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"name":"presence","state":"on","p":0.8142881,"at_ns":1100000000,"since_ns":1000000000,` +
		`"evidence":[{"modality":"vision","source":"cam0","cue":"face","p":0.75,"log_odds":1.47811771,"weight":1,"age_ns":100000000}]},` +
		`{"name":"presence","state":"off","p":0.5,"at_ns":11000000000,"since_ns":11000000000,"evidence":[]}]`
	// Eight digits are enough, and the same on every processor.
	if got := rounded(t, got); got != want {
		t.Errorf("JSON = %s\nwant   %s", got, want)
	}
}

// rounded rounds p and log_odds in the JSON of events.
func rounded(t *testing.T, text []byte) string {
	t.Helper()
	var events []fusion.Event
	if err := json.Unmarshal(text, &events); err != nil {
		t.Fatal(err)
	}
	round := func(x float64) float64 { return math.Round(x*1e8) / 1e8 }
	for i := range events {
		events[i].P = round(events[i].P)
		for j := range events[i].Evidence {
			events[i].Evidence[j].LogOdds = round(events[i].Evidence[j].LogOdds)
		}
	}
	out, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestStateJSON(t *testing.T) {
	f := oneCue(t)
	f.Failure(0, model.Vision, "cam0")
	got, err := json.Marshal(f.State(0))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"sources":[{"modality":"vision","source":"cam0","reliability":0.7,"observations":0,"failures":1,"cues":[]}],` +
		`"events":[{"name":"presence","state":"off","p":0.5,"decided":false,"since_ns":0}],` +
		`"counters":{"ahead":0,"behind":0,"unknown":0,"invalid":0,"crowded":0,"dropped":0}}`
	if string(got) != want {
		t.Errorf("JSON = %s\nwant   %s", got, want)
	}
}
