package live

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"time"

	"atoll/internal/material"
	"atoll/pipeline/fusion/score"
	"atoll/pipeline/source"
	"atoll/sched"
	"atoll/sched/sim"
)

var sources = []sched.Source{
	{Name: "camera", Period: 33 * time.Millisecond, Weight: 1, Deadline: 150 * time.Millisecond, StaleAfter: 2 * second},
	{Name: "microphone", Period: 32 * time.Millisecond, Weight: 1, Deadline: 100 * time.Millisecond, StaleAfter: second},
	{Name: "chat", Weight: 0.5, Deadline: 500 * time.Millisecond, StaleAfter: 2 * second},
}

// recorded is a recording of a scene of ten seconds.
func recorded() *Recording {
	s := &material.Scene{
		For:   10 * second,
		Truth: []score.Interval{on("presence", 3*second, 10*second), on("speech", 2*second, 4*second), on("engagement", 3*second, 4*second)},
		Texts: []source.Item{{At: second}, {At: 1200 * time.Millisecond}},
	}
	var r Recording
	r.start(s, begin, sources, 0.4)
	grid, bands := slices.Repeat([]uint8{1}, sched.GridSide*sched.GridSide), slices.Repeat([]uint8{2}, sched.Bands)
	r.Arrived(begin+10*time.Millisecond, 0, grid)
	r.Arrived(begin+1100*time.Millisecond, 1, bands)
	grid[0], bands[0] = 9, 9             // the pipeline uses them again
	r.Arrived(begin+5*second, 2, nil)    // the second text, whose source had waited
	r.Arrived(begin+10*second, 1, bands) // the chunk that ends with the scene
	return &r
}

func TestRecordingTrace(t *testing.T) {
	trace := recorded().Trace()
	type arrival struct {
		at     time.Duration
		source int
		first  uint8
	}
	var got []arrival
	for _, a := range trace.Arrivals {
		x := arrival{at: a.At, source: a.Source}
		if len(a.Features) > 0 {
			x.first = a.Features[0]
		}
		got = append(got, x)
	}
	want := []arrival{{10 * time.Millisecond, 0, 1}, {second, 2, 0}, {1100 * time.Millisecond, 1, 2}, {1200 * time.Millisecond, 2, 0}}
	if !slices.Equal(got, want) {
		t.Errorf("arrivals %v, want %v", got, want)
	}
	events := []sim.Event{{Start: 2 * second, End: 4 * second, Sources: []int{1}}, {Start: 3 * second, End: 10 * second, Sources: []int{0}}, {Start: 3 * second, End: 4 * second, Sources: []int{0, 1}}}
	if !reflect.DeepEqual(trace.Events, events) {
		t.Errorf("events %v, want %v", trace.Events, events)
	}
	for i, want := range []sim.Kind{sim.Picture, sim.Sound, sim.Text} {
		s := trace.Sources[i]
		if s.Kind != want || s.Name != sources[i].Name || s.Deadline != sources[i].Deadline || s.StaleAfter != sources[i].StaleAfter || s.Period != sources[i].Period || s.Weight != sources[i].Weight {
			t.Errorf("source %d: %+v", i, s)
		}
	}
}

func TestRecordingService(t *testing.T) {
	type job struct {
		inputs int
		took   time.Duration
	}
	var many []job
	for i := range 101 {
		many = append(many, job{1, time.Duration(101 - i)})
	}
	flat := func(d time.Duration) []time.Duration { return slices.Repeat([]time.Duration{d}, quantiles) }
	var every []time.Duration
	for k := range quantiles {
		every = append(every, time.Duration(1+5*k))
	}
	for _, tt := range []struct {
		name string
		jobs []job
		want []time.Duration
	}{
		{"none", nil, []time.Duration{time.Millisecond}},
		{"one", []job{{1, 7}}, flat(7)},
		{"of four frames", []job{{4, 28}}, flat(7)},
		{"of none", []job{{0, 7}}, flat(7)},
		{"in no time", []job{{1, 0}}, flat(1)},
		{"many", many, every},
	} {
		r := recorded()
		for _, j := range tt.jobs {
			r.Ended(0, sched.Job{Source: 1, Inputs: j.inputs}, j.took)
		}
		first, again := r.Trace(), r.Trace()
		if got := first.Sources[1].Service; !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if !reflect.DeepEqual(first, again) {
			t.Errorf("%s: a second look tells something else", tt.name)
		}
	}
}

func TestRecordingCanBeRead(t *testing.T) {
	want := recorded().Trace()
	var file bytes.Buffer
	if err := sim.WriteTrace(&file, want); err != nil {
		t.Fatal(err)
	}
	got, err := sim.ReadTrace(&file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// What was recorded before does not get into the next.
func TestRecordingStartsAnew(t *testing.T) {
	r := recorded()
	r.start(&material.Scene{For: second}, 0, sources, 1)
	if got := r.Trace(); len(got.Arrivals) > 0 || len(got.Events) > 0 || len(got.Sources) != 3 {
		t.Errorf("%+v", got)
	}
}
