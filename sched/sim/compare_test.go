package sim

import (
	"reflect"
	"slices"
	"testing"

	"atoll/sched"
)

func TestCompare(t *testing.T) {
	scores := map[string]Score{
		sched.LIF:        {Recall: 1, CPU: 30, LatencyP50: 50, DeadlineMiss: 0.01, Value: 130, Overdue: 0.9},
		sched.EveryFrame: {CPU: 100},
		sched.FIFO:       {CPU: 30, LatencyP50: 100, Value: 130},
		sched.EDF:        {CPU: 30, LatencyP50: 50, Value: 100},
	}
	light := chats(1000)
	light.Work = 0.3
	greedy := chats(1000)
	heavy := chats(1000)
	heavy.Scale(2)
	heavier := chats(1000)
	heavier.Scale(3)
	thrift := []string{"recall", "CPU, of every_frame's", "CPU, of fifo's: about the same", "median latency, fifo's over ours", "median latency, edf's over ours"}
	for _, tt := range []struct {
		name   string
		trace  Trace
		want   []string
		missed []string
	}{
		{"not all may be inferred", light, append(thrift, "deadline misses, above edf's", "value, ours over fifo's", "longest staleness, of stale_after"), []string{"median latency, edf's over ours", "deadline misses, above edf's"}},
		{"all may be", greedy, []string{"deadline misses, above edf's", "value, ours over fifo's", "longest staleness, of stale_after"}, []string{"deadline misses, above edf's"}},
		{"overload", heavy, []string{"value, ours over fifo's", "value, ours over edf's", "longest staleness, of stale_after"}, nil},
		{"more than twice the load", heavier, []string{"value, ours over fifo's", "longest staleness, of stale_after"}, nil},
	} {
		var names, missed []string
		for _, f := range Compare(tt.trace, scores) {
			names = append(names, f.Name)
			if !f.Met() {
				missed = append(missed, f.Name)
			}
		}
		if !slices.Equal(names, tt.want) || !slices.Equal(missed, tt.missed) {
			t.Errorf("%s: %q, missed %q\nwant %q, %q", tt.name, names, missed, tt.want, tt.missed)
		}
	}
	delete(scores, sched.FIFO)
	delete(scores, sched.EDF)
	if got := Compare(heavy, scores); len(got) != 1 {
		t.Errorf("without others to compare with: %v", got)
	}
	delete(scores, sched.LIF)
	if got := Compare(heavy, scores); got != nil {
		t.Errorf("without ours: %v", got)
	}
}

func TestMean(t *testing.T) {
	got := Mean([]map[string]Score{
		{"a": {Recall: 1, Value: 2, MaxStaleness: 7, Overdue: 0.2}, "b": {CPU: 3}},
		{"a": {Recall: 0.5, Value: 4, MaxStaleness: 5, Overdue: 0.3}, "b": {CPU: 1}},
	})
	want := map[string]Score{"a": {Recall: 0.75, Value: 3, MaxStaleness: 7, Overdue: 0.3}, "b": {CPU: 2}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Figures of scenarios that nothing was tuned on, over less time than make bench takes
// for them and with bounds that leave room for that: it is here to notice when
// something breaks.
func TestFiguresHold(t *testing.T) {
	for _, tt := range []struct {
		scenario string
		minutes  float64
		bounds   map[string]float64
	}{
		{"hall", 4, map[string]float64{
			"recall": 0.99, "CPU, of every_frame's": 0.4, "CPU, of fifo's: about the same": 1.03,
			"median latency, fifo's over ours": 1.47, "median latency, edf's over ours": 1.3,
			"deadline misses, above edf's": 0.001, "value, ours over fifo's": 0.98, "longest staleness, of stale_after": 1,
		}},
		{"overload", 2, map[string]float64{
			"value, ours over fifo's": 0.98, "value, ours over edf's": 1.25, "longest staleness, of stale_after": 1,
		}},
	} {
		s, err := Load(tt.scenario)
		if err != nil {
			t.Fatal(err)
		}
		s.Minutes = tt.minutes
		var trace Trace
		var all []map[string]Score
		for seed := range uint64(3) {
			trace = Generate(s, 300+seed)
			scores, err := Run(t.Context(), trace, Options{Seed: seed, Policies: []string{sched.LIF, sched.EveryFrame, sched.FIFO, sched.EDF}})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, scores)
		}
		figures := Compare(trace, Mean(all))
		if len(figures) != len(tt.bounds) {
			t.Errorf("%s: %d figures, want %d", tt.scenario, len(figures), len(tt.bounds))
		}
		for _, f := range figures {
			f.Must = tt.bounds[f.Name]
			if !f.Met() {
				t.Errorf("%s: %s: %.4f, it must not be beyond %v", tt.scenario, f.Name, f.Got, f.Must)
			}
		}
	}
}
