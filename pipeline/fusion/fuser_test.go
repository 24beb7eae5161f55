package fusion_test

import (
	"encoding/json"
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

func logOdds(f *fusion.Fuser, now time.Duration) float64 {
	return f.State(now).Sources[0].Cues[0].LogOdds
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestNewRefuses(t *testing.T) {
	rules := fusion.DefaultRules()
	rules.Events[0].Off = 0.9
	if _, err := fusion.New(rules); err == nil || !strings.Contains(err.Error(), `event "presence": off`) {
		t.Errorf("New = %v; want the event and key", err)
	}
}

func TestAverage(t *testing.T) {
	f := oneCue(t)
	f.Observe(0, face("cam0", 0.7, 0))
	l := 2 * math.Log(0.7/0.3)
	want := l / 3 // the first is one witness against two who don't know
	if got := logOdds(f, 0); !near(got, want) {
		t.Errorf("first: %v; want %v", got, want)
	}
	want *= math.Exp(-0.1 / 5)
	if got := logOdds(f, 100*ms); !near(got, want) {
		t.Errorf("faded: %v; want %v", got, want)
	}
	f.Observe(100*ms, face("cam0", 1, 100*ms))
	a := math.Exp(-0.1 / 0.3)
	want = a*want + (1-a)*3 // bounded by limit
	if got := logOdds(f, 100*ms); !near(got, want) {
		t.Errorf("second: %v; want %v", got, want)
	}
	f.Observe(1100*ms, face("cam0", 0, 1100*ms))
	want = 0.5*want*math.Exp(-1./5) - 0.5*3 // a second is long after the window: a half is kept
	if got := logOdds(f, 1100*ms); !near(got, want) {
		t.Errorf("third: %v; want %v", got, want)
	}
	f.Observe(1100*ms, face("cam0", 1, 1100*ms))
	if got := logOdds(f, 1100*ms); !near(got, want) {
		t.Errorf("the same instant again: %v; want %v", got, want)
	}
}

func TestSum(t *testing.T) {
	f := oneCue(t, `"average"`, `"sum"`, `window = "300ms"`, "total = 4", "scale = 2", "scale = 2\noffset = 0.5")
	f.Observe(0, face("cam0", 0.5, 0))
	if got, want := logOdds(f, 0), 0.5; !near(got, want) {
		t.Errorf("offset: %v; want %v", got, want)
	}
	f.Observe(0, face("cam0", 1, 0))
	f.Observe(time.Second, face("cam0", 0.5, time.Second))
	want := 3.5*math.Exp(-1./5) + 0.5
	if got := logOdds(f, time.Second); !near(got, want) {
		t.Errorf("sum: %v; want %v", got, want)
	}
	for range 5 {
		f.Observe(time.Second, face("cam0", 0, time.Second))
	}
	if got, want := logOdds(f, time.Second), -4.0; !near(got, want) {
		t.Errorf("bounded: %v; want %v", got, want)
	}
}

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

func TestReliability(t *testing.T) {
	f := oneCue(t)
	for at := time.Duration(0); at < 2*time.Second; at += 100 * ms {
		f.Observe(at, face("cam0", 1, at))
	}
	now := 2 * time.Second
	events := f.Advance(now, nil)
	reliability := func() float64 { return f.State(now).Sources[0].Reliability }
	if got := reliability(); got != 1 {
		t.Errorf("before = %v; want 1", got)
	}
	for i := range 12 {
		f.Failure(now, model.Vision, "cam0")
		if want := math.Pow(0.7, float64(i+1)); !near(reliability(), want) {
			t.Errorf("after %d failures = %v; want %v", i+1, reliability(), want)
		}
	}
	if events = f.Advance(now, events); len(events) != 1 {
		t.Fatalf("events = %+v; want on", events)
	}
	// P stays above a half, the threshold, until the evidence is stale: a failed source says nothing, and not "no".
	if p := f.State(now).Events[0].P; p < 0.5 || p > 0.52 {
		t.Errorf("P = %v; want a little above 0.5", p)
	}
	for range 10 {
		f.Observe(now, face("cam0", 1, now))
	}
	if got := reliability(); got < 0.89 || got > 1 {
		t.Errorf("after ten successes = %v; want nine tenths", got)
	}
	if s := f.State(now).Sources[0]; s.Failures != 12 || s.Observations != 30 {
		t.Errorf("source = %+v; want 12 failures, 30 observations", s)
	}
}

func TestStrongestSourceCounts(t *testing.T) {
	f := oneCue(t, `"100ms"`, `"0s"`)
	for i := range 20 {
		at := time.Duration(i) * 100 * ms
		f.Observe(at, face("dull", 0.55, at))
		f.Observe(at, face("sharp", 0.99, at))
	}
	events := f.Advance(2*time.Second, nil)
	if len(events) != 1 || len(events[0].Evidence) != 1 || events[0].Evidence[0].Source != "sharp" {
		t.Fatalf("events = %+v; want on by the sharp camera alone", events)
	}
	for range 10 {
		f.Failure(2*time.Second, model.Vision, "sharp")
	}
	z := 2 * math.Log(0.55/0.45)
	if p := f.State(1900 * ms).Events[0].P; p > sigmoid(z) || p < sigmoid(z/2) {
		t.Errorf("P = %v; want that of the dull camera once the sharp one fails, about %v", p, sigmoid(z))
	}
}

func TestContradictingSources(t *testing.T) {
	for _, first := range []float64{0, 1} {
		f := oneCue(t)
		f.Observe(0, face("cam0", first, 0))
		f.Observe(0, face("cam1", 1-first, 0))
		if got, want := f.State(0).Events[0].P, sigmoid(1); !near(got, want) {
			t.Errorf("first %v: P = %v; want that of the camera which sees a face, %v", first, got, want)
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

func TestEventJSON(t *testing.T) {
	f := oneCue(t)
	f.Observe(0, face("cam0", 0.9, 0))
	f.Observe(time.Second, face("cam0", 0.75, time.Second))
	events := f.Advance(2*time.Second, nil)
	events = f.Advance(20*time.Second, events)
	got, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"name":"presence","state":"on","p":0.8142881,"at_ns":1100000000,"since_ns":1000000000,` +
		`"evidence":[{"modality":"vision","source":"cam0","cue":"face","p":0.75,"log_odds":1.47811771,"weight":1,"age_ns":100000000}]},` +
		`{"name":"presence","state":"off","p":0.5,"at_ns":11000000000,"since_ns":11000000000,"evidence":[]}]`
	// Eight digits are enough, and the same on every processor.
	if got := rounded(t, got); got != want {
		t.Errorf("JSON = %s\nwant   %s", got, want)
	}
}

// rounded rounds p and log_odds in the JSON of events.
func rounded(t *testing.T, text []byte) string {
	t.Helper()
	var events []fusion.Event
	if err := json.Unmarshal(text, &events); err != nil {
		t.Fatal(err)
	}
	round := func(x float64) float64 { return math.Round(x*1e8) / 1e8 }
	for i := range events {
		events[i].P = round(events[i].P)
		for j := range events[i].Evidence {
			events[i].Evidence[j].LogOdds = round(events[i].Evidence[j].LogOdds)
		}
	}
	out, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestStateJSON(t *testing.T) {
	f := oneCue(t)
	f.Failure(0, model.Vision, "cam0")
	got, err := json.Marshal(f.State(0))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"sources":[{"modality":"vision","source":"cam0","reliability":0.7,"observations":0,"failures":1,"cues":[]}],` +
		`"events":[{"name":"presence","state":"off","p":0.5,"decided":false,"since_ns":0}],` +
		`"counters":{"ahead":0,"behind":0,"unknown":0,"invalid":0,"crowded":0,"dropped":0}}`
	if string(got) != want {
		t.Errorf("JSON = %s\nwant   %s", got, want)
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
