package selector

import (
	"math"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"
)

func TestRule(t *testing.T) {
	all := []time.Duration{10 * ms, 4 * ms, 30 * ms} // base, small, large
	for _, c := range []struct {
		name    string
		o       Options
		economy bool
		hot     []time.Duration
		want    string
		why     Reason
	}{
		{"the most accurate", Options{}, false, all, "large", Accurate},
		{"of equal ones the fastest", Options{Latency: 20 * ms}, false, all, "small", Accurate},
		{"required accuracy", Options{Latency: 20 * ms, Accuracy: 0.949}, false, all, "base", Accurate},
		{"economy", Options{}, true, all, "small", Economy},
		{"economy keeps what is required", Options{Accuracy: 0.96}, true, all, "base", Unmeasured}, // until the trial
		{"none is accurate enough", Options{Accuracy: 0.99}, false, all, "base", Inaccurate},
		{"none is fast enough", Options{Latency: 3 * ms}, false, all, "small", Late},
		{"only the accurate ones count where none is fast enough", Options{Latency: 3 * ms, Accuracy: 0.96}, false, all, "large", Late},
		{"little to win", Options{Latency: 20 * ms}, false, []time.Duration{10 * ms, 9 * ms, 30 * ms}, "base", Accurate},
	} {
		c.o.Variants = three()
		r := start(t, c.o, c.hot...)
		r.economy = c.economy
		// Everything is measured by hand: a variant that no trial may run is as well known.
		for i := range c.hot {
			if c.why == Unmeasured {
				break
			}
			for range 4 {
				r.run(i)
			}
		}
		r.s.Next()
		if got := r.s.Using(); got != c.want || r.s.reason != c.why {
			t.Errorf("%s: %s (%v), want %s (%v)", c.name, got, r.s.reason, c.want, c.why)
		}
		if got := r.s.Table(); !strings.HasPrefix(got[r.s.current].Why, c.why.String()) {
			t.Errorf("%s: told as %q", c.name, got[r.s.current].Why)
		}
	}
}

func TestUnknownAccuracyIsNeverPicked(t *testing.T) {
	r := start(t, Options{Variants: []Variant{{"base", 0, true}, {"new", 0, false}}}, 10*ms, 1*ms)
	r.jobs(1000)
	r.uses("base")
	if r.trials[1] > 0 {
		t.Errorf("%d trials of a variant whose accuracy is unknown", r.trials[1])
	}
	if got := r.s.Table()[1].Why; got != "its accuracy is unknown" {
		t.Errorf("told as %q", got)
	}
}

func TestNewRefuses(t *testing.T) {
	clock := &rig{}
	for want, o := range map[string]Options{
		"0 variants":             {Latency: ms, Clock: clock},
		"33 variants":            {Variants: make([]Variant, 33), Latency: ms, Clock: clock},
		"none of 1 variants":     {Variants: []Variant{{"a", 1, false}}, Latency: ms, Clock: clock},
		"a and b are both":       {Variants: []Variant{{"a", 1, true}, {"b", 1, true}}, Latency: ms, Clock: clock},
		"a: accuracy 1.1":        {Variants: []Variant{{"a", 1.1, true}}, Latency: ms, Clock: clock},
		"a: accuracy NaN":        {Variants: []Variant{{"a", math.NaN(), true}}, Latency: ms, Clock: clock},
		"accuracy -1 is":         {Variants: []Variant{{"a", 1, true}}, Accuracy: -1, Latency: ms, Clock: clock},
		"latency budget 0s":      {Variants: []Variant{{"a", 1, true}}, Clock: clock},
		"selector without a clo": {Variants: []Variant{{"a", 1, true}}, Latency: ms},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that says %q", err, want)
		}
	}
}

// From the start a run finds by itself what is best.
func TestFindsTheBest(t *testing.T) {
	r := start(t, Options{Variants: three(), Latency: 20 * ms}, 10*ms, 4*ms, 30*ms)
	r.jobs(100)
	r.uses("small")
	if len(r.changes) != 1 {
		t.Errorf("changes %v, want one", r.changes)
	}
	if r.trials[2] > trialJobs {
		t.Errorf("%d trials of what is too slow", r.trials[2])
	}
}

// Two variants that are as fast as each other, on a machine whose times swing, would
// change places all the time by what was measured last.
func TestDoesNotFlap(t *testing.T) {
	r := start(t, Options{Variants: []Variant{{"a", 1, true}, {"b", 1, false}}}, 10*ms, 10*ms)
	noisy(r, 0.4)
	flaps, last := 0, 0
	for range 20_000 { // 33 minutes
		r.job()
		fastest := 0
		if r.s.variants[1].hot.median < r.s.variants[0].hot.median {
			fastest = 1
		}
		if fastest != last {
			flaps++
		}
		last = fastest
	}
	t.Logf("%d switches, while the fastest one changed %d times", r.s.Stats().Switches, flaps)
	if flaps < 10 {
		t.Fatalf("the fastest one changed %d times: the noise tests nothing", flaps)
	}
	if got := r.s.Stats().Switches; got > 10 {
		t.Errorf("%d switches while the fastest one changed %d times, want at most 10", got, flaps)
	}
}

