package sim

import (
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"atoll/sched"
)

const milli = time.Millisecond

// chats is a trace of texts, so many ms after the begin, on one worker that takes 50 ms
// for each.
func chats(at ...time.Duration) Trace {
	t := Trace{Header: Header{Workers: 1, Work: 1, For: 10 * time.Second, Sources: []Source{{
		Name: "chat", Kind: Text, Weight: 2, Deadline: 100 * milli, StaleAfter: time.Second, Seen: 1,
		Service: []time.Duration{50 * milli},
	}}}}
	for _, a := range at {
		t.Arrivals = append(t.Arrivals, Arrival{At: a * milli})
	}
	return t
}

// sounds is the same of a source in which a newer input takes the place of an older.
func sounds(at ...time.Duration) Trace {
	t := chats(at...)
	t.Sources[0].Kind = Sound // without features, at which fifo does not look
	return t
}

// score plays a trace to the plainest policy.
func score(t *testing.T, trace Trace) Score {
	t.Helper()
	scores, err := Run(t.Context(), trace, Options{Policies: []string{sched.FIFO}})
	if err != nil {
		t.Fatal(err)
	}
	return scores[sched.FIFO]
}

func near(got, want Score) bool {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		if math.Abs(g.Field(i).Float()-w.Field(i).Float()) > 1e-9 {
			return false
		}
	}
	return true
}

// What is counted, by hand.
func TestScore(t *testing.T) {
	two := func(e ...Event) Trace { // a second source, whose job takes 150 ms, longer than its deadline
		trace := sounds(1000)
		s := trace.Sources[0]
		s.Name, s.Weight, s.Service = "slow", 3, []time.Duration{150 * milli}
		trace.Sources = append(trace.Sources, s)
		trace.Arrivals = append(trace.Arrivals, Arrival{At: 1010 * milli, Source: 1})
		trace.Events = e
		return trace
	}
	events := func(trace Trace, e ...Event) Trace {
		trace.Events = e
		return trace
	}
	blind := events(sounds(1000), Event{1000 * milli, 2000 * milli, []int{0}})
	blind.Sources[0].Seen = 1e-12
	// A job of 50 ms in 10 s is 18 s an hour. The source's weight is 2, so that what was
	// not known for a second is worth 0.2.
	for _, tt := range []struct {
		name  string
		trace Trace
		want  Score
	}{
		{"nothing", sounds(), Score{}},
		{"one input", sounds(1000), Score{CPU: 18, Value: 0.2, MaxStaleness: 50, Overdue: 0.05}},
		{"known for half of the time", sounds(1000, 1500), Score{CPU: 36, Value: 0.3, MaxStaleness: 50, Overdue: 0.05}},
		{"the second waits", sounds(1000, 1010), Score{CPU: 36, Value: 0.2 + 0.002, MaxStaleness: 90, Overdue: 0.09}},
		{"a third takes its place", sounds(1000, 1010, 1030), Score{CPU: 36, Value: 0.2 + 0.006, MaxStaleness: 90, Overdue: 0.09}},
		{"texts do not", chats(1000, 1010, 1030), Score{CPU: 54, Value: 0.2 + 0.002, MaxStaleness: 120, DeadlineMiss: 1.0 / 3, Overdue: 0.12}},
		{"one never ends", sounds(1000, 9980), Score{CPU: 18, Value: 0.2, MaxStaleness: 50, Overdue: 0.05}},
		{"one never begins", sounds(9900, 9910, 9990), Score{CPU: 18, Value: 0.2, MaxStaleness: 90, Overdue: 0.09}},
		{
			"found at once", events(sounds(1000), Event{1000 * milli, 2000 * milli, []int{0}}),
			Score{Recall: 1, CPU: 18, LatencyP50: 50, LatencyP99: 50, Value: 2.2, MaxStaleness: 50, Overdue: 0.05},
		},
		{
			"found once", events(sounds(1000, 1500), Event{1000 * milli, 2000 * milli, []int{0}}),
			Score{Recall: 1, CPU: 36, LatencyP50: 50, LatencyP99: 50, Value: 2.3, MaxStaleness: 50, Overdue: 0.05},
		},
		{
			"found after one and a half deadlines", events(sounds(1000), Event{900 * milli, 2000 * milli, []int{0}}),
			Score{Recall: 1, CPU: 18, LatencyP50: 150, LatencyP99: 150, Value: 1.2, MaxStaleness: 50, Overdue: 0.05},
		},
		{
			"found too late to be worth anything", events(sounds(1000), Event{100 * milli, 2000 * milli, []int{0}}),
			Score{Recall: 1, CPU: 18, LatencyP50: 950, LatencyP99: 950, Value: 0.2, MaxStaleness: 50, Overdue: 0.05},
		},
		{
			"over before", events(sounds(1000), Event{100 * milli, 900 * milli, []int{0}}),
			Score{CPU: 18, LatencyP50: 800, LatencyP99: 800, Value: 0.2, MaxStaleness: 50, Overdue: 0.05},
		},
		{
			"not begun", events(sounds(1000), Event{1010 * milli, 2000 * milli, []int{0}}),
			Score{CPU: 18, LatencyP50: 990, LatencyP99: 990, Value: 0.2, MaxStaleness: 50, Overdue: 0.05},
		},
		{
			"not seen by the model", blind,
			Score{CPU: 18, LatencyP50: 1000, LatencyP99: 1000, Value: 0.2, MaxStaleness: 50, Overdue: 0.05},
		},
		{
			"a short event within a long one", events(sounds(1500),
				Event{100 * milli, 2000 * milli, []int{0}}, Event{200 * milli, 300 * milli, []int{0}}, Event{1450 * milli, 1600 * milli, []int{0}}),
			Score{Recall: 2.0 / 3, CPU: 18, LatencyP50: 100, LatencyP99: 1450, Value: 2.2, MaxStaleness: 50, Overdue: 0.05},
		},
		// The slow source's job ends at 1200 ms, 190 ms after its input: late, for nothing.
		{"a late job", two(), Score{CPU: 72, DeadlineMiss: 0.5, Value: 0.2, MaxStaleness: 190, Overdue: 0.19}},
		{
			"fused, by a late job", two(Event{1000 * milli, 2000 * milli, []int{0, 1}}),
			Score{Recall: 1, CPU: 72, LatencyP50: 200, LatencyP99: 200, DeadlineMiss: 0.5, Value: 0.2, MaxStaleness: 190, Overdue: 0.19},
		},
		{
			"fused, seen by one only", two(Event{1000 * milli, 1005 * milli, []int{0, 1}}),
			Score{CPU: 72, LatencyP50: 5, LatencyP99: 5, DeadlineMiss: 0.5, Value: 0.2, MaxStaleness: 190, Overdue: 0.19},
		},
	} {
		if got := score(t, tt.trace); !near(got, tt.want) {
			t.Errorf("%s: got\n%+v, want\n%+v", tt.name, got, tt.want)
		}
	}
}

