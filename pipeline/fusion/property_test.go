package fusion_test

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"atoll/model"
	"atoll/pipeline/fusion"
)

// drawRules draws rules with every kind of cue, mixed signs of weights and all dwell times.
func drawRules(t *rapid.T) fusion.Rules {
	period := func(name string, lo, hi time.Duration) fusion.Duration {
		return fusion.Duration{Duration: time.Duration(rapid.Int64Range(int64(lo), int64(hi)).Draw(t, name))}
	}
	var r fusion.Rules
	for _, name := range []string{"face", "speech", "positive"} {
		c := fusion.CueRule{
			Name: name, Modality: map[string]string{"face": "vision", "speech": "audio", "positive": "text"}[name],
			Scale: 1, Limit: rapid.Float64Range(0.5, 4).Draw(t, "limit"), Combine: fusion.Average,
			Decay: period("decay", 50*ms, 5*time.Second), Stale: period("stale", 100*ms, 5*time.Second),
		}
		if rapid.Bool().Draw(t, "sum") {
			c.Combine, c.Total = fusion.Sum, 5
		} else {
			c.Window = period("window", ms, time.Second)
		}
		r.Cues = append(r.Cues, c)
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		e := fusion.EventRule{
			Name: name, Weights: map[string]float64{},
			Bias: rapid.Float64Range(-2, 2).Draw(t, "bias"),
			On:   rapid.Float64Range(0.55, 0.9).Draw(t, "on"), Off: rapid.Float64Range(0.45, 0.54).Draw(t, "off"),
			DwellOn: period("dwell on", 0, time.Second), DwellOff: period("dwell off", 0, time.Second),
		}
		for _, c := range r.Cues {
			if w := rapid.SampledFrom([]float64{0, 1, -1, 0.5}).Draw(t, "weight"); w != 0 {
				e.Weights[c.Name] = w
				if rapid.Bool().Draw(t, "need") {
					e.Needs = append(e.Needs, c.Name)
				}
			}
		}
		if len(e.Weights) == 0 {
			e.Weights["face"] = 1
		}
		if rapid.Bool().Draw(t, "two-sided") {
			e.Positive, e.Negative = "yes", "no"
		}
		r.Events = append(r.Events, e)
	}
	return r
}

// drawArrivals draws evidence in the order in which it arrives, with delays that differ by modality.
func drawArrivals(t *rapid.T, rules fusion.Rules) []arrival {
	var all []arrival
	now := time.Duration(0)
	for range rapid.IntRange(1, 40).Draw(t, "n") {
		now += time.Duration(rapid.Int64Range(0, int64(800*ms)).Draw(t, "gap"))
		c := rapid.SampledFrom(rules.Cues).Draw(t, "cue")
		e := evidence(c, rapid.Float64Range(0, 1).Draw(t, "p"), now)
		e.At = max(now-time.Duration(rapid.Int64Range(0, int64(100*ms)).Draw(t, "delay")), 0)
		e.Source = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "source")
		all = append(all, arrival{now, e})
	}
	return all
}

func newFuser(t rapid.TB, rules fusion.Rules) *fusion.Fuser {
	f, err := fusion.New(rules)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// replay is play with a hook that is called before every arrival.
func replay(t rapid.TB, rules fusion.Rules, arrivals []arrival, before func(f *fusion.Fuser, now time.Duration)) []fusion.Event {
	f := newFuser(t, rules)
	var events []fusion.Event
	for _, a := range arrivals {
		events = advanceTo(f, a.at, events)
		before(f, a.at)
		f.Observe(a.at, a.Evidence)
		events = f.Advance(a.at, events)
	}
	return advanceTo(f, time.Hour, events)
}

func nothing(*fusion.Fuser, time.Duration) {}

func TestOrderOfSimultaneousEvidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		f, g := newFuser(t, rules), newFuser(t, rules)
		var fEvents, gEvents []fusion.Event
		for step := range rapid.IntRange(1, 20).Draw(t, "steps") {
			at := time.Duration(step) * 137 * ms
			var batch []fusion.Evidence
			for _, c := range rules.Cues {
				for _, source := range []string{"x", "y"} {
					e := evidence(c, rapid.Float64Range(0, 1).Draw(t, "p"), at)
					e.Source = source
					batch = append(batch, e)
				}
			}
			for _, e := range batch {
				f.Observe(at, e)
			}
			for _, e := range rapid.Permutation(batch).Draw(t, "order") {
				g.Observe(at, e)
			}
			fEvents, gEvents = f.Advance(at, fEvents), g.Advance(at, gEvents)
		}
		if !reflect.DeepEqual(fEvents, gEvents) {
			t.Fatalf("in another order:\n%+v\n%+v", fEvents, gEvents)
		}
	})
}

