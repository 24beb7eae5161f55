package sched

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// scene is a random set of sources, what arrives, and what heat allows when.
type scene struct {
	options Options
	list    []arrival
	budgets []float64 // one after the other, for a tenth of the time each
	events  bool      // a job may find out an event
	seed    uint64
}

const sceneFor = 10 * time.Second

func drawScene(t *rapid.T) scene {
	s := scene{seed: rapid.Uint64().Draw(t, "seed"), events: rapid.Bool().Draw(t, "events")}
	s.options.Workers = rapid.IntRange(1, 2).Draw(t, "workers")
	s.options.Work = rapid.SampledFrom([]float64{1, 0.5, 0.05}).Draw(t, "work")
	n := rapid.IntRange(1, 8).Draw(t, "sources")
	reserves := make([]time.Duration, s.options.Workers)
	for i := range n {
		src := Source{
			Name:     fmt.Sprint("s", i),
			Worker:   rapid.IntRange(0, s.options.Workers-1).Draw(t, "worker"),
			Period:   time.Duration(rapid.IntRange(0, 200).Draw(t, "period")) * time.Millisecond,
			Weight:   rapid.SampledFrom([]float64{0, 0.1, 1, 10}).Draw(t, "weight"),
			Deadline: time.Duration(rapid.IntRange(1, 500).Draw(t, "deadline")) * time.Millisecond,
			Cost:     time.Duration(rapid.IntRange(1, 100_000).Draw(t, "cost")) * time.Microsecond,
			All:      rapid.IntRange(0, 4).Draw(t, "all") == 0,
		}
		s.options.Sources = append(s.options.Sources, src)
	}
	for w := range reserves {
		most := time.Duration(0)
		for _, src := range s.options.Sources {
			if src.Worker == w {
				reserves[w] += src.Cost
				most = max(most, src.Cost)
			}
		}
		reserves[w] += most
	}
	for i := range s.options.Sources {
		src := &s.options.Sources[i]
		// No less than what is proved: see lif.reserve.
		extra := rapid.IntRange(0, 2000).Draw(t, "slack")
		src.StaleAfter = max(shortest, 2*reserves[src.Worker]+time.Duration(extra)*time.Millisecond)
	}
	r := rand.New(rand.NewPCG(s.seed, 1))
	for i, src := range s.options.Sources {
		s.list = append(s.list, arrivals(r, i, src.Period)...)
	}
	slices.SortStableFunc(s.list, func(a, b arrival) int { return int(a.at - b.at) })
	s.budgets = rapid.SliceOfN(rapid.SampledFrom([]float64{0, 0, 0.01, 0.3, 0.9, 1}), 10, 10).Draw(t, "budgets")
	return s
}

// arrivals draws those of one source: at its period, or in bursts with pauses of up to
// seconds; with salience that now and then is no number.
func arrivals(r *rand.Rand, source int, period time.Duration) []arrival {
	var list []arrival
	salience := func() float64 {
		return []float64{0, 0, r.Float64() / 10, r.Float64(), 1, math.NaN(), math.Inf(1), -1}[r.IntN(8)]
	}
	for at := time.Duration(r.Int64N(int64(time.Second))); at < sceneFor; {
		if period > 0 {
			list = append(list, arrival{at, source, salience()})
			at += period
			continue
		}
		for range 1 + r.IntN(20) {
			list = append(list, arrival{at, source, salience()})
			at += time.Duration(r.Int64N(int64(30 * time.Millisecond)))
		}
		at += time.Duration(r.ExpFloat64() * float64(3*time.Second))
	}
	return list
}

// driver plays the scene to a policy, with jobs that take up to what was declared; some
// fail at once. It checks what holds for all policies.
func (s scene) driver(t *rapid.T, p Policy) *drive {
	r := rand.New(rand.NewPCG(s.seed, 2))
	sources := s.options.Sources
	running := make([]bool, len(sources))
	busy := make([]bool, s.options.Workers)
	begun := make([]time.Duration, len(sources)) // when the last job began, or -1
	for i := range begun {
		begun[i] = -1
	}
	step := -1
	d := &drive{policy: p, sources: sources}
	d.took = func(i int) time.Duration {
		switch r.IntN(4) {
		case 0:
			return sources[i].Cost
		case 1:
			return 0
		}
		return time.Duration(r.Int64N(int64(sources[i].Cost)) + 1)
	}
	d.at = func(now time.Duration) {
		if k := int(now * 10 / sceneFor); k > step && k < len(s.budgets) {
			step = k
			p.SetBudget(now, s.budgets[k])
		}
	}
	d.begin = func(now time.Duration, j Job) {
		w := sources[j.Source].Worker
		if running[j.Source] || busy[w] {
			t.Fatalf("at %v a job of %d begins on worker %d, while one runs", now, j.Source, w)
		}
		running[j.Source], busy[w] = true, true
		if j.Arrived > now || j.Unseen > j.Arrived {
			t.Fatalf("at %v: job %+v is of an input to come", now, j)
		}
		if !seen(s.list, j, begun[j.Source]) {
			t.Fatalf("at %v: job %+v has no input since %v", now, j, begun[j.Source])
		}
		begun[j.Source] = now
	}
	d.end = func(now time.Duration, j Job, _ time.Duration) {
		running[j.Source], busy[sources[j.Source].Worker] = false, false
		if l, ok := p.(Learner); ok && s.events && r.IntN(3) == 0 {
			l.Event(now)
		}
	}
	d.idle = func(now, wake time.Duration, ok bool) {
		if ok && wake <= now {
			t.Fatalf("at %v Next has no job, and Wake is at %v", now, wake)
		}
	}
	return d
}