// What was heard shortly before the rest of a fused event came is remembered, as fusion
// does, as long as it was the same.
func TestFusedEventsAreRemembered(t *testing.T) {
	for _, tt := range []struct {
		name        string
		first, then time.Duration // inputs of the two sources, ms
		begins      time.Duration // what is heard in the first
		found       bool
	}{
		{"both while it lasts", 2050, 2100, 900, true},
		{"one of them before", 1500, 2100, 900, true},
		{"forgotten since", 1050, 2100, 900, false},
		{"another", 1500, 2100, 2000, false},
		{"both before", 1500, 1600, 900, false},
		{"one after it", 2050, 5100, 900, false},
	} {
		trace := sounds(tt.first)
		second := trace.Sources[0]
		second.Name = "second"
		trace.Sources = append(trace.Sources, second)
		trace.Arrivals = append(trace.Arrivals, Arrival{At: tt.then * milli, Source: 1})
		trace.Events = []Event{{tt.begins * milli, 5000 * milli, []int{0}}, {2000 * milli, 5000 * milli, []int{0, 1}}}
		want := 0.5
		if tt.found {
			want = 1
		}
		if tt.first < tt.begins {
			want -= 0.5 // nor was the other event heard
		}
		if got := score(t, trace).Recall; got != want {
			t.Errorf("%s: recall %v, want %v", tt.name, got, want)
		}
	}
}