// One on the edge of the budget comes and goes no more often than it must.
func TestDoesNotFlapAtTheBudget(t *testing.T) {
	r := start(t, Options{Variants: []Variant{{"base", 0.9, true}, {"better", 0.95, false}}, Accuracy: 0.9, Latency: 20 * ms}, 5*ms, 17*ms)
	noisy(r, 0.2) // up to 20.4 ms
	r.jobs(20_000)
	if got := r.s.Stats().Switches; got > 10 {
		t.Errorf("%d switches in 33 minutes, want at most 10", got)
	}
}

// When clocks go down everything becomes slower; what was measured before that is no
// reason to change.
func TestSlowMachineIsNoReason(t *testing.T) {
	r := start(t, Options{Variants: []Variant{{"base", 0.95, true}, {"other", 0.95, false}}}, 4*ms, 6*ms)
	r.jobs(200)
	r.uses("base")
	takes := r.takes
	r.takes = func(i int, cold bool) time.Duration { return 3 * takes(i, cold) }
	r.jobs(350)
	r.takes = takes
	r.jobs(500)
	if got := r.s.Stats().Switches; got > 0 {
		t.Errorf("%d switches: %v", got, r.changes)
	}
	if got, want := r.s.Table()[1].Hot.Median, 6*ms; got < want*3/4 || got > want*4/3 {
		t.Errorf("the other one is taken to need %v, want about %v", got, want)
	}
}

// A variant that becomes slow goes out of use; it comes back when it is fast again.
func TestFollowsLatency(t *testing.T) {
	r := start(t, Options{Variants: []Variant{{"base", 0.9, true}, {"better", 0.95, false}}, Accuracy: 0.9, Latency: 20 * ms}, 5*ms, 8*ms)
	r.jobs(200)
	r.uses("better")
	fast := r.takes
	r.takes = func(i int, cold bool) time.Duration { return fast(i, cold) * time.Duration(1+4*i) }
	r.jobs(300)
	r.uses("base")
	tried := r.trials[1]
	r.jobs(5000) // 8 minutes: it is too slow to be tried
	if got := r.trials[1] - tried; got > trialJobs {
		t.Errorf("%d trials of what is known to be too slow", got)
	}
	r.takes = fast
	r.jobs(8000) // what is known of it grows old
	r.uses("better")
}

// Jobs that come once in a while are cold, and what is known of cold ones counts.
func TestColdJobs(t *testing.T) {
	r := start(t, Options{Variants: []Variant{{"base", 0.95, true}, {"other", 0.95, false}}}, 10*ms, 10*ms)
	r.every = 3 * time.Second
	r.takes = func(i int, _ bool) time.Duration { return []time.Duration{10 * ms, 6 * ms}[i] }
	r.jobs(100)
	r.uses("other")
	if got := r.s.Table()[1]; got.Hot.Median != 0 && got.Hot.Median != 6*ms || got.Cold.Median != 6*ms {
		t.Errorf("got %+v, want 6 ms when cold", got)
	}
}

func TestEconomyComesAndGoes(t *testing.T) {
	r := start(t, Options{Variants: three()}, 10*ms, 4*ms, 30*ms)
	r.jobs(200)
	r.uses("large")
	r.economy = true
	r.jobs(1)
	r.uses("small")
	r.economy = false
	r.jobs(10) // a second
	r.uses("small")
	r.jobs(60)
	r.uses("large")
}

// A power sensor that says a variant draws much more makes it the wrong one for economy.
func TestMeter(t *testing.T) {
	r := start(t, Options{Variants: []Variant{{"base", 0.95, true}, {"other", 0.95, false}}}, 10*ms, 8*ms)
	r.economy = true
	r.meter = func(i int) float64 { return []float64{1, 3}[i] }
	for i := range 2 {
		for range 20 {
			r.run(i)
			r.now += r.every
		}
	}
	r.jobs(100)
	r.uses("base")
	row := r.s.Table()[1]
	if want := 48 * physic.MilliJoule; !row.Metered || row.Energy < want*9/10 || row.Energy > want*11/10 {
		t.Errorf("energy %v (metered %v), want 3·2 W·8 ms = %v", row.Energy, row.Metered, want)
	}
}

