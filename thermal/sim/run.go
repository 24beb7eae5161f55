package sim

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Options say what to simulate.
type Options struct {
	Plants   int
	Seed     uint64
	Policies []string              // names; none for all
	Progress func(done, total int) // may be nil; called by one goroutine at a time
}

var makers = map[string]Maker{
	"predictive":      Predictive,
	"step_wise":       StepWise,
	"power_allocator": PowerAllocator,
	"bang_bang":       BangBang,
}

// Policies lists the policies there are, the firmware's own first.
func Policies() []string {
	return []string{"predictive", "power_allocator", "step_wise", "bang_bang"}
}

// Run runs every policy on every plant. It fails when ctx ends before, or for a
// policy that there is not.
func Run(ctx context.Context, o Options) (Result, error) {
	if len(o.Policies) == 0 {
		o.Policies = Policies()
	}
	result := Result{Plants: o.Plants, Seed: o.Seed, Policies: map[string]Score{}}
	outcomes := map[string][]outcome{}
	for _, name := range o.Policies {
		if makers[name] == nil {
			return Result{}, fmt.Errorf("no policy %q: there are %v", name, Policies())
		}
		outcomes[name] = make([]outcome, o.Plants)
	}
	todo := make(chan int)
	var workers sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range todo {
				for _, name := range o.Policies {
					outcomes[name][i] = newTrial(o.Seed, i, makers[name]).run(ctx, nil)
				}
				mu.Lock()
				done++
				if o.Progress != nil {
					o.Progress(done, o.Plants)
				}
				mu.Unlock()
			}
		})
	}
	for i := 0; i < o.Plants && ctx.Err() == nil; i++ {
		select {
		case todo <- i:
		case <-ctx.Done():
		}
	}
	close(todo)
	workers.Wait()
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	for name, list := range outcomes {
		result.Policies[name] = score(list)
	}
	return result, nil
}

// RunOne runs one policy on one plant and returns its trace, one point for each
// Interval.
func RunOne(seed uint64, plant int, policy string) (Trace, error) {
	maker := makers[policy]
	if maker == nil {
		return Trace{}, fmt.Errorf("no policy %q: there are %v", policy, Policies())
	}
	t := Trace{Policy: policy, SetPoint: setPoint}
	newTrial(seed, plant, maker).run(context.Background(), &t)
	return t, nil
}

// trial is one policy on one plant, beside the omniscient controller on its twin.
type trial struct {
	plant         plant
	faults        []fault
	random        *rand.Rand
	policy        Policy
	body, ideal   state
	segment       int // of the load
	stuckAt       float64
	limited       float64 // s since the load changed in which temperature was the limit
	low, high     float64 // of the die, in this settled stretch
	work, perfect float64
	out           outcome
}

// outcome is how one plant fared.
type outcome struct {
	efficiency, overshoot, peak, settled float64
	faultPeak, recovery                  float64
}

func newTrial(seed uint64, index int, maker Maker) *trial {
	r := rand.New(rand.NewPCG(seed, uint64(index)))
	t := &trial{random: r}
	t.plant, t.faults = draw(r)
	p := &t.plant
	around := p.ambient.at(0)
	t.body = p.equilibrium(0, around)
	t.ideal = t.body
	// What is known beforehand of a board is within a tenth of the truth.
	known := func(x float64) float64 { return x * (0.9 + 0.2*r.Float64()) }
	hot := p.leak(setPoint)
	sustainable := (setPoint - 25) / p.total()
	t.policy = maker(Facts{
		SetPoint: setPoint, Idle: known(p.idle + p.leak(25)), Full: known(p.idle + hot + p.dynamic),
		Sustainable: known(sustainable), States: 4 + r.IntN(13),
	})
	t.low, t.high = math.Inf(1), math.Inf(-1)
	return t
}

// settling is how long temperature must have been the limit, under one load, before
// the die counts as settled.
const settling = 60.0 // s