// A fused event is worth its weightiest source, in time by the longest deadline.
func TestReward(t *testing.T) {
	trace := Trace{Header: Header{Sources: []Source{{Weight: 1, Deadline: 100}, {Weight: 3, Deadline: 10}}}}
	for now, want := range map[time.Duration]float64{1000: 3, 1100: 3, 1150: 1.5, 1200: 0, 5000: 0} {
		if got := trace.reward(Event{Start: 1000, Sources: []int{0, 1}}, now); math.Abs(got-want) > 1e-9 {
			t.Errorf("after %d: %v, want %v", now-1000, got, want)
		}
	}
}

func TestQuantile(t *testing.T) {
	list := make([]time.Duration, 100)
	for i := range list {
		list[i] = time.Duration(i+1) * milli
	}
	for _, tt := range []struct {
		n       int
		q, want float64
	}{{0, 0.5, 0}, {1, 0, 1}, {1, 0.5, 1}, {1, 0.99, 1}, {2, 0.5, 1}, {3, 0.5, 2}, {100, 0.5, 50}, {100, 0.99, 99}, {100, 1, 100}, {50, 0.99, 50}} {
		if got := Quantile(list[:tt.n], tt.q); got != tt.want {
			t.Errorf("quantile %v of %d: %v, want %v", tt.q, tt.n, got, tt.want)
		}
	}
}

func TestService(t *testing.T) {
	s := Source{Service: []time.Duration{10, 20, 40}}
	for u, want := range map[float64]time.Duration{0: 10, 0.25: 15, 0.5: 20, 0.75: 30, 1: 40} {
		if got := s.service(u); got != want {
			t.Errorf("quantile %v: %d, want %d", u, got, want)
		}
	}
	if got := (Source{Service: []time.Duration{7}}).service(0.9); got != 7 {
		t.Errorf("of one quantile: %d, want 7", got)
	}
}

func TestRunIsDeterministic(t *testing.T) {
	trace := Generate(smallScenario(t), 5)
	play := func() map[string]Score {
		scores, err := Run(t.Context(), trace, Options{Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		return scores
	}
	first := play()
	if len(first) != len(sched.Policies()) {
		t.Errorf("%d policies of %d", len(first), len(sched.Policies()))
	}
	before := runtime.GOMAXPROCS(1)
	alone := play()
	runtime.GOMAXPROCS(before)
	if !reflect.DeepEqual(first, alone) {
		t.Errorf("on one processor:\n%+v\n%+v", first, alone)
	}
}

func TestRunReports(t *testing.T) {
	var seen []int
	decisions := map[sched.Verdict]int{}
	o := Options{Policies: []string{sched.LIF}}
	o.Progress = func(done, total int) { seen = append(seen, done, total) }
	o.Explain = func(d *sched.Decision) { decisions[d.Verdict]++ }
	if _, err := Run(t.Context(), chats(1000, 3000), o); err != nil {
		t.Fatal(err)
	}
	if want := []int{1, 1}; !reflect.DeepEqual(seen, want) {
		t.Errorf("progress %v, want %v", seen, want)
	}
	if decisions[sched.Fired] != 2 || decisions[sched.Begun] != 2 {
		t.Errorf("decisions %v, want 2 fired and 2 begun", decisions)
	}
}

func TestRunErrors(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ended, Generate(smallScenario(t), 1), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("of a context that ended: %v", err)
	}
	if _, err := Run(t.Context(), chats(1), Options{Policies: []string{"fifo", "prayer"}}); err == nil || !strings.Contains(err.Error(), `"prayer"`) {
		t.Errorf("of no policy: %v", err)
	}
	o := Options{Policies: []string{"fifo", "lif"}, Explain: func(*sched.Decision) {}}
	if _, err := Run(t.Context(), chats(1), o); err == nil {
		t.Error("of two policies to explain: no error")
	}
}

// Whatever arrives: nothing panics or hangs, and scores are such.
func TestRunPlaysAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trace := drawTrace(t)
		scores, err := Run(context.Background(), trace, Options{Seed: rapid.Uint64().Draw(t, "seed")})
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range scores {
			if !(s.Recall >= 0 && s.Recall <= 1 && s.DeadlineMiss >= 0 && s.DeadlineMiss <= 1 && s.CPU >= 0 && s.CPU <= 3600*float64(trace.Workers) && s.Value >= 0) {
				t.Errorf("%s: %+v", name, s)
			}
			if s.MaxStaleness > ms(trace.For) || s.LatencyP50 > s.LatencyP99 {
				t.Errorf("%s: %+v", name, s)
			}
		}
	})
}
