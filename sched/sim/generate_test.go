package sim

import (
	"io"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestGenerateIsDeterministic(t *testing.T) {
	s := smallScenario(t)
	first := Generate(s, 7)
	if again := Generate(s, 7); !reflect.DeepEqual(first, again) {
		t.Error("the same seed gives another trace")
	}
	if other := Generate(s, 8); reflect.DeepEqual(first.Events, other.Events) {
		t.Error("another seed gives the same events")
	}
}

func TestGenerate(t *testing.T) {
	s := smallScenario(t)
	s.Minutes = 0.5
	rapid.Check(t, func(t *rapid.T) {
		s.Load = rapid.Float64Range(0.01, 8).Draw(t, "load")
		s.Workers = rapid.IntRange(1, 3).Draw(t, "workers")
		trace := Generate(s, rapid.Uint64().Draw(t, "seed"))
		if err := WriteTrace(io.Discard, trace); err != nil {
			t.Fatal(err) // order, bounds, features
		}
		if got := trace.Load(); math.Abs(got/s.Load-1) > 1e-3 {
			t.Errorf("load %v, want %v", got, s.Load)
		}
		counts := map[Kind]int{}
		for _, a := range trace.Arrivals {
			counts[trace.Sources[a.Source].Kind]++
		}
		if got, want := counts[Picture], 30*30-1; got < want-1 || got > want+1 {
			t.Errorf("%d pictures in half a minute, want about %d", got, want)
		}
		if got, want := counts[Sound], 937; got != want {
			t.Errorf("%d sounds in half a minute, want %d", got, want)
		}
		for _, e := range trace.Events {
			if e.Start < lead || e.End <= e.Start {
				t.Errorf("an event from %v to %v", e.Start, e.End)
			}
			if len(e.Sources) == 2 && e.End-e.Start <= time.Second {
				t.Errorf("a fused event from %v to %v: too short", e.Start, e.End)
			}
		}
	})
}

// What is said of a scene is there to be seen: pictures change when a face comes, and
// sounds when somebody speaks.
func TestEventsShow(t *testing.T) {
	s := smallScenario(t)
	s.Minutes = 5
	s.Camera[0].Still.Duration, s.Camera[0].Noise = time.Hour, 0
	s.Microphone[0].Knock.Duration, s.Microphone[0].Noise = time.Hour, 0
	trace := Generate(s, 3)
	for i, source := range trace.Sources {
		if source.Kind == Text {
			continue
		}
		var frames []Arrival
		for _, a := range trace.Arrivals {
			if a.Source == i {
				frames = append(frames, a)
			}
		}
		events := 0
		for _, e := range trace.Events {
			if len(e.Sources) > 1 || e.Sources[0] != i {
				continue
			}
			events++
			k := int(e.Start / source.Period) // the first frame comes after one period
			if before, after := largestStep(frames[k-2], frames[k-1]), largestStep(frames[k-1], frames[k+1]); before > 3 || after < 10 {
				t.Errorf("%s, event at %v: steps of up to %d before it and %d with it", source.Name, e.Start, before, after)
			}
		}
		if events < 5 {
			t.Errorf("%s: %d events in 5 minutes", source.Name, events)
		}
	}
}

func largestStep(a, b Arrival) (most int) {
	for i, v := range a.Features {
		most = max(most, int(v)-int(b.Features[i]), int(b.Features[i])-int(v))
	}
	return most
}
