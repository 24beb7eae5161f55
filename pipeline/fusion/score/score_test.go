package score

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"atoll/pipeline/fusion"
)

const s = time.Second

func on(kind, label string, start, end time.Duration) Interval {
	return Interval{Kind: kind, Label: label, Start: start, End: end}
}

func event(name, state string, at time.Duration) fusion.Event {
	return fusion.Event{Name: name, State: state, At: at}
}

func TestScore(t *testing.T) {
	truth := []Interval{on("face", "on", 10*s, 20*s), on("face", "on", 30*s, 31*s)}
	tests := []struct {
		name   string
		truth  []Interval
		events []fusion.Event
		want   Counts
	}{
		{"all right", truth, []fusion.Event{event("face", "on", 10*s), event("face", "off", 20*s), event("face", "on", 30*s)}, Counts{2, 0, 0}},
		{"nothing said", truth, nil, Counts{0, 0, 2}},
		{"nothing true", nil, []fusion.Event{event("face", "on", 10*s)}, Counts{0, 1, 0}},
		{"nothing at all", nil, nil, Counts{}},
		{"offs do not count", nil, []fusion.Event{event("face", "off", 10*s)}, Counts{}},
		{"at the collar's ends", truth, []fusion.Event{event("face", "on", 9*s), event("face", "on", 30*s+s/2)}, Counts{2, 0, 0}},
		{"too early", truth[:1], []fusion.Event{event("face", "on", 9*s-1)}, Counts{0, 1, 1}},
		{"too late", truth[:1], []fusion.Event{event("face", "on", 12*s+1)}, Counts{0, 1, 1}},
		{"within the collar but over", truth[1:], []fusion.Event{event("face", "on", 31*s)}, Counts{0, 1, 1}},
		{"flicker", truth[:1], []fusion.Event{event("face", "on", 10*s), event("face", "off", 11*s), event("face", "on", 12*s)}, Counts{1, 1, 0}},
		{"another label", truth[:1], []fusion.Event{event("face", "yes", 10*s)}, Counts{0, 1, 1}},
		{"another kind", truth[:1], []fusion.Event{event("voice", "on", 10*s)}, Counts{0, 0, 1}},
		{"unsorted", []Interval{truth[1], truth[0]}, []fusion.Event{event("face", "on", 30*s), event("face", "on", 10*s)}, Counts{2, 0, 0}},
		{
			"two labels", []Interval{on("face", "a", 0, 10*s), on("face", "b", 10*s, 20*s)},
			[]fusion.Event{event("face", "a", s), event("face", "a", 10*s)}, Counts{1, 1, 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Score(tt.truth, tt.events, map[string]Collar{"face": {Early: s, Late: 2 * s}})
			if err != nil {
				t.Fatal(err)
			}
			if got["face"] != tt.want || len(got) != 1 {
				t.Errorf("Score = %+v; want %+v", got, tt.want)
			}
		})
	}
}

func TestScoreRefuses(t *testing.T) {
	for name, truth := range map[string][]Interval{
		"no collar for": {on("voice", "on", 0, s)},
		"ends at":       {on("face", "on", s, s)},
		"overlaps":      {on("face", "a", 0, 2*s), on("face", "b", s, 3*s)},
	} {
		if _, err := Score(truth, nil, map[string]Collar{"face": {}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Score = %v; want %q", err, name)
		}
	}
}

func TestShares(t *testing.T) {
	c := Counts{TruePositives: 3, FalsePositives: 1, FalseNegatives: 2}
	if p, r := c.Precision(), c.Recall(); p != 0.75 || math.Abs(r-0.6) > 1e-12 {
		t.Errorf("precision %v, recall %v; want 0.75, 0.6", p, r)
	}
	if p, r := (Counts{}).Precision(), (Counts{}).Recall(); p != 1 || r != 1 {
		t.Errorf("of nothing: %v, %v; want 1, 1", p, r)
	}
}

// TestMatchingIsLargest compares with a search through all matchings.
func TestMatchingIsLargest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var intervals []Interval
		var now time.Duration
		for range rapid.IntRange(0, 5).Draw(t, "intervals") {
			start := now + time.Duration(rapid.IntRange(0, 4).Draw(t, "gap"))
			now = start + time.Duration(rapid.IntRange(1, 6).Draw(t, "length"))
			intervals = append(intervals, on("face", "on", start, now))
		}
		var onsets []time.Duration
		for range rapid.IntRange(0, 6).Draw(t, "onsets") {
			onsets = append(onsets, time.Duration(rapid.IntRange(-3, 40).Draw(t, "onset")))
		}
		collar := Collar{Early: time.Duration(rapid.IntRange(0, 5).Draw(t, "early")), Late: time.Duration(rapid.IntRange(0, 5).Draw(t, "late"))}
		want := largest(intervals, onsets, collar, 0)
		if got := match(intervals, onsets, collar); got != want {
			t.Fatalf("match = %d; want %d", got, want)
		}
	})
}

// largest tries every onset for the first interval, and none.
func largest(intervals []Interval, onsets []time.Duration, collar Collar, used int) int {
	if len(intervals) == 0 {
		return 0
	}
	in := intervals[0]
	best := largest(intervals[1:], onsets, collar, used)
	for i, o := range onsets {
		if used&(1<<i) == 0 && o >= in.Start-collar.Early && o <= in.Start+collar.Late && o < in.End {
			best = max(best, 1+largest(intervals[1:], onsets, collar, used|1<<i))
		}
	}
	return best
}
