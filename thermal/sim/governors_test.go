package sim

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// small has 5 W to control in 6 cooling states, and dissipates 2 W at the set point.
var small = Facts{SetPoint: 70, Idle: 1, Full: 6, Sustainable: 2, States: 6}

// reading is what a policy sees at a decision, and what it should allow then.
type reading struct {
	temp   float64
	failed bool
	want   float64
}

// play gives a policy one reading every period.
func play(t *testing.T, p Policy, every time.Duration, readings []reading) {
	t.Helper()
	for i, r := range readings {
		got := p.Decide(Observation{Now: time.Duration(i) * every, Temp: r.temp, OK: !r.failed})
		if math.Abs(got-r.want) > 1e-9 {
			t.Fatalf("reading %d, %v °C: share %.4f, want %.4f", i, r.temp, got, r.want)
		}
	}
}

func TestStepWise(t *testing.T) {
	tests := map[string][]reading{
		"cool: full speed":                    {{temp: 25, want: 1}, {temp: 69.9, want: 1}},
		"hot when first read":                 {{temp: 80, want: 0.8}},
		"one state a poll while it rises":     {{temp: 69, want: 1}, {temp: 70, want: 0.8}, {temp: 71, want: 0.6}, {temp: 72, want: 0.4}},
		"steady above the trip: stays":        {{temp: 71, want: 0.8}, {temp: 71, want: 0.8}},
		"falling above the trip: stays":       {{temp: 71, want: 0.8}, {temp: 72, want: 0.6}, {temp: 71, want: 0.6}, {temp: 70, want: 0.6}},
		"falling below the trip: one back":    {{temp: 71, want: 0.8}, {temp: 72, want: 0.6}, {temp: 69.9, want: 0.8}, {temp: 69.8, want: 1}, {temp: 69, want: 1}},
		"steady below the trip: stays":        {{temp: 71, want: 0.8}, {temp: 72, want: 0.6}, {temp: 69, want: 0.8}, {temp: 69, want: 0.8}},
		"rising below the trip: stays":        {{temp: 71, want: 0.8}, {temp: 72, want: 0.6}, {temp: 68, want: 0.8}, {temp: 69, want: 0.8}},
		"never deeper than the deepest state": {{temp: 71, want: 0.8}, {temp: 72, want: 0.6}, {temp: 73, want: 0.4}, {temp: 74, want: 0.2}, {temp: 75, want: 0}, {temp: 76, want: 0}},
		"a failed read changes nothing":       {{temp: 71, want: 0.8}, {failed: true, temp: 90, want: 0.8}, {failed: true, want: 0.8}, {temp: 72, want: 0.6}},
		"a failed first read":                 {{failed: true, temp: 90, want: 1}, {temp: 71, want: 0.8}},
		"a lie is believed":                   {{temp: 71, want: 0.8}, {temp: -89, want: 1}, {temp: 71, want: 0.8}},
	}
	for name, readings := range tests {
		t.Run(name, func(t *testing.T) { play(t, StepWise(small), stepWisePolling, readings) })
	}
}

func TestStepWisePollsFourTimesASecond(t *testing.T) {
	p := StepWise(Facts{SetPoint: 70, States: 101})
	var last float64
	for i := range 41 { // 4 s: 17 polls, all rising
		last = p.Decide(Observation{Now: time.Duration(i) * Interval, Temp: 71 + float64(i), OK: true})
	}
	if want := 1 - 0.17; math.Abs(last-want) > 1e-9 {
		t.Errorf("share after 4 s %v, want %v", last, want)
	}
}

func TestPollerCatchesUp(t *testing.T) {
	p := poller{every: 250 * time.Millisecond}
	for _, tt := range []struct {
		now  time.Duration
		want bool
	}{{0, true}, {100, false}, {300, true}, {400, false}, {500, true}, {5010, true}, {5100, false}, {5250, true}} {
		if got := p.due(tt.now * time.Millisecond); got != tt.want {
			t.Errorf("due after %d ms: %v, want %v", tt.now, got, tt.want)
		}
	}
}

func TestBangBang(t *testing.T) {
	play(t, BangBang(small), Interval, []reading{
		{failed: true, temp: 90, want: 1},
		{temp: 25, want: 1}, {temp: 69.99, want: 1},
		{temp: 70, want: 0}, {temp: 75, want: 0}, {temp: 69, want: 0}, {temp: 68, want: 0},
		{failed: true, temp: 20, want: 0},
		{temp: 67.99, want: 1}, {temp: 69, want: 1},
		{failed: true, temp: 90, want: 1},
		{temp: 70.5, want: 0}, {temp: -89, want: 1},
	})
}

// The gains of small by the kernel's estimate, in W/°C; shares are W of 5.
const (
	boardOver, boardUnder = 0.2, 0.4
	boardIntegrate        = 0.04
)