func TestNoEventFlipsFasterThanItsDwell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		last := map[string]fusion.Event{}
		for _, e := range replay(t, rules, drawArrivals(t, rules), nothing) {
			i := slices.IndexFunc(rules.Events, func(r fusion.EventRule) bool { return r.Name == e.Name })
			dwell := rules.Events[i].DwellOn.Duration
			if e.State == "off" {
				dwell = rules.Events[i].DwellOff.Duration
			}
			prev, ok := last[e.Name]
			if ok && (e.At-prev.At < dwell || e.Since < prev.At) {
				t.Fatalf("%+v after %+v: faster than %v", e, prev, dwell)
			}
			if ok && prev.State == e.State || !ok && e.State == "off" {
				t.Fatalf("%+v after %+v: no change", e, prev)
			}
			if e.At-e.Since < dwell {
				t.Fatalf("%+v: held less than %v", e, dwell)
			}
			last[e.Name] = e
		}
	})
}

func TestCutModalityLeavesOthersAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		arrivals := drawArrivals(t, rules)
		cut := model.Modality(rapid.IntRange(0, 2).Draw(t, "cut"))
		from := rapid.IntRange(0, len(arrivals)).Draw(t, "from")
		fails := rapid.Bool().Draw(t, "fails") // or is merely silent
		whole := replay(t, rules, arrivals, nothing)

		f := newFuser(t, rules)
		var rest []fusion.Event
		for i, a := range arrivals {
			rest = advanceTo(f, a.at, rest)
			if a.Modality != cut || i < from {
				f.Observe(a.at, a.Evidence)
			} else if fails {
				f.Failure(a.at, a.Modality, a.Source)
			}
			rest = f.Advance(a.at, rest)
		}
		rest = advanceTo(f, time.Hour, rest)

		uses := func(e fusion.Event) bool {
			for _, r := range rules.Events {
				for _, c := range rules.Cues {
					if r.Name == e.Name && r.Weights[c.Name] != 0 && c.Modality == cut.String() {
						return true
					}
				}
			}
			return false
		}
		got, want := slices.DeleteFunc(rest, uses), slices.DeleteFunc(whole, uses)
		if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("events that do not use %v:\n%+v\nwant\n%+v", cut, got, want)
		}
	})
}

func TestEstimatesFade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		f := newFuser(t, rules)
		var now time.Duration
		for _, a := range drawArrivals(t, rules) {
			f.Observe(a.at, a.Evidence)
			now = a.at
		}
		for prev := f.State(now); now < time.Minute; {
			now += time.Duration(rapid.Int64Range(int64(ms), int64(10*time.Second)).Draw(t, "step"))
			next := f.State(now)
			for i, s := range next.Sources {
				for j, c := range s.Cues {
					was := prev.Sources[i].Cues[j]
					if math.Abs(c.LogOdds) > math.Abs(was.LogOdds) || c.LogOdds*was.LogOdds < 0 || c.Present && !was.Present {
						t.Fatalf("%+v after %+v: not faded", c, was)
					}
				}
			}
			prev = next
		}
	})
}

