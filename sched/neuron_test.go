package sched

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestAdvanceAgainstEuler(t *testing.T) {
	const step = 10 * time.Microsecond
	for name, c := range map[string]struct {
		v       float64
		fresh   bool
		unseen  time.Duration
		calm    time.Duration
		charges map[time.Duration]float64
	}{
		"it leaks":                   {v: 2, calm: time.Second},
		"it is charged":              {calm: time.Second, charges: map[time.Duration]float64{100 * time.Millisecond: 1, 350 * time.Millisecond: 0.5}},
		"it grows with staleness":    {fresh: true, calm: 2 * time.Second},
		"stale already":              {v: 0.3, fresh: true, unseen: -time.Second, calm: 3 * time.Second},
		"all of it":                  {v: 1, fresh: true, calm: time.Second, charges: map[time.Duration]float64{700 * time.Millisecond: 2}},
		"a ramp of a millisecond":    {fresh: true, calm: time.Millisecond},
		"a ramp of a day, unnoticed": {v: 1, fresh: true, calm: 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			slope := ramp(c.calm)
			n := neuron{v: c.v, fresh: c.fresh, unseen: c.unseen}
			v := c.v
			for at := time.Duration(0); at < time.Second; at += step {
				if charge := c.charges[at]; charge > 0 {
					n.advance(at, slope)
					n.v += charge
					v += charge
				}
				dv := -v / leakTime.Seconds()
				if c.fresh {
					dv += slope * (at + step/2 - c.unseen).Seconds()
				}
				v += dv * step.Seconds()
			}
			n.advance(time.Second, slope)
			if math.Abs(n.v-v) > 1e-3*max(1, math.Abs(v)) {
				t.Errorf("potential %v, by small steps %v", n.v, v)
			}
		})
	}
}

// However often it is asked on the way, the ramp reaches the threshold just then.
func TestRampReachesTheThreshold(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, calm := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, time.Hour, 24 * time.Hour} {
		n := neuron{fresh: true, unseen: time.Second, at: time.Second}
		for range 100 {
			at := n.at + time.Duration(r.Int64N(int64(calm)/60))
			if at >= time.Second+calm*99/100 {
				break
			}
			if n.advance(at, ramp(calm)); n.v >= 1 {
				t.Fatalf("calm %v: potential %v after %v", calm, n.v, at-time.Second)
			}
		}
		if n.advance(time.Second+calm, ramp(calm)); math.Abs(n.v-1) > 1e-6 {
			t.Errorf("calm %v: potential %v at its end, not 1", calm, n.v)
		}
	}
}

func TestAdvanceBackwardsChangesNothing(t *testing.T) {
	n := neuron{v: 0.5, salience: 0.5, at: time.Second}
	for _, now := range []time.Duration{0, time.Second, math.MinInt64 / 2} {
		if n.advance(now, 1); n.v != 0.5 || n.at != time.Second {
			t.Errorf("at %v: %v at %v", now, n.v, n.at)
		}
	}
}

func TestWhy(t *testing.T) {
	for want, n := range map[Cause]neuron{
		Salience: {v: 1, salience: 0.6, spikes: 0.3},
		Spikes:   {v: 1, salience: 0.2, spikes: 0.5},
		Urgency:  {v: 1, salience: 0.2, spikes: 0.1},
	} {
		if got := n.why(); got != want {
			t.Errorf("%+v: %v, want %v", n, got, want)
		}
	}
}

func TestWorth(t *testing.T) {
	n := neuron{Source: Source{Weight: 2, StaleAfter: time.Second}, begun: time.Second}
	for _, c := range []struct {
		salience, spikes float64
		now              time.Duration
		want             float64
	}{
		{0, 0, 2 * time.Second, 2 * leastValue},
		{salienceGain / 2, 0, 2 * time.Second, 1},
		{salienceGain / 4, salienceGain / 4, 2 * time.Second, 1},
		{salienceGain * 9, 0, 2 * time.Second, 2},
		{salienceGain, 0, 3 * time.Second, 8},
		{salienceGain, 0, time.Second, 0},
	} {
		n.salience, n.spikes = c.salience, c.spikes
		if got := n.worth(c.now); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("salience %v, spikes %v at %v: %v, want %v", c.salience, c.spikes, c.now, got, c.want)
		}
	}
}
