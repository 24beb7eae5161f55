package fusion_test

import (
	"testing"
	"time"

	"atoll/model"
	"atoll/pipeline/fusion"
)

// steady hands in one frame of sound, and now and then a picture and a sentence, as the pipeline does.
func steady(f *fusion.Fuser, i int, events []fusion.Event) []fusion.Event {
	now := time.Duration(i) * 32 * ms
	f.Observe(now, fusion.Evidence{Modality: model.Audio, Source: "mic0", Cue: "speech", P: 0.95, At: now - ms})
	if i%6 == 0 {
		f.Observe(now, face("cam0", 0.9, now-5*ms))
	}
	if i%40 == 0 {
		f.Observe(now, sentence(0.8, now))
	}
	events = f.Advance(now, events)
	f.NextDeadline()
	return events
}

func TestSteadyPathDoesNotAllocate(t *testing.T) {
	f, events := defaults(t), make([]fusion.Event, 0, 64)
	i := 1
	for ; i < 1000; i++ {
		events = steady(f, i, events)
	}
	if len(events) == 0 {
		t.Fatal("no event: the path measured is not the real one")
	}
	n := testing.AllocsPerRun(2000, func() {
		i++
		events = steady(f, i, events[:0])
	})
	if n != 0 {
		t.Errorf("%v allocations per update; want 0", n)
	}
}

func BenchmarkUpdate(b *testing.B) {
	f, events := defaults(b), make([]fusion.Event, 0, 64)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		events = steady(f, i, events[:0])
	}
}
