package sim

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

func run(t *testing.T, o Options) Result {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRunIsDeterministic(t *testing.T) {
	o := Options{Plants: 3, Seed: 11}
	first := run(t, o)
	if again := run(t, o); !reflect.DeepEqual(first, again) {
		t.Errorf("the same seed:\n%+v\n%+v", first, again)
	}
	before := runtime.GOMAXPROCS(1)
	alone := run(t, o)
	runtime.GOMAXPROCS(before)
	if !reflect.DeepEqual(first, alone) {
		t.Errorf("on one processor:\n%+v\n%+v", first, alone)
	}
	o.Seed++
	if other := run(t, o); reflect.DeepEqual(first.Policies, other.Policies) {
		t.Error("another seed has the same outcome")
	}
}

// A plant is the same whatever other policies it meets.
func TestPoliciesDoNotMeet(t *testing.T) {
	all := run(t, Options{Plants: 3, Seed: 4})
	for _, name := range Policies() {
		alone := run(t, Options{Plants: 3, Seed: 4, Policies: []string{name}})
		if len(alone.Policies) != 1 || alone.Policies[name] != all.Policies[name] {
			t.Errorf("%s alone: %+v, among all: %+v", name, alone.Policies, all.Policies[name])
		}
	}
}

func TestRunReportsProgress(t *testing.T) {
	var seen []int
	r := run(t, Options{Plants: 4, Seed: 1, Policies: []string{"bang_bang"}, Progress: func(done, total int) {
		if total != 4 {
			t.Errorf("total %d", total)
		}
		seen = append(seen, done)
	}})
	if !reflect.DeepEqual(seen, []int{1, 2, 3, 4}) {
		t.Errorf("progress %v", seen)
	}
	if r.Plants != 4 || r.Seed != 1 || len(r.Policies) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestRunErrors(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ended, Options{Plants: 3}); !errors.Is(err, context.Canceled) {
		t.Errorf("of a context that ended: %v", err)
	}
	_, err := Run(t.Context(), Options{Plants: 1, Policies: []string{"bang_bang", "prayer"}})
	if err == nil || !strings.Contains(err.Error(), `"prayer"`) || !strings.Contains(err.Error(), "step_wise") {
		t.Errorf("of no policy: %v", err)
	}
	if _, err := RunOne(1, 0, "prayer"); err == nil || !strings.Contains(err.Error(), `"prayer"`) {
		t.Errorf("of no policy: %v", err)
	}
}

// Cancelled in the middle of many plants, it ends soon and says why.
func TestRunIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := 0
	_, err := Run(ctx, Options{Plants: 1_000_000, Policies: []string{"bang_bang"}, Progress: func(n, _ int) {
		if done = n; n == 2 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if most := 2 + 2*runtime.GOMAXPROCS(0); done > most {
		t.Errorf("%d plants were simulated, want at most %d", done, most)
	}
}

// The trace of a plant is of the very run that was scored.
func TestRunOneIsTheSameRun(t *testing.T) {
	for _, name := range Policies() {
		trace, err := RunOne(9, 2, name)
		if err != nil {
			t.Fatal(err)
		}
		want := newTrial(9, 2, makers[name]).run(t.Context(), nil)
		peak, faultPeak, faults := math.Inf(-1), math.Inf(-1), 0
		for i, p := range trace.Points {
			// A point is the die after a step; scores look before each.
			if i+1 < len(trace.Points) {
				if (p.At + Interval).Seconds() < workTime {
					peak = max(peak, p.Die)
				} else {
					faultPeak = max(faultPeak, p.Die)
				}
			}
			if p.Fault {
				faults++
			}
			if !(p.Share >= 0 && p.Share <= 1 && p.Possible >= 0 && p.Possible <= 1) {
				t.Fatalf("%s: %+v", name, p)
			}
		}
		if peak != want.peak || faultPeak != want.faultPeak {
			t.Errorf("%s: highest %v and %v under faults, the run's are %v and %v", name, peak, faultPeak, want.peak, want.faultPeak)
		}
		if trace.Policy != name || trace.SetPoint != setPoint || faults < 4*50 {
			t.Errorf("%s: trace of %s at %v °C with %d points under faults", name, trace.Policy, trace.SetPoint, faults)
		}
		if last := trace.Points[len(trace.Points)-1].At; last != time.Duration((workTime+faultTime)*float64(time.Second))-Interval {
			t.Errorf("%s: the last point is at %v", name, last)
		}
	}
}

// constant allows always the same.
type constant float64

func (c constant) Decide(Observation) float64 { return float64(c) }

// The omniscient controller never passes the set point by more than what leakage adds
// within a step, and works wherever there is work.
func TestIdealHoldsTheSetPoint(t *testing.T) {
	for seed := range uint64(30) {
		p, _ := drawn(seed)
		s := p.equilibrium(0, p.ambient.at(0))
		segment, level := 0, 0.0
		for k := range int((workTime + faultTime) / Interval.Seconds()) {
			now := float64(k) * Interval.Seconds()
			level, segment = p.load.at(now, segment)
			around := p.ambient.at(now)
			p.step(&s, p.power(min(level, p.hold(&s, setPoint, around)), s[0]), around)
			if s[0] > setPoint+0.05 {
				t.Fatalf("seed %d: %.3f °C after %.1f s", seed, s[0], now)
			}
		}
	}
}

// A policy that never throttles does all the work there is, and more than can be
// held; one that always does, none.
func TestScoresOfNoControl(t *testing.T) {
	all := newTrial(1, 1, func(Facts) Policy { return constant(5) }).run(t.Context(), nil) // more than 1 is 1
	none := newTrial(1, 1, func(Facts) Policy { return constant(-1) }).run(t.Context(), nil)
	if all.efficiency <= 1 || all.overshoot < 3 || all.peak != setPoint+all.overshoot {
		t.Errorf("without control: %+v", all)
	}
	if none.efficiency != 0 || none.overshoot != 0 || none.peak >= setPoint {
		t.Errorf("without work: %+v", none)
	}
	if none.recovery < 30 {
		t.Errorf("one that never works recovers within %v s", none.recovery)
	}
}

// blank is a trial whose die the test sets.
func blank() *trial {
	return &trial{low: math.Inf(1), high: math.Inf(-1), random: rand.New(rand.NewPCG(1, 1))}
}

// count must score a trace by hand as its documentation says.
func TestScoring(t *testing.T) {
	tr := blank()
	at := func(now, die, level, share, possible float64, segment int) {
		tr.body[0] = die
		tr.count(now, segment, level, share, possible)
	}
	seconds := Interval.Seconds()
	now := 0.0
	for range 300 { // not limited: counts for nothing but the peak
		at(now, 40, 1, 0.2, 1, 0)
		now += seconds
	}
	for i := range 1200 { // limited for two minutes: three quarters of what is possible
		die := 69.5
		if i < 500 { // not settled yet
			die = 66
		}
		if i > 900 {
			die = 69 + float64(i%2)*0.8
		}
		at(now, die, 1, 0.3, 0.4, 1)
		now += seconds
	}
	at(now, 71.5, 1, 1, 0.4, 2) // another load begins with an overshoot: not settled
	tr.endStretch()
	if got := tr.work / tr.perfect; math.Abs(got-(1200*0.3+1)/(1201*0.4)) > 1e-9 {
		t.Errorf("efficiency %v", got)
	}
	if tr.out.peak != 71.5 || tr.out.overshoot != 1.5 {
		t.Errorf("peak %v, overshoot %v", tr.out.peak, tr.out.overshoot)
	}
	if math.Abs(tr.out.settled-0.8) > 1e-9 {
		t.Errorf("peak to peak when settled %v, want 0.8", tr.out.settled)
	}
}

func TestScoringOfFaults(t *testing.T) {
	tr := blank()
	tr.faults = []fault{{kind: stuck, from: workTime + 10, until: workTime + 20}, {kind: jump, from: workTime + 50, until: workTime + 60}}
	for k := range 1000 {
		after := float64(k) * Interval.Seconds()
		share := 0.5 // what is possible
		if after >= 10 && after < 27 && math.Abs(after-23) > 0.3 || after >= 50 && after < 62 {
			share = 0 // but for a moment in between, which is no recovery
		}
		tr.body[0] = 60
		if k == 150 {
			tr.body[0] = 74
		}
		tr.count(workTime+after, 0, 1, share, 0.5)
	}
	if tr.out.faultPeak != 74 || math.Abs(tr.out.recovery-7) > 0.15 {
		t.Errorf("highest %v, recovery %v s; want 74 and 7", tr.out.faultPeak, tr.out.recovery)
	}
	if tr.out.peak != 0 || tr.perfect != 0 {
		t.Errorf("faults count into ordinary work: %+v", tr.out)
	}
}

func TestTamper(t *testing.T) {
	tr := blank()
	tr.tamper(nil, 61, true)
	for _, tt := range []struct {
		fault  fault
		value  float64
		answer bool
	}{
		{fault{kind: dropout}, 0, false}, {fault{kind: stuck}, 61, true},
		{fault{kind: absurd}, -89, true}, {fault{kind: jump, offset: -12}, 53, true},
	} {
		if value, ok := tr.tamper(&tt.fault, 65, true); value != tt.value || ok != tt.answer {
			t.Errorf("fault %d: %v, %v; want %v, %v", tt.fault.kind, value, ok, tt.value, tt.answer)
		}
	}
}

func TestScoreOfPlants(t *testing.T) {
	list := make([]outcome, 100)
	for i := range list {
		x := float64((i*37)%100) + 1 // 1 to 100 in another order
		list[i] = outcome{efficiency: x, overshoot: x, peak: x, settled: x, faultPeak: x, recovery: x}
	}
	want := Score{EfficiencyP50: 51, EfficiencyP05: 6, OvershootP99: 100, Max: 100, SettledPtp: 100, FaultMax: 100, FaultRecovery: 100}
	if got := score(list); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// A plant that heat never limited has no efficiency, and none is not a number.
	list = append(list, outcome{efficiency: math.NaN(), overshoot: 1, peak: 1, settled: 1, faultPeak: 1, recovery: 1})
	if got := score(list); got.EfficiencyP50 != want.EfficiencyP50 || got.EfficiencyP05 != want.EfficiencyP05 {
		t.Errorf("with a plant without efficiency: %+v", got)
	}
}

func TestNoPlants(t *testing.T) {
	if r := run(t, Options{Seed: 1}); len(r.Policies) != len(Policies()) || r.Policies["predictive"] != (Score{}) {
		t.Errorf("%+v", r)
	}
}

// Forty boards that nothing was tuned to: loose bounds, that catch what is broken.
// The project's own are held by make bench, over a thousand.
func TestPredictiveOnFortyPlants(t *testing.T) {
	r := run(t, Options{Plants: 40, Seed: 20260815})
	p := r.Policies["predictive"]
	t.Logf("%+v", p)
	for _, b := range []struct {
		name           string
		got, low, high float64
	}{
		{"efficiency, median", p.EfficiencyP50, 0.97, 1.02}, {"efficiency, 5th percentile", p.EfficiencyP05, 0.93, 1.02},
		{"overshoot", p.OvershootP99, 0, 1.5}, {"highest", p.Max, setPoint - 2, 80}, {"peak to peak", p.SettledPtp, 0, 2},
		{"highest under faults", p.FaultMax, setPoint - 2, 80}, {"recovery", p.FaultRecovery, 0, 120},
	} {
		if !(b.got >= b.low && b.got <= b.high) {
			t.Errorf("%s %.3f, want %v to %v", b.name, b.got, b.low, b.high)
		}
	}
	for name, other := range r.Policies {
		if name != "predictive" && (other.OvershootP99 <= p.OvershootP99 || other.FaultMax <= p.FaultMax) {
			t.Errorf("%s keeps boards as cool: %+v", name, other)
		}
	}
}
