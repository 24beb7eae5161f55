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

// drive hands in one piece of evidence every step and returns the changes as "state@At".
func drive(f *fusion.Fuser, step time.Duration, ps ...float64) (changes []string) {
	var events []fusion.Event
	for i, p := range ps {
		at := time.Duration(i) * step
		events = advanceTo(f, at, events)
		f.Observe(at, face("cam0", p, at))
	}
	events = advanceTo(f, time.Hour, events)
	for _, e := range events {
		changes = append(changes, fmt.Sprintf("%s@%v", e.State, e.At.Round(ms)))
	}
	return changes
}

func TestHysteresisAndDwell(t *testing.T) {
	const y, n, m = 1.0, 0.0, 0.65 // yes, no, and between the thresholds
	dwellOff := []string{`dwell_on = "100ms"`, "dwell_on = \"300ms\"\ndwell_off = \"500ms\""}
	plain := []string{`window = "300ms"`, `window = "1ns"`, `dwell_on = "100ms"`, "dwell_on = \"0s\"", `decay = "5s"`, `decay = "24h"`}
	tests := []struct {
		name    string
		replace []string
		ps      []float64
		want    string
	}{
		// Half of the old and half of the new, of ±3: 1, 2, 2.5 | 1.7 ... then stale.
		{"no dwell", plain, []float64{y, y, y}, "[on@1s off@12s]"},
		{"between keeps on", plain, []float64{y, y, m, m, m, m}, "[on@1s off@15s]"},
		{"between keeps off", plain, []float64{n, n, m, m, m, m}, "[]"},
		{"off at once", plain, []float64{y, y, n, n}, "[on@1s off@2s]"},
		{"dwell", append(plain[:2:2], dwellOff...), []float64{y, y, y}, "[on@1.3s off@12.5s]"},
		{"shorter than the dwell", append(plain[:2:2], `"100ms"`, `"1500ms"`), []float64{y, y, n, n}, "[]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fmt.Sprint(drive(oneCue(t, tt.replace...), time.Second, tt.ps...)); got != tt.want {
				t.Errorf("changes = %s; want %s", got, tt.want)
			}
		})
	}
}

func TestFadesToOffExactly(t *testing.T) {
	f := oneCue(t, "off = 0.5", "off = 0.6", `stale = "10s"`, `stale = "1h"`)
	for at := time.Duration(0); at <= 2*time.Second; at += 100 * ms {
		f.Observe(at, face("cam0", 1, at))
	}
	events := advanceTo(f, time.Minute, nil)
	if len(events) != 2 || events[1].State != "off" {
		t.Fatalf("events = %+v; want on and off", events)
	}
	off := events[1]
	if l := off.Evidence[0].LogOdds; l > math.Log(0.6/0.4) || l < math.Log(0.6/0.4)-1e-6 {
		t.Errorf("off at log-odds %v; want just below %v", l, math.Log(0.6/0.4))
	}
	if off.Evidence[0].Age != off.At-2*time.Second {
		t.Errorf("age %v at %v; want since 2s", off.Evidence[0].Age, off.At)
	}
}

func TestTwoSided(t *testing.T) {
	f := defaults(t)
	var events []fusion.Event
	say := func(n int, from time.Duration, p float64) {
		for i := range n {
			at := from + time.Duration(i)*time.Second
			events = advanceTo(f, at, events)
			f.Observe(at, sentence(p, at))
			events = f.Advance(at, events)
		}
	}
	say(5, 0, 0.9)
	say(8, 10*time.Second, 0.1)
	events = advanceTo(f, time.Hour, events)
	var got []string
	for _, e := range events {
		got = append(got, e.State)
	}
	if want := "[positive negative off]"; fmt.Sprint(got) != want {
		t.Fatalf("states = %v; want %s", got, want)
	}
	if events[1].P > 0.05 {
		t.Errorf("P of negative = %v; want that of the positive side, at most 0.05", events[1].P)
	}
	if last := events[2]; last.Evidence == nil || len(last.Evidence) != 0 || last.P != 0.5 {
		t.Errorf("off = %+v; want P 0.5 and no evidence left", last)
	}
}

func TestEngagementNeedsBoth(t *testing.T) {
	speech := fusion.Evidence{Modality: model.Audio, Source: "mic0", Cue: "speech", P: 1}
	for _, tt := range []struct {
		name        string
		see, hear   bool
		faceP, want float64
	}{
		{"face alone", true, false, 1, 0},
		{"speech alone", false, true, 1, 0},
		{"speech without a face", true, true, 0, 0},
		{"both", true, true, 1, 1},
	} {
		f := defaults(t)
		var events []fusion.Event
		for at := time.Duration(0); at < 3*time.Second; at += 32 * ms {
			if tt.see {
				f.Observe(at, face("cam0", tt.faceP, at))
			}
			if speech.At = at; tt.hear {
				f.Observe(at, speech)
			}
			events = f.Advance(at, events)
		}
		got := 0.0
		for _, e := range events {
			if e.Name == "engagement" {
				got++
				if len(e.Evidence) != 2 || e.Evidence[0].Cue != "face" || e.Evidence[1].Source != "mic0" {
					t.Errorf("%s: evidence %+v; want face and speech", tt.name, e.Evidence)
				}
			}
		}
		if got != tt.want {
			t.Errorf("%s: %v engagement events; want %v", tt.name, got, tt.want)
		}
	}
}

