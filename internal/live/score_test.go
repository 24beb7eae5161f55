package live

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"atoll/engine"
	"atoll/internal/material"
	"atoll/pipeline"
	"atoll/pipeline/fusion"
	"atoll/pipeline/fusion/score"
)

const (
	second = time.Second
	begin  = 700 * time.Millisecond // of scenes, on the clock
)

func on(kind string, start, end time.Duration) score.Interval {
	return score.Interval{Kind: kind, Label: "on", Start: start, End: end}
}

// event is one that was told so long after a scene's begin.
func event(name, state string, at time.Duration) fusion.Event {
	return fusion.Event{Name: name, State: state, At: begin + at}
}

func TestDecided(t *testing.T) {
	in := on("presence", 10*second, 20*second)
	for _, tt := range []struct {
		name   string
		events []fusion.Event
		late   time.Duration
		ok     bool
	}{
		{"none", nil, allowed, false},
		{"at once", []fusion.Event{event("presence", "on", 10*second)}, 0, true},
		{"later", []fusion.Event{event("presence", "on", 11*second)}, second, true},
		{"at the last moment", []fusion.Event{event("presence", "on", 13*second)}, allowed, true},
		{"too late", []fusion.Event{event("presence", "on", 13*second+1)}, allowed, false},
		{"too early", []fusion.Event{event("presence", "on", 10*second-1)}, allowed, false},
		{"of another kind", []fusion.Event{event("speech", "on", 11*second)}, allowed, false},
		{"that it ended", []fusion.Event{event("presence", "off", 11*second)}, allowed, false},
		{"the first counts", []fusion.Event{
			event("presence", "on", 9*second), event("presence", "off", 10*second),
			event("presence", "on", 12*second), event("presence", "on", 12*second+1),
		}, 2 * second, true},
	} {
		late, ok := decided(in, begin, tt.events)
		if late != tt.late || ok != tt.ok {
			t.Errorf("%s: %v, %v, want %v, %v", tt.name, late, ok, tt.late, tt.ok)
		}
	}
}

func TestRate(t *testing.T) {
	truth := []score.Interval{on("presence", 0, 9*second), on("speech", 5*second, 9*second), on("engagement", 5*second, 9*second)}
	all := []fusion.Event{event("presence", "on", 300*time.Millisecond), event("speech", "on", 5600*time.Millisecond), event("engagement", "on", 6500*time.Millisecond)}
	stats := []pipeline.InputStats{
		{Jobs: 6, Late: 1, Stalest: 20 * time.Millisecond},
		{Jobs: 3, Late: 1, Stalest: 70 * time.Millisecond},
		{Jobs: 1},
	}
	for _, tt := range []struct {
		name   string
		truth  []score.Interval
		events []fusion.Event
		stats  []pipeline.InputStats
		used   time.Duration
		want   Score
	}{
		{"all found", truth, all, stats, second,
			Score{Recall: 1, CPU: 360, LatencyP50: 600, LatencyP99: 1500, DeadlineMiss: 0.2, Value: 0.9 + 0.8 + 0.5, MaxStaleness: 70}},
		{"to miss one does not help", truth, all[:2], stats, 2 * second,
			Score{Recall: 2. / 3, CPU: 720, LatencyP50: 600, LatencyP99: 3000, DeadlineMiss: 0.2, Value: 0.9 + 0.8, MaxStaleness: 70}},
		{"one found", truth, all[1:2], nil, 0, Score{Recall: 1. / 3, LatencyP50: 3000, LatencyP99: 3000, Value: 0.8}},
		{"none found", truth, nil, stats[2:], 0, Score{LatencyP50: 3000, LatencyP99: 3000}},
		{"nothing to find", nil, all, nil, 0, Score{}},
	} {
		s := &material.Scene{For: 10 * second, Truth: tt.truth}
		got := rate(s, begin, tt.events, tt.stats, tt.used)
		if got.Value, tt.want.Value = round(got.Value), round(tt.want.Value); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func round(v float64) float64 { return math.Round(1e9*v) / 1e9 }

func TestSameWorker(t *testing.T) {
	before := engine.Stats{PID: 7, Starts: 1, Failed: 1}
	for _, tt := range []struct {
		name  string
		after engine.Stats
		fails bool
	}{
		{"the same", engine.Stats{PID: 7, Starts: 1, Jobs: 9, Failed: 2}, false},
		{"another", engine.Stats{PID: 8, Starts: 2, Failed: 2}, true},
		{"another of the same number", engine.Stats{PID: 7, Starts: 2, Failed: 2}, true},
		{"gone", engine.Stats{Starts: 1, Failed: 2}, true},
	} {
		err := sameWorker(before, tt.after)
		if (err != nil) != tt.fails || tt.fails && !strings.Contains(err.Error(), "1 jobs failed") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestOnCPU(t *testing.T) {
	first, err := OnCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for sum, until := 0, time.Now().Add(20*time.Millisecond); time.Now().Before(until); sum++ {
	}
	if second, err := OnCPU(os.Getpid()); err != nil || second <= first {
		t.Errorf("%v, then %v, %v", first, second, err)
	}
	if got, err := OnCPU(0); err == nil || got != 0 {
		t.Errorf("of no process: %v, %v", got, err)
	}
}