// seen reports whether an input came at j.Arrived, and none of its job's before the
// last job began.
func seen(list []arrival, j Job, begun time.Duration) bool {
	at, _ := slices.BinarySearchFunc(list, j.Arrived, func(a arrival, at time.Duration) int { return int(a.at - at) })
	for ; at < len(list) && list[at].at == j.Arrived; at++ {
		if list[at].source == j.Source {
			return j.Unseen >= begun
		}
	}
	return false
}

func mustNew(t interface {
	Helper()
	Fatal(...any)
}, name string, o Options) Policy {
	t.Helper()
	p, err := New(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// No input waits longer than StaleAfter until the end of a job that took it, or a newer
// one, whatever the budget: see lif.reserve for when.
func TestNothingBecomesStale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		p := mustNew(t, LIF, s.options)
		d := s.driver(t, p)
		first := make([]time.Duration, len(s.options.Sources)) // unseen, by this test's own count
		taken := make([]time.Duration, len(first))
		for i := range first {
			first[i] = -1
		}
		next := 0
		count := func(now time.Duration) {
			for ; next < len(s.list) && s.list[next].at <= now; next++ {
				if i := s.list[next].source; first[i] < 0 {
					first[i] = s.list[next].at
				}
			}
		}
		begin, end := d.begin, d.end
		d.begin = func(now time.Duration, j Job) {
			count(now)
			if first[j.Source] != j.Unseen {
				t.Fatalf("at %v: job %+v, but unseen since %v", now, j, first[j.Source])
			}
			taken[j.Source], first[j.Source] = first[j.Source], -1
			begin(now, j)
		}
		d.end = func(now time.Duration, j Job, took time.Duration) {
			if stale := now - taken[j.Source]; stale > s.options.Sources[j.Source].StaleAfter {
				t.Fatalf("%s: stale for %v, with at most %v", s.options.Sources[j.Source].Name, stale, s.options.Sources[j.Source].StaleAfter)
			}
			end(now, j, took)
		}
		d.run(s.list, sceneFor)
		count(sceneFor)
		for i, at := range first {
			if at >= 0 && sceneFor-at > s.options.Sources[i].StaleAfter {
				t.Fatalf("source %d: nothing took the input of %v", i, at)
			}
		}
		for _, w := range p.(*lif).synapses.weight {
			if !(w >= 0 && w <= MaxSynapse) {
				t.Fatalf("weight %v", w)
			}
		}
	})
}

func TestEveryPolicyKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		name := rapid.SampledFrom(Policies()).Draw(t, "policy")
		s.driver(t, mustNew(t, name, s.options)).run(s.list, sceneFor)
	})
}

func TestDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		var runs [2][]Decision
		for k := range runs {
			o := s.options
			o.Explain = func(d *Decision) { runs[k] = append(runs[k], *d) }
			s.driver(t, mustNew(t, LIF, o)).run(s.list, sceneFor)
		}
		if !slices.Equal(runs[0], runs[1]) {
			t.Fatal("the same inputs led to other decisions")
		}
	})
}

// What heat allows is never exceeded but by what can be saved up, one job of each
// worker, and what staleness forces.
func TestUseKeepsToTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		p := mustNew(t, LIF, s.options)
		d := s.driver(t, p)
		workers := float64(s.options.Workers)
		allowed := workers * float64(heatFor)
		for _, src := range s.options.Sources {
			allowed += float64(src.Cost)
		}
		used, last, share := 0.0, time.Duration(0), 1.0
		at := d.at
		d.at = func(now time.Duration) {
			allowed += share * workers * float64(now-last)
			last = now
			at(now)
			share = p.(*lif).budget.share
		}
		end := d.end
		d.end = func(now time.Duration, j Job, took time.Duration) {
			if j.Cause != StaleSoon {
				used += float64(took)
			}
			// d.at has counted up to the last call of Next.
			if most := allowed + share*workers*float64(now-last); used > most+1 {
				t.Fatalf("at %v: used %v of %v", now, time.Duration(used), time.Duration(most))
			}
			end(now, j, took)
		}
		d.run(s.list, sceneFor)
	})
}