// TestEventBetweenTwoFadings: a strong denial fades faster than what it denies, so the event comes and goes with no new
// evidence and no expiry, between two instants at which it is off.
func TestEventBetweenTwoFadings(t *testing.T) {
	second := strings.NewReplacer(`"face"`, `"mask"`, `"5s"`, `"500ms"`).Replace(goodRules[:strings.Index(goodRules, "[[event]]")])
	rules, err := fusion.ParseRules([]byte(second + strings.NewReplacer("face = 1 }", "face = 2, mask = -2 }", `"100ms"`, `"0s"`, "off = 0.5", "off = 0.7").Replace(goodRules)))
	if err != nil {
		t.Fatal(err)
	}
	f := newFuser(t, rules)
	f.Observe(0, face("cam0", 1, 0))
	mask := face("cam0", 1, 0)
	mask.Cue = "mask"
	f.Observe(0, mask)
	// z(t) = 2·exp(-t/5) - 2·exp(-t/0.5) rises to 1.39 at 1.3 s.
	z := func(at time.Duration) float64 { return 2*math.Exp(-at.Seconds()/5) - 2*math.Exp(-at.Seconds()/0.5) }
	events := advanceTo(f, 9*time.Second, nil)
	if len(events) != 2 || events[0].State != "on" || events[1].State != "off" {
		t.Fatalf("events = %+v; want on and off", events)
	}
	for i, threshold := range []float64{math.Log(0.75 / 0.25), math.Log(0.7 / 0.3)} {
		if at := events[i].At; math.Abs(z(at)-threshold) > 1e-6 {
			t.Errorf("%s at %v with log-odds %v; want %v", events[i].State, at, z(at), threshold)
		}
	}
}

func TestStaleSourceDropsOut(t *testing.T) {
	f := oneCue(t)
	for at := time.Duration(0); at <= time.Second; at += 100 * ms {
		f.Observe(at, face("cam0", 1, at))
	}
	events := advanceTo(f, time.Hour, nil)
	if len(events) != 2 || events[1].State != "off" || events[1].At != 11*time.Second || len(events[1].Evidence) != 0 {
		t.Fatalf("events = %+v; want off at 11s, without evidence", events)
	}
	s := f.State(time.Minute)
	if c := s.Sources[0].Cues[0]; c.Present || c.LogOdds != 0 || c.Age != 59*time.Second {
		t.Errorf("cue = %+v; want absent for 59s", c)
	}
	if s.Events[0].Decided {
		t.Error("decided; want undecided without a face")
	}
}

// TestDwellEndsWithEvidence: at the instant at which a dwell ends, the goal may change too. The evidence is there at 0 and
// 0.5 s; the goal is on from 0.5 s until the evidence is stale.
func TestDwellEndsWithEvidence(t *testing.T) {
	for _, tt := range []struct{ dwellOn, dwellOff, stale, want string }{
		{"1s", "0s", "1s", "[]"}, // both at 1.5 s
		{"1s", "0s", "1001ms", "[on@1.5s off@1.501s]"},
		{"1001ms", "0s", "1s", "[]"},
		{"0s", "0s", "1s", "[on@500ms off@1.5s]"},
		{"1s", "1s", "2s", "[on@1.5s off@3.5s]"},
		{"2s", "1s", "2s", "[]"},
	} {
		f := oneCue(t, `dwell_on = "100ms"`, fmt.Sprintf("dwell_on = %q\ndwell_off = %q", tt.dwellOn, tt.dwellOff),
			`stale = "10s"`, fmt.Sprintf("stale = %q", tt.stale))
		if got := fmt.Sprint(drive(f, 500*ms, 1, 1)); got != tt.want {
			t.Errorf("dwell_on %s, dwell_off %s, stale %s: changes = %s; want %s", tt.dwellOn, tt.dwellOff, tt.stale, got, tt.want)
		}
		if next, ok := f.NextDeadline(); ok {
			t.Errorf("dwell_on %s, stale %s: deadline %v; want none", tt.dwellOn, tt.stale, next)
		}
		if e := f.State(24 * time.Hour).Events[0]; e.State != "off" {
			t.Errorf("dwell_on %s, stale %s: a day later %+v; want off", tt.dwellOn, tt.stale, e)
		}
	}
}