func TestDrift(t *testing.T) {
	for _, c := range []struct {
		name    string
		differs []float64 // in turn
		demoted bool
	}{
		{"equal", []float64{0}, false},
		{"a little", []float64{0.015}, false},
		{"one outlier", append([]float64{0.6}, make([]float64, 200)...), false},
		{"more than that", []float64{0.03}, true},
		{"broken", []float64{0.5}, true},
		{"no number", []float64{math.NaN()}, true},
		{"infinite", []float64{math.Inf(1)}, true},
	} {
		r := start(t, Options{Variants: three(), Latency: 20 * ms}, 10*ms, 4*ms, 30*ms)
		n := 0
		r.differs = func(int) float64 { n++; return c.differs[(n-1)%len(c.differs)] }
		r.jobs(10_000)
		if got := r.s.variants[1].demoted == Drifts; got != c.demoted {
			t.Errorf("%s: demoted %v, want %v; mean %.4f of %d", c.name, got, c.demoted, r.s.variants[1].drift, n)
			continue
		}
		if !c.demoted {
			r.uses("small")
			continue
		}
		r.uses("base")
		if r.s.Stats().Demoted != 1 || !strings.Contains(r.s.Table()[1].Why, "demoted: its answers differ") {
			t.Errorf("%s: %+v, told as %q", c.name, r.s.Stats(), r.s.Table()[1].Why)
		}
		told := ""
		for _, x := range r.changes {
			told += x.String() + "\n"
		}
		if !strings.Contains(told, "small is demoted: its answers differ from the baseline's by 0.") || !strings.Contains(told, "base instead of small") {
			t.Errorf("%s: told\n%s", c.name, told)
		}
	}
}

func TestFailuresDemote(t *testing.T) {
	r := start(t, Options{Variants: three(), Latency: 20 * ms}, 10*ms, 4*ms, 30*ms)
	r.jobs(100)
	r.uses("small")
	for _, name := range []string{"small", "small", "base"} {
		r.s.Failed(1)
		r.uses(name)
	}
	for range 10 {
		r.s.Failed(0)
	}
	r.uses("base") // there is nothing to go back to
	if got := r.changes[len(r.changes)-2].String(); !strings.Contains(got, "small is demoted: it failed 3 times in a row") {
		t.Errorf("told as %q", got)
	}
	if got := r.s.Table()[1].Why; got != "demoted: it fails" {
		t.Errorf("told as %q", got)
	}
}

func TestOneFailureIsNone(t *testing.T) {
	r := start(t, Options{Variants: three(), Latency: 20 * ms}, 10*ms, 4*ms, 30*ms)
	r.jobs(100)
	for range 100 {
		r.s.Failed(1)
		r.s.Failed(1)
		r.job()
	}
	if got := r.s.Stats().Demoted; got != 0 {
		t.Errorf("%d demoted by failures that were not in a row", got)
	}
}

// What makes each of the others not the one is told.
func TestWhyNot(t *testing.T) {
	o := Options{Latency: 20 * ms, Accuracy: 0.9, Variants: []Variant{
		{"base", 0.95, true}, {"used", 0.97, false}, {"near", 0.97, false}, {"slow", 0.99, false}, {"edge", 0.99, false},
		{"worse", 0.93, false}, {"beaten", 0.92, false}, {"bad", 0.5, false}, {"unknown", 0, false}, {"unmeasured", 0.96, false},
	}}
	r := start(t, o, 10*ms, 9*ms, 8*ms, 25*ms, 15*ms, 4*ms, 5*ms, 1*ms, 1*ms)
	for i := range 9 {
		for range 4 {
			r.run(i)
		}
	}
	r.s.current, r.s.reason = 1, Accurate
	want := map[string]string{
		"base": "used is at least as accurate, fast and frugal", "used": "the fastest of the most accurate", "near": "faster by less than 15 %",
		"slow": "5 % of its jobs take longer than", "edge": "keeps the budget by less than 15 %",
		"worse": "less accurate than the best by more than 0.005", "beaten": "worse is at least as accurate",
		"bad": "less accurate than the 0.900 required", "unknown": "its accuracy is unknown", "unmeasured": "not measured yet",
	}
	for _, row := range r.s.Table() {
		if got := row.Why; !strings.HasPrefix(got, want[row.Name]) {
			t.Errorf("%s: %q, want %q", row.Name, got, want[row.Name])
		}
		if front := row.Name == "near" || row.Name == "worse"; row.Front != front {
			t.Errorf("%s: on the front: %v, want %v", row.Name, row.Front, front)
		}
	}
	r.economy, r.s.current = true, 5
	for _, row := range r.s.Table() {
		if row.Name == "near" && row.Why != "worse takes less energy" {
			t.Errorf("economy: near: %q", row.Why)
		}
	}
}

func BenchmarkDecision(b *testing.B) {
	r := start(b, Options{Variants: append(three(), Variant{"more", 0.96, false}, Variant{"other", 0.94, false})}, 10*ms, 4*ms, 30*ms, 12*ms, 3*ms)
	r.jobs(1000)
	b.ReportAllocs()
	for b.Loop() {
		r.now += ms
		p := r.s.Next()
		r.s.Done(p.Variant, r.takes(p.Variant, false))
		if p.Shadow >= 0 {
			r.s.Compared(p.Variant, 0)
		}
	}
}

// Whatever is decided, nothing is allocated unless there is something to tell.
func TestAllocates(t *testing.T) {
	r := start(t, Options{Variants: three(), Latency: 20 * ms}, 10*ms, 4*ms, 30*ms)
	noisy(r, 0.2)
	r.jobs(1000)
	if n := testing.AllocsPerRun(1000, func() { r.job() }); n != 0 {
		t.Errorf("%v allocations a job, want none", n)
	}
}
