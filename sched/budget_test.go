package sched

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// cameras are three sources that together ask for 90 % of a worker's time at the least,
// with jobs of 10 to 20 ms.
func cameras() []Source {
	var list []Source
	for i := range 3 {
		list = append(list, Source{
			Name: fmt.Sprint("camera ", i), Period: 33 * time.Millisecond, Weight: 1,
			Deadline: 200 * time.Millisecond, StaleAfter: 5 * time.Second, Cost: 20 * time.Millisecond,
		})
	}
	return list
}

// use plays cameras to a policy, and returns what jobs took of each second, and of all
// the time what staleness forced.
func use(t *testing.T, name string, o Options, salience float64, seconds int, share func(now time.Duration) float64) (each []float64, forced float64) {
	t.Helper()
	o.Sources = cameras()
	p := mustNew(t, name, o)
	r := rand.New(rand.NewPCG(1, 2))
	list := periodic(r, o.Sources, time.Duration(seconds)*time.Second)
	for i := range list {
		list[i].salience *= salience
	}
	each = make([]float64, seconds+1)
	set := -1.0
	d := drive{policy: p, sources: o.Sources}
	d.took = func(int) time.Duration { return time.Duration(float64(20*time.Millisecond) * (0.5 + 0.5*r.Float64())) }
	d.at = func(now time.Duration) {
		if s := share(now); s != set {
			set = s
			p.SetBudget(now, s)
		}
	}
	d.end = func(now time.Duration, j Job, took time.Duration) {
		each[now/time.Second] += took.Seconds()
		if j.Cause == StaleSoon {
			forced += took.Seconds() / float64(seconds)
		}
	}
	d.run(list, time.Duration(seconds)*time.Second)
	return each, forced
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// Whatever is seen, use is what heat allows, within 2 %, as long as there is enough to
// do, once thresholds have found their level.
func TestUseFollowsTheBudget(t *testing.T) {
	for _, salience := range []float64{0, 0.2, 1} {
		for _, share := range []float64{0.05, 0.3, 0.8} {
			for _, work := range []float64{1, 0.9} {
				each, forced := use(t, LIF, Options{Work: work}, salience, 300, func(time.Duration) float64 { return share })
				if got := mean(each[60:300]); math.Abs(got-share) > 0.02*share {
					t.Errorf("salience up to %v, work %v: use %.4f of time, want %v (forced %.4f)", salience, work, got, share, forced)
				}
			}
		}
	}
}

// When the budget changes, use follows within seconds, and does not swing much after.
func TestUseFollowsChangesOfTheBudget(t *testing.T) {
	for _, c := range [][2]float64{{0, 0.5}, {0.1, 0.5}, {0.1, 0.8}, {1, 0.1}, {1, 0.5}, {1, 0.8}} {
		each, _ := use(t, LIF, Options{}, 1, 60, func(now time.Duration) float64 {
			if now < 20*time.Second {
				return c[0]
			}
			return c[1]
		})
		if got := mean(each[22:32]); math.Abs(got-c[1]) > 0.15*c[1] {
			t.Errorf("from %v to %v: use %.3f in the first seconds", c[0], c[1], got)
		}
		for s := 26; s < 60; s++ {
			if got := mean(each[s-2 : s]); math.Abs(got-c[1]) > 0.3*c[1] {
				t.Errorf("from %v to %v: use %.3f around second %d", c[0], c[1], got, s-1)
			}
		}
	}
}

// Heat that allows nothing leaves what is about to become stale, and no more.
func TestBudgetOfNothing(t *testing.T) {
	each, forced := use(t, LIF, Options{}, 1, 60, func(time.Duration) float64 { return 0 })
	if got := mean(each[:60]); math.Abs(got-forced) > 1e-9 || forced == 0 {
		t.Errorf("use %v, of which staleness forced %v", got, forced)
	}
	// Three jobs of 15 ms every 5 s.
	if want := 3 * 0.015 / 5.0; forced > 1.3*want {
		t.Errorf("staleness forced %v, want about %v", forced, want)
	}
}

func TestWorkIsAShareOfWhatArrives(t *testing.T) {
	for _, work := range []float64{0.1, 0.3, 0.6} {
		each, _ := use(t, LIF, Options{Work: work}, 1, 600, func(time.Duration) float64 { return 1 })
		want := work // of all the worker's time, since more than that is asked for
		if got := mean(each[:600]); got > 1.01*want || got < 0.95*want {
			t.Errorf("work %v: use %.4f of time, want %v", work, got, want)
		}
	}
}

// Classic policies leave out inputs evenly, so that their use follows as well.
func TestThinningFollowsTheBudget(t *testing.T) {
	for _, name := range []string{FIFO, RoundRobin, EDF} {
		for _, share := range []float64{0.1, 0.5} {
			each, _ := use(t, name, Options{}, 0, 300, func(time.Duration) float64 { return share })
			if got := mean(each[:300]); math.Abs(got-share) > 0.02*share {
				t.Errorf("%s: use %.4f of time, want %v", name, got, share)
			}
		}
	}
}

func TestBudgetOdd(t *testing.T) {
	for _, share := range []float64{math.NaN(), math.Inf(-1), -1, 0} {
		b := newBudget(Options{Work: 1, Workers: 1})
		if b.set(time.Second, share); b.share != 0 || b.open() {
			t.Errorf("share %v: %v, open %v", share, b.share, b.open())
		}
	}
	for _, share := range []float64{1, 2, math.Inf(1)} {
		b := newBudget(Options{Work: 1, Workers: 1})
		if b.set(time.Second, share); b.share != 1 || !b.open() {
			t.Errorf("share %v: %v, open %v", share, b.share, b.open())
		}
	}
}

// A job that hung for an hour is paid for in minutes, one that had to be in seconds.
func TestDebtIsBounded(t *testing.T) {
	for _, c := range []struct {
		forced bool
		most   time.Duration
	}{{false, 2*time.Minute + time.Second}, {true, 2*time.Second + time.Second}} {
		b := newBudget(Options{Work: 1, Workers: 1})
		b.set(time.Second, 0.5)
		b.use(time.Hour, c.forced)
		if opens := b.opens(time.Second); b.open() || opens-time.Second > c.most {
			t.Errorf("forced %v: opens after %v, want at most %v", c.forced, opens-time.Second, c.most)
		}
		before := b.heat.credit
		if b.use(time.Millisecond, true); b.heat.credit > before {
			t.Errorf("forced %v: a job brought credit", c.forced)
		}
	}
}

// A budget that opens when it said so, also by rounding.
func TestOpens(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		b := newBudget(Options{Work: 1, Workers: 1 + r.IntN(2)})
		b.set(0, 0.01+r.Float64())
		b.use(time.Duration(r.Int64N(int64(10*time.Second))), false)
		now := time.Duration(0)
		for tries := 0; !b.open(); tries++ {
			at := b.opens(now)
			if at <= now || tries > 3 {
				t.Fatalf("share %v, credit %v: opens at %v, asked at %v for the %dth time", b.share, b.heat.credit, at, now, tries)
			}
			now = at
			b.advance(now)
		}
	}
}