func TestPowerAllocatorConstants(t *testing.T) {
	p := PowerAllocator(small).(*powerAllocator)
	for _, tt := range []struct {
		name      string
		got, want float64
	}{
		{"sustainable", p.sustainable, 2}, {"most", p.most, 5}, {"switch on", p.switchOn, 60},
		{"k_po", p.over, boardOver}, {"k_pu", p.under, boardUnder}, {"k_i", p.integrate, boardIntegrate}, {"cutoff", p.cutoff, 0},
	} {
		if math.Abs(tt.got-tt.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestPowerAllocator(t *testing.T) {
	tests := map[string][]reading{
		"everything below switch on":            {{temp: 25, want: 1}, {temp: 59.9, want: 1}},
		"sustainable at the set point":          {{temp: 70, want: 2.0 / 5}},
		"more below, with k_pu":                 {{temp: 69, want: (2 + boardUnder) / 5}, {temp: 67, want: (2 + 3*boardUnder) / 5}},
		"no more than the board can use":        {{temp: 60, want: 1}},
		"less above, with k_po and k_i":         {{temp: 71, want: (2 - boardOver - boardIntegrate) / 5}},
		"never less than nothing":               {{temp: 120, want: 0}},
		"the integral sums errors, not time":    {{temp: 71, want: (2 - boardOver - boardIntegrate) / 5}, {temp: 71, want: (2 - boardOver - 2*boardIntegrate) / 5}},
		"the integral stays below the cutoff":   {{temp: 72, want: (2 - 2*boardOver - 2*boardIntegrate) / 5}, {temp: 69, want: (2 + boardUnder - 2*boardIntegrate) / 5}, {temp: 69, want: (2 + boardUnder - 2*boardIntegrate) / 5}},
		"switched off, the integral is no more": {{temp: 72, want: (2 - 2*boardOver - 2*boardIntegrate) / 5}, {temp: 59, want: 1}, {temp: 70, want: 2.0 / 5}},
		"a failed read changes nothing":         {{failed: true, temp: 90, want: 1}, {temp: 70, want: 2.0 / 5}, {failed: true, temp: 20, want: 2.0 / 5}},
		"a lie is believed":                     {{temp: 72, want: (2 - 2*boardOver - 2*boardIntegrate) / 5}, {temp: -89, want: 1}},
	}
	for name, readings := range tests {
		t.Run(name, func(t *testing.T) { play(t, PowerAllocator(small), allocatorPolling, readings) })
	}
}

// An integral that has used up the board's power must not grow on, or it would take
// as long to shrink again.
func TestPowerAllocatorWindup(t *testing.T) {
	p := PowerAllocator(small).(*powerAllocator)
	for i := range 1000 {
		p.Decide(Observation{Now: time.Duration(i) * Interval, Temp: 80, OK: true})
	}
	if got, want := -p.integral*p.integrate, p.most; got >= want || got < want-10*boardIntegrate {
		t.Errorf("the integral takes %v W, want just less than %v", got, want)
	}
}

// A positive cutoff lets errors below the set point count, too: the documentation's
// meaning of integral_cutoff.
func TestPowerAllocatorCutoff(t *testing.T) {
	p := PowerAllocator(small).(*powerAllocator)
	p.cutoff = 2
	play(t, p, allocatorPolling, []reading{
		{temp: 69, want: (2 + boardUnder + boardIntegrate) / 5},
		{temp: 68, want: (2 + 2*boardUnder + boardIntegrate) / 5}, // an error of just the cutoff doesn't
	})
}

func TestSharesStayBetweenNoneAndAll(t *testing.T) {
	for name, maker := range map[string]Maker{"step_wise": StepWise, "power_allocator": PowerAllocator, "bang_bang": BangBang} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			idle := rapid.Float64Range(0.1, 3).Draw(t, "idle")
			p := maker(Facts{
				SetPoint: 70, Idle: idle, Full: idle + rapid.Float64Range(0.1, 20).Draw(t, "dynamic"),
				Sustainable: rapid.Float64Range(0.1, 20).Draw(t, "sustainable"), States: rapid.IntRange(0, 20).Draw(t, "states"),
			})
			temps := rapid.SliceOfN(rapid.Float64Range(-89, 200), 1, 200).Draw(t, "temps")
			for i, temp := range temps {
				got := p.Decide(Observation{Now: time.Duration(i) * Interval, Temp: temp, OK: i%7 != 3})
				if !(got >= 0 && got <= 1) {
					t.Fatalf("decision %d at %v °C: share %v", i, temp, got)
				}
			}
		}))
	}
}

func TestGovernorsDoNotAllocate(t *testing.T) {
	for name, maker := range map[string]Maker{"step_wise": StepWise, "power_allocator": PowerAllocator, "bang_bang": BangBang} {
		p, i := maker(small), 0
		got := testing.AllocsPerRun(100, func() {
			p.Decide(Observation{Now: time.Duration(i) * Interval, Temp: 60 + float64(i%20), OK: true})
			i++
		})
		if got != 0 {
			t.Errorf("%s: %v allocations a decision, want 0", name, got)
		}
	}
}