func (t *trial) run(ctx context.Context, trace *Trace) outcome {
	p := &t.plant
	drawn := p.power(0, t.body[0]) * p.powerGain
	bound := false
	steps := int((workTime + faultTime) / Interval.Seconds())
	for k := range steps {
		if k%1000 == 0 && ctx.Err() != nil {
			break
		}
		now := float64(k) * Interval.Seconds()
		value, ok := p.sensor.read(t.random, t.body[0])
		f := t.fault(now)
		value, ok = t.tamper(f, value, ok)
		share := t.policy.Decide(Observation{Now: time.Duration(k) * Interval, Temp: value, OK: ok, Power: drawn, Bound: bound})
		share = min(1, max(0, share))

		around := p.ambient.at(now)
		level, segment := p.load.at(now, t.segment)
		possible := p.hold(&t.ideal, setPoint, around)
		t.count(now, segment, level, share, possible)
		bound = level > share
		watts := p.power(min(level, share), t.body[0])
		p.step(&t.ideal, p.power(min(level, possible), t.ideal[0]), around)
		p.step(&t.body, watts, around)
		drawn = watts * p.powerGain * (1 + p.powerNoise*t.random.NormFloat64())
		if trace != nil {
			trace.Points = append(trace.Points, Point{
				At: time.Duration(k) * Interval, Die: t.body[0], Ambient: around,
				Share: share, Possible: possible, Fault: f != nil,
			})
		}
	}
	t.endStretch()
	t.out.efficiency = math.NaN() // temperature never was the limit
	if t.perfect > 0 {
		t.out.efficiency = t.work / t.perfect
	}
	return t.out
}

// fault is the one at hand, or nil.
func (t *trial) fault(now float64) *fault {
	for i := range t.faults {
		if f := &t.faults[i]; now >= f.from && now < f.until {
			return f
		}
	}
	return nil
}

func (t *trial) tamper(f *fault, value float64, ok bool) (float64, bool) {
	if f == nil {
		t.stuckAt = value
		return value, ok
	}
	switch f.kind {
	case dropout:
		return 0, false
	case stuck:
		return t.stuckAt, ok
	case absurd:
		return -89, ok
	}
	return value + f.offset, ok
}

// count scores one step.
func (t *trial) count(now float64, segment int, level, share, possible float64) {
	die := t.body[0]
	if now >= workTime {
		t.endStretch()
		t.out.faultPeak = max(t.out.faultPeak, die)
		t.recover(now, level, share, possible)
		t.segment = segment
		return
	}
	t.out.peak = max(t.out.peak, die)
	t.out.overshoot = max(t.out.overshoot, die-setPoint)
	if possible < level {
		t.work += min(level, share)
		t.perfect += possible
		t.limited += Interval.Seconds()
	}
	if segment != t.segment || possible >= level {
		t.segment = segment
		t.endStretch()
	}
	if t.limited > settling {
		t.low, t.high = min(t.low, die), max(t.high, die)
	}
}

func (t *trial) endStretch() {
	if t.high > t.low {
		t.out.settled = max(t.out.settled, t.high-t.low)
	}
	t.limited, t.low, t.high = 0, math.Inf(1), math.Inf(-1)
}

// steady is how long the work must be full again to count as recovered.
const steady = 1.0 // s

// recover measures the time from the end of a fault to nine tenths of the possible work,
// lastingly.
func (t *trial) recover(now, level, share, possible float64) {
	full := share >= 0.9*min(level, possible)
	for i := range t.faults {
		f := &t.faults[i]
		if now < f.until || f.recovered {
			continue
		}
		if !full {
			f.full = 0
			t.out.recovery = max(t.out.recovery, now-f.until)
			continue
		}
		f.full += Interval.Seconds()
		f.recovered = f.full >= steady
	}
}

// score sums up. A plant that temperature never limited has no efficiency.
func score(list []outcome) Score {
	at := func(q float64, of func(outcome) float64) float64 {
		var values []float64
		for _, o := range list {
			if v := of(o); !math.IsNaN(v) {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			return 0
		}
		slices.Sort(values)
		return values[min(len(values)-1, int(q*float64(len(values))))]
	}
	return Score{
		EfficiencyP50: at(0.5, func(o outcome) float64 { return o.efficiency }),
		EfficiencyP05: at(0.05, func(o outcome) float64 { return o.efficiency }),
		OvershootP99:  at(0.99, func(o outcome) float64 { return o.overshoot }),
		Max:           at(1, func(o outcome) float64 { return o.peak }),
		SettledPtp:    at(0.99, func(o outcome) float64 { return o.settled }),
		FaultMax:      at(1, func(o outcome) float64 { return o.faultPeak }),
		FaultRecovery: at(1, func(o outcome) float64 { return o.recovery }),
	}
}