// TestNextDeadline: Advance before the deadline does nothing, Advance at the deadline is in time, and how often it is
// called in between does not matter.
func TestNextDeadline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		arrivals := drawArrivals(t, rules)
		quiet := replay(t, rules, arrivals, nothing)
		busy := replay(t, rules, arrivals, func(f *fusion.Fuser, now time.Duration) {
			next, ok := f.NextDeadline()
			early := next - 1
			if !ok {
				early = now
			}
			if early = min(early, now); early < 0 {
				return
			}
			if events := f.Advance(early, nil); len(events) != 0 {
				t.Fatalf("Advance(%v) before the deadline %v = %+v", early, next, events)
			}
			if again, okAgain := f.NextDeadline(); again != next || okAgain != ok {
				t.Fatalf("deadline %v became %v by Advance(%v)", next, again, early)
			}
		})
		if !reflect.DeepEqual(busy, quiet) {
			t.Fatalf("with more calls of Advance:\n%+v\nwant\n%+v", busy, quiet)
		}
	})
}

// TestDeadlinesMissNothing compares the computed instants with a clock that ticks: after every tick the state must be
// what the probability demands.
func TestDeadlinesMissNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		for i := range rules.Events {
			rules.Events[i].DwellOn, rules.Events[i].DwellOff = fusion.Duration{}, fusion.Duration{}
			rules.Events[i].Positive, rules.Events[i].Negative = "", ""
		}
		f := newFuser(t, rules)
		arrivals := drawArrivals(t, rules)
		var events []fusion.Event
		for now := time.Duration(0); now < 30*time.Second; now += 10 * ms {
			for len(arrivals) > 0 && arrivals[0].at <= now {
				f.Observe(now, arrivals[0].Evidence)
				arrivals = arrivals[1:]
			}
			if next, ok := f.NextDeadline(); ok && next <= now {
				events = f.Advance(now, events[:0])
			}
			for i, e := range f.State(now).Events {
				r := rules.Events[i]
				if on := e.State == "on"; e.Decided && (e.P > r.On+1e-9 && !on || e.P < r.Off-1e-9 && on) || !e.Decided && on {
					t.Fatalf("at %v %+v, with %+v", now, e, r)
				}
			}
		}
	})
}

// align makes all times and periods multiples of 100 ms, none of them above a second, so that many instants coincide, and
// gives every event a cue that it needs.
func align(t *rapid.T, rules fusion.Rules, arrivals []arrival) {
	period := func(name string, least int) fusion.Duration {
		return fusion.Duration{Duration: time.Duration(rapid.IntRange(least, 10).Draw(t, name)) * 100 * ms}
	}
	for i := range rules.Cues {
		rules.Cues[i].Stale = period("aligned stale", 1)
	}
	for i := range rules.Events {
		e := &rules.Events[i]
		e.DwellOn, e.DwellOff = period("aligned dwell on", 0), period("aligned dwell off", 0)
		if len(e.Needs) == 0 {
			e.Needs = slices.Sorted(maps.Keys(e.Weights))[:1]
		}
	}
	for i := range arrivals {
		a := &arrivals[i]
		a.at, a.At = a.at.Truncate(100*ms), a.At.Truncate(100*ms)
	}
}

// TestNothingStaysWithoutEvidence: once all evidence is stale and all dwells are over, every event that needs a cue is off
// for good, even where dwells, expiries and arrivals coincide. No deadline lies in the past after Advance.
func TestNothingStaysWithoutEvidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		arrivals := drawArrivals(t, rules)
		align(t, rules, arrivals)
		f := newFuser(t, rules)
		var events []fusion.Event
		end := arrivals[len(arrivals)-1].at + 2*time.Second // the longest stale and the longest dwell
		for now := time.Duration(0); now <= end; now += 100 * ms {
			for len(arrivals) > 0 && arrivals[0].at == now {
				f.Observe(now, arrivals[0].Evidence)
				arrivals = arrivals[1:]
			}
			events = f.Advance(now, events)
			if next, ok := f.NextDeadline(); ok && next <= now {
				t.Fatalf("deadline %v after Advance(%v)", next, now)
			}
		}
		if next, ok := f.NextDeadline(); ok {
			t.Errorf("deadline %v; want none after %v", next, end)
		}
		for _, e := range f.State(end).Events {
			if e.State != "off" {
				t.Errorf("%+v after %v; want off", e, end)
			}
		}
		for _, e := range events {
			if e.State != "off" && len(e.Evidence) == 0 {
				t.Errorf("%+v: without evidence", e)
			}
		}
	})
}
