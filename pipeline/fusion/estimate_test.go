package fusion_test

import (
	"math"
	"testing"
	"time"

	"atoll/model"
	"atoll/pipeline/fusion"
)

func logOdds(f *fusion.Fuser, now time.Duration) float64 {
	return f.State(now).Sources[0].Cues[0].LogOdds
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

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