func TestLongPauseDoesNotOvershoot(t *testing.T) {
	b := newBudget(Options{Work: 0.5, Workers: 1})
	b.sternness = 2
	b.saved = bucket{credit: 0.6, most: 1}
	if got := b.sternness + b.urge(1000, b.saved.level(), 0.9); got != 0 {
		t.Errorf("sternness %v after a long pause, want 0", got)
	}
}

func TestHeldOnce(t *testing.T) {
	o := Options{Sources: cameras()[:1]}
	for _, name := range []string{LIF, FIFO} {
		p := mustNew(t, name, o)
		p.SetBudget(0, 0)
		if p.Next(time.Millisecond); p.Held() {
			t.Errorf("%s: held, with nothing to do", name)
		}
		p.Arrive(2*time.Millisecond, 0, 1)
		if _, ok := p.Next(2 * time.Millisecond); ok {
			t.Errorf("%s: a job at a budget of 0", name)
		}
		if !p.Held() || p.Held() {
			t.Errorf("%s: held back, to be told once", name)
		}
	}
}

// The less heat allows, the higher thresholds are: use is not cut by the lack of credit
// alone, which would leave none for what comes next.
func TestThresholdsFollowTheBudget(t *testing.T) {
	list := cameras()
	last := math.Inf(-1)
	for _, share := range []float64{0.8, 0.5, 0.2, 0.1} {
		p := mustNew(t, LIF, Options{Sources: list}).(*lif)
		p.SetBudget(0, share)
		r := rand.New(rand.NewPCG(1, 1))
		d := drive{policy: p, sources: list, took: func(int) time.Duration { return 15 * time.Millisecond }}
		sum, looks, open := 0.0, 0, 0
		d.at = func(now time.Duration) {
			if now > 30*time.Second {
				sum += p.budget.sternness
				if looks++; p.budget.heat.credit > 0 {
					open++
				}
			}
		}
		d.run(periodic(r, list, 2*time.Minute), 2*time.Minute)
		if got := sum / float64(looks); got < last+0.1 {
			t.Errorf("share %v: sternness %v, with more heat %v", share, got, last)
		} else {
			last = got
		}
		if got := float64(open) / float64(looks); got < 0.6 {
			t.Errorf("share %v: credit in %.2f of the time", share, got)
		}
	}
}
