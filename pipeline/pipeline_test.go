package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"atoll/engine/enginetest"
	"atoll/model"
	"atoll/pipeline/fusion"
	"atoll/pipeline/source"
	"atoll/sched"
)

// play is a source that delivers texts at fixed times and ends as told.
type play struct {
	name  string
	clock source.Clock
	every time.Duration
	items int
	skew  time.Duration // added to the time of every item
	end   error
	hold  bool // stay until stopped
}

func (p play) Run(ctx context.Context, out *source.Queue) error {
	for i := range p.items {
		at := time.Duration(i) * p.every
		if err := p.clock.Sleep(ctx, at); err != nil {
			return err
		}
		it := out.Blank()
		it.Modality, it.Source, it.Text, it.At = model.Text, p.name, "good", at+p.skew
		if err := out.Put(ctx, it); err != nil {
			return err
		}
	}
	if p.hold {
		<-ctx.Done()
		return ctx.Err()
	}
	return p.end
}

// policyFor makes a policy for the inputs. Its first jobs may take a moment.
func policyFor(t *testing.T, name string, work float64, inputs []Input) sched.Policy {
	t.Helper()
	o := sched.Options{Work: work}
	for _, in := range inputs {
		period := time.Duration(0)
		if in.Modality == model.Vision {
			period = 20 * time.Millisecond
		}
		o.Sources = append(o.Sources, sched.Source{
			Name: in.Name, Period: period, Weight: 1, Deadline: 100 * time.Millisecond,
			StaleAfter: 2 * time.Second, Cost: 20 * time.Millisecond, All: in.Whole,
		})
	}
	p, err := sched.New(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t *testing.T, ctx context.Context, m *enginetest.Model, sources map[string]play, once ...bool) (events []fusion.Event, stats map[string]InputStats, err error) {
	t.Helper()
	mood, err := NewMoodClassifier(m, []byte(vocabulary), []byte(labels), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	fuser, err := fusion.New(fusion.DefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	clock := source.NewClock()
	c := Config{Mood: Only(mood), Fuser: fuser, Clock: clock, Once: len(once) > 0, Emit: func(e fusion.Event) {
		e.Evidence = append([]fusion.Contribution(nil), e.Evidence...)
		events = append(events, e)
	}}
	for name, s := range sources {
		queue, err := source.NewQueue(4, source.DropOldest)
		if err != nil {
			t.Fatal(err)
		}
		s.name, s.clock = name, clock
		c.Inputs = append(c.Inputs, Input{Name: name, Modality: model.Text, Source: s, Queue: queue, Finite: !s.hold})
	}
	c.Policy = policyFor(t, sched.EveryFrame, 1, c.Inputs)
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	err = p.Run(ctx)
	stats = map[string]InputStats{}
	for _, s := range p.Stats() {
		stats[s.Name] = s
	}
	return events, stats, err
}

func states(events []fusion.Event, name string) (list []string) {
	for _, e := range events {
		if e.Name == name {
			list = append(list, e.State)
		}
	}
	return list
}

func TestRunToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, stats, err := run(t, t.Context(), moodModel(), map[string]play{"desk": {every: time.Second, items: 10}})
		if err != nil {
			t.Fatal(err)
		}
		if got := states(events, "mood"); len(got) != 1 || got[0] != "positive" {
			t.Errorf("mood events %v, want one: positive", got)
		}
		if e := events[0]; len(e.Evidence) != 1 || e.Evidence[0].Source != "desk" || e.Evidence[0].Cue != CuePositive {
			t.Errorf("evidence %+v, want that of desk", e.Evidence)
		}
		if got := stats["desk"]; got.Received != 10 || got.Inferred != 10 || got.Dropped != 0 || got.Failed != 0 {
			t.Errorf("stats %+v, want 10 received and inferred", got)
		}
	})
}

// An event that ends because its evidence grows stale ends at that moment, though
// nothing comes in.
func TestStaleEvidenceEndsTheEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		events, _, err := run(t, ctx, moodModel(), map[string]play{"desk": {every: time.Second, items: 10, hold: true}})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(states(events, "mood"), " "); got != "positive off" {
			t.Errorf("mood %q, want it to go off by itself", got)
		}
	})
}

func TestFailedSourceLeavesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("unplugged")
		events, stats, err := run(t, t.Context(), moodModel(), map[string]play{
			"a": {every: time.Second, items: 2, end: gone},
			"b": {every: time.Second, items: 20},
		})
		if !errors.Is(err, gone) || !strings.Contains(err.Error(), "source a") {
			t.Errorf("got %v, want the failure of source a", err)
		}
		if got := stats["b"].Inferred; got != 20 {
			t.Errorf("source b: %d inferred, want 20", got)
		}
		if got := states(events, "mood"); len(got) != 1 {
			t.Errorf("mood events %v, want one", got)
		}
	})
}

func TestFailedJobsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := moodModel()
		works := m.Infer
		m.Infer = func(m *enginetest.Model) error {
			if m.Runs%10 == 5 {
				return errors.New("worker died")
			}
			return works(m)
		}
		events, stats, err := run(t, t.Context(), m, map[string]play{"desk": {every: time.Second, items: 20}})
		if err != nil {
			t.Fatal(err)
		}
		if got := stats["desk"]; got.Failed != 2 || got.Inferred != 18 {
			t.Errorf("stats %+v, want 2 failed and 18 inferred", got)
		}
		if got := states(events, "mood"); len(got) != 1 || got[0] != "positive" {
			t.Errorf("mood events %v, want positive all the same", got)
		}
	})
}

// A clock far ahead or behind in one source does not stall another.
func TestWrongTimesStallNobody(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			events, stats, err := run(t, t.Context(), moodModel(), map[string]play{
				"wrong": {every: time.Second, items: 10, skew: skew},
				"right": {every: time.Second, items: 10},
			})
			if err != nil {
				t.Fatal(err)
			}
			if stats["right"].Inferred != 10 || stats["wrong"].Inferred+stats["wrong"].Failed != 10 {
				t.Errorf("skew %v: stats %+v", skew, stats)
			}
			if got := states(events, "mood"); len(got) == 0 || got[0] != "positive" {
				t.Errorf("skew %v: mood events %v, want positive", skew, got)
			}
		})
	}
}

// A slow engine makes the queue drop, oldest first, and never the source wait.
func TestSlowEngineDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := moodModel()
		works := m.Infer
		m.Infer = func(m *enginetest.Model) error { time.Sleep(100 * time.Millisecond); return works(m) }
		began := time.Now()
		_, stats, err := run(t, t.Context(), m, map[string]play{"desk": {every: 10 * time.Millisecond, items: 100}})
		if err != nil {
			t.Fatal(err)
		}
		got := stats["desk"]
		if got.Received != 100 || got.Dropped < 80 || got.Inferred+got.Dropped != 100 {
			t.Errorf("stats %+v, want 100 received, most of them dropped", got)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %v, the source waited", took)
		}
	})
}

func TestStopsWhenTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		_, stats, err := run(t, ctx, moodModel(), map[string]play{"desk": {every: time.Second, items: 1000}})
		if err != nil {
			t.Errorf("a run that is stopped is no failure: %v", err)
		}
		if got := stats["desk"].Inferred; got != 4 {
			t.Errorf("%d inferred in 3.5 s, want 4", got)
		}
	})
}

func TestNewNeedsModels(t *testing.T) {
	_, err := New(Config{Inputs: []Input{{Name: "cam", Modality: model.Vision}}})
	if err == nil || !strings.Contains(err.Error(), "cam") {
		t.Errorf("got %v, want an error that names the source", err)
	}
}

// With Once a run ends with its finite sources, though a live one goes on.
func TestOnceEndsWithFiniteSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, stats, err := run(t, t.Context(), moodModel(), map[string]play{
			"file":   {every: time.Second, items: 10},
			"camera": {every: 100 * time.Millisecond, items: 1e6, hold: true},
		}, true)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 9*time.Second || took > 10*time.Second {
			t.Errorf("ended after %v, want 9s", took)
		}
		if got := stats["file"].Inferred; got != 10 {
			t.Errorf("%d of the file's 10 items inferred", got)
		}
	})
}
