package fusion_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"atoll/model"
	"atoll/pipeline/fusion"
)

const ms = time.Millisecond

func evidence(c fusion.CueRule, p float64, at time.Duration) fusion.Evidence {
	m, err := model.ParseModality(c.Modality)
	if err != nil {
		panic(err)
	}
	return fusion.Evidence{Modality: m, Source: "src0", Cue: c.Name, P: p, At: at}
}

func face(source string, p float64, at time.Duration) fusion.Evidence {
	return fusion.Evidence{Modality: model.Vision, Source: source, Cue: "face", P: p, At: at}
}

func sentence(p float64, at time.Duration) fusion.Evidence {
	return fusion.Evidence{Modality: model.Text, Source: "chat", Cue: "positive", P: p, At: at}
}

// oneCue is goodRules with some of its lines replaced.
func oneCue(t testing.TB, replace ...string) *fusion.Fuser {
	t.Helper()
	rules, err := fusion.ParseRules([]byte(strings.NewReplacer(replace...).Replace(goodRules)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := fusion.New(rules)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func defaults(t testing.TB) *fusion.Fuser {
	t.Helper()
	f, err := fusion.New(fusion.DefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNewRefuses(t *testing.T) {
	rules := fusion.DefaultRules()
	rules.Events[0].Off = 0.9
	if _, err := fusion.New(rules); err == nil || !strings.Contains(err.Error(), `event "presence": off`) {
		t.Errorf("New = %v; want the event and key", err)
	}
}

func TestTimestamps(t *testing.T) {
	f := oneCue(t)
	f.Observe(time.Second, face("cam0", 1, time.Hour)) // ahead: counts as of now
	f.Observe(time.Second+100*ms, face("cam0", 1, time.Second+100*ms))
	f.Observe(time.Second+200*ms, face("cam0", 0, time.Second+50*ms)) // behind its own last: ignored
	f.Observe(time.Second+200*ms, face("cam1", 1, time.Second+50*ms)) // behind another's: used
	s := f.State(time.Second + 200*ms)
	want := fusion.Counters{Ahead: 1, Behind: 1}
	if s.Counters != want {
		t.Errorf("counters = %+v; want %+v", s.Counters, want)
	}
	if got := s.Sources[0]; got.Observations != 2 || got.Cues[0].Age != 100*ms || got.Cues[0].LogOdds < 1 {
		t.Errorf("cam0 = %+v; want two observations, the last 100ms ago", got)
	}
	if got := s.Sources[1].Cues[0].Age; got != 150*ms {
		t.Errorf("age of cam1 = %v; want 150ms", got)
	}
	events := advanceTo(f, 2*time.Second, nil)
	if len(events) != 1 || events[0].State != "on" {
		t.Errorf("events = %+v; want on", events)
	}
}

func TestLateEvidence(t *testing.T) {
	f := oneCue(t, "off = 0.5", "off = 0.7", `"100ms"`, `"300ms"`)
	var events []fusion.Event
	f.Observe(0, face("cam0", 1, 0))
	f.Observe(900*ms, face("cam0", 1, 500*ms)) // took 400 ms to find: its dwell is over already
	events = f.Advance(900*ms, events)
	if len(events) != 1 || events[0].Since != 500*ms || events[0].At != 800*ms {
		t.Fatalf("events = %+v; want on at 800ms since 500ms", events)
	}
	// Evidence from before a decision does not reach behind it.
	f.Observe(1000*ms, face("cam1", 0, 0))
	f.Observe(1000*ms, face("cam1", 0, 600*ms))
	f.Observe(1000*ms, face("cam1", 0, 650*ms))
	f.Observe(1000*ms, face("cam1", 0, 700*ms))
	events = f.Advance(1000*ms, events[:0])
	if len(events) != 1 || events[0].State != "off" || events[0].At < 800*ms {
		t.Errorf("events = %+v; want off, not before 800ms", events)
	}
}

func TestUnusableEvidence(t *testing.T) {
	f := oneCue(t)
	speech := fusion.Evidence{Modality: model.Audio, Source: "mic0", Cue: "speech", P: 1}
	f.Observe(0, speech)
	wrong := face("cam0", 1, 0)
	wrong.Modality = model.Audio
	f.Observe(0, wrong)
	for _, p := range []float64{math.NaN(), math.Inf(1), -0.1, 1.1} {
		f.Observe(0, face("cam0", p, 0))
	}
	f.Observe(0, face("cam0", 1, -1))
	f.Observe(0, fusion.Evidence{Modality: 7, Source: "x", Cue: "face", P: 2})
	f.Failure(0, 200, "x")
	s := f.State(0)
	if want := (fusion.Counters{Unknown: 4, Invalid: 5}); s.Counters != want {
		t.Errorf("counters = %+v; want %+v", s.Counters, want)
	}
	if len(s.Sources) != 1 || s.Sources[0].Failures != 5 || s.Sources[0].Observations != 0 {
		t.Errorf("sources = %+v; want cam0 with five failures", s.Sources)
	}
	if _, ok := f.NextDeadline(); ok {
		t.Error("NextDeadline: true; want nothing to come of it")
	}
}

func TestSourcesAreBounded(t *testing.T) {
	f := oneCue(t)
	for i := range 40 {
		f.Observe(0, face(fmt.Sprint("cam", i), 1, 0))
	}
	if s := f.State(0); len(s.Sources) != 32 || s.Counters.Crowded != 8 {
		t.Errorf("%d sources, %d crowded; want 32 and 8", len(s.Sources), s.Counters.Crowded)
	}
}

func TestPendingIsBounded(t *testing.T) {
	f := oneCue(t, `"100ms"`, `"0s"`, "300ms", "1ns")
	for i := range 1000 {
		at := time.Duration(i) * time.Second
		f.Observe(at, face("cam0", float64(i/5%2), at))
	}
	events := f.Advance(1000*time.Second, nil)
	if dropped := f.State(0).Counters.Dropped; len(events) != 64 || dropped == 0 {
		t.Errorf("%d events, %d dropped; want the newest 64, the others dropped", len(events), dropped)
	}
	if last := events[len(events)-1].At; last < 990*time.Second {
		t.Errorf("last event at %v; want the newest kept", last)
	}
}

func TestAdvanceSorts(t *testing.T) {
	f := defaults(t)
	for at := time.Duration(0); at < time.Second; at += 32 * ms {
		f.Observe(at, fusion.Evidence{Modality: model.Audio, Source: "mic0", Cue: "speech", P: 1, At: at})
		if at > 500*ms {
			f.Observe(at, face("cam0", 1, at))
		}
	}
	var got []string
	for _, e := range f.Advance(time.Second, nil) {
		got = append(got, e.Name)
	}
	if want := "[speech presence engagement]"; fmt.Sprint(got) != want {
		t.Errorf("events = %v; want %s, by time", got, want)
	}
}
