package sched

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

const msec = time.Millisecond

// sources makes n alike, of one worker.
func sources(n int) []Source {
	var list []Source
	for i := range n {
		list = append(list, Source{Name: fmt.Sprint("s", i), Period: 33 * msec, Weight: 1, Deadline: 100 * msec, StaleAfter: 2 * time.Second, Cost: 10 * msec})
	}
	return list
}

// at makes a lif whose threshold at rest is 1: neither relaxed nor stern.
func at(t *testing.T, o Options) *lif {
	t.Helper()
	p := mustNew(t, LIF, o).(*lif)
	p.budget.sternness, p.budget.factor = 0, 1
	p.budget.saved = bucket{credit: 0.7, most: 1}
	return p
}

func next(t *testing.T, p Policy, now time.Duration) Job {
	t.Helper()
	j, ok := p.Next(now)
	if !ok {
		t.Fatalf("no job at %v", now)
	}
	return j
}

func none(t *testing.T, p Policy, now time.Duration) {
	t.Helper()
	if j, ok := p.Next(now); ok {
		t.Fatalf("job %+v at %v", j, now)
	}
}

func TestSalienceFires(t *testing.T) {
	for _, c := range []struct {
		salience []float64 // of inputs, one every 33 msec
		fires    bool
		cause    Cause
	}{
		{[]float64{0.1}, false, 0},
		{[]float64{0.26}, true, Salience},
		{[]float64{0.1, 0.1, 0.1, 0.1}, true, Salience}, // it adds up
		{[]float64{0, 0, 0, 0}, false, 0},
		{[]float64{math.NaN(), math.NaN()}, false, 0},
		{[]float64{math.NaN(), 1}, true, Salience},
		{[]float64{math.Inf(-1), 1}, true, Salience},
		{[]float64{math.Inf(1)}, true, Salience},
	} {
		p := at(t, Options{Sources: sources(1)})
		now := time.Duration(0)
		for _, s := range c.salience {
			p.Arrive(now, 0, s)
			now += 33 * msec
		}
		j, ok := p.Next(now)
		if ok != c.fires || j.Cause != c.cause {
			t.Errorf("saliences %v: %+v, %v", c.salience, j, ok)
		}
	}
}

// A still scene is inferred when it is about to become stale, and by then for urgency.
func TestStillScene(t *testing.T) {
	p := at(t, Options{Sources: sources(1)})
	var begun []time.Duration
	d := drive{policy: p, sources: sources(1), took: func(int) time.Duration { return 10 * msec }}
	d.begin = func(now time.Duration, j Job) { begun = append(begun, now) }
	d.run([]arrival{{100 * msec, 0, 0}}, 10*time.Second)
	if want := 100*msec + 2*time.Second - 20*msec; len(begun) != 1 || begun[0] > want || begun[0] < want/2 {
		t.Errorf("begun at %v, want once, by %v", begun, want)
	}
}

func TestNothingArrives(t *testing.T) {
	for _, name := range Policies() {
		p := mustNew(t, name, Options{Sources: sources(3)})
		if at, ok := p.Wake(time.Hour); ok {
			t.Errorf("%s: wakes at %v for nothing", name, at)
		}
		none(t, p, time.Hour)
	}
}

func TestInhibition(t *testing.T) {
	for _, c := range []struct {
		what   string
		worker int // of the rival
		after  time.Duration
		fires  bool
	}{
		{"right after", 0, msec, false},
		{"when it has worn off", 0, 300 * msec, true},
		{"of another worker", 1, msec, true},
	} {
		list := sources(2)
		list[1].Worker = c.worker
		p := at(t, Options{Sources: list, Workers: 2})
		p.Arrive(0, 0, 1)
		next(t, p, 0)
		p.Arrive(c.after, 1, 0.3) // 1.2 thresholds at rest
		if got := p.neurons[1].waiting; got != c.fires {
			t.Errorf("%s: fires %v, want %v", c.what, got, c.fires)
		}
	}
}

// What is cheap is not held back when much must be given up, whatever was assumed of it
// before the first job.
func TestSternnessSparesTheCheap(t *testing.T) {
	p := at(t, Options{Sources: sources(3), Workers: 1})
	now := time.Duration(0)
	measured := func(takes ...time.Duration) {
		for i, took := range takes {
			p.Arrive(now, i, 1)
			j := next(t, p, now)
			now += took
			p.Done(now, j, took)
			now += 10 * msec
		}
	}
	measured(8*msec, 4*msec, msec)
	p.budget.factor = 16
	for i, want := range []float64{16, 4, math.Sqrt2} {
		if got := p.stern(&p.neurons[i]); math.Abs(got-want) > 1e-3 {
			t.Errorf("jobs of source %d: threshold by %v, want %v", i, got, want)
		}
	}
	p.budget.factor = 1
	for range 200 { // the dearest became cheap
		measured(msec, 4*msec, msec)
	}
	p.budget.factor = 16
	for i, want := range []float64{2, 16, 2} {
		if got := p.stern(&p.neurons[i]); math.Abs(got-want) > 0.01 {
			t.Errorf("then jobs of source %d: threshold by %v, want %v", i, got, want)
		}
	}
}

func TestRefractory(t *testing.T) {
	p := at(t, Options{Sources: sources(1)})
	p.Arrive(0, 0, 1)
	j := next(t, p, 0)
	p.Done(40*msec, j, 40*msec)
	p.Arrive(41*msec, 0, 1)
	none(t, p, 41*msec)
	wake, ok := p.Wake(41 * msec)
	if want := 42 * msec; !ok || wake != want {
		t.Fatalf("wakes at %v, want %v", wake, want)
	}
	none(t, p, wake-1)
	next(t, p, wake)
}

func TestSpikesCharge(t *testing.T) {
	list := sources(2)
	list[1].Worker = 1
	for _, weight := range []float32{0, leastWeight / 2, MaxSynapse} {
		p := at(t, Options{Sources: list, Workers: 2})
		p.synapses.row(0)[1] = weight
		p.Arrive(0, 1, 0.15) // 0.6 thresholds
		p.Arrive(0, 0, 1)
		j := next(t, p, 0)
		if j.Source != 0 {
			t.Fatalf("first %+v", j)
		}
		j, ok := p.Next(0)
		if want := weight == MaxSynapse; ok != want {
			t.Errorf("weight %v: fires %v, want %v", weight, ok, want)
		} else if ok && j.Cause != Salience {
			t.Errorf("weight %v: for %v", weight, j.Cause)
		}
	}
}

// What came while a job waited is taken by it, and does not charge the neuron again.
func TestBeginTakesAllCharge(t *testing.T) {
	p := at(t, Options{Sources: sources(1)})
	p.Arrive(0, 0, 1)
	for k := range 10 {
		p.Arrive(time.Duration(k)*msec, 0, 1)
	}
	j := next(t, p, 10*msec)
	if j.Arrived != 9*msec || j.Unseen != 0 {
		t.Errorf("job %+v, not of the newest input", j)
	}
	p.Done(20*msec, j, 0)
	p.Arrive(21*msec, 0, 0)
	none(t, p, 21*msec)
}

func TestAllAreInferred(t *testing.T) {
	list := sources(2)
	list[0].All = true
	p := at(t, Options{Sources: list})
	p.budget.sternness, p.budget.factor = maxSternness, math.Exp(maxSternness)
	for k := range 20 {
		now := time.Duration(k) * 20 * msec
		p.Arrive(now, 0, 0)
		j := next(t, p, now)
		if j.Source != 0 || j.Cause != Arrival || j.Arrived != now {
			t.Fatalf("job %+v at %v", j, now)
		}
		p.Done(now+10*msec, j, 10*msec)
	}
}

// Told twice, or of what never began, nothing changes.
func TestDoneTwice(t *testing.T) {
	for _, name := range Policies() {
		p := mustNew(t, name, Options{Sources: sources(2)})
		p.Arrive(0, 0, 1)
		p.Arrive(0, 1, 1)
		j := next(t, p, 0)
		p.Done(10*msec, j, 10*msec)
		other := next(t, p, 20*msec)
		p.Done(21*msec, j, 10*msec)
		p.Arrive(22*msec, j.Source, 1)
		if again, ok := p.Next(30 * msec); ok {
			t.Errorf("%s: %+v begins while %+v runs", name, again, other)
		}
	}
}

func TestTimeStandsStill(t *testing.T) {
	for _, name := range Policies() {
		p := mustNew(t, name, Options{Sources: sources(4), Workers: 1})
		for range 3 {
			for i := range 4 {
				p.Arrive(time.Second, i, 1)
			}
			jobs := 0
			for j, ok := p.Next(time.Second); ok; j, ok = p.Next(time.Second) {
				if jobs++; jobs > 4 {
					t.Fatalf("%s: no end of jobs", name)
				}
				p.Done(time.Second, j, 0)
			}
			if jobs != 4 {
				t.Errorf("%s: %d jobs, want 4", name, jobs)
			}
		}
	}
}

// That one worker's input is about to become stale opens the budget to no other's.
func TestUrgencyIsOfOneWorker(t *testing.T) {
	list := sources(3)
	list[0].Worker = 1
	p := at(t, Options{Sources: list, Workers: 2})
	p.SetBudget(0, 0)
	p.Arrive(0, 0, 1)
	p.Arrive(1500*msec, 1, 1)
	p.Arrive(1500*msec, 2, 1)
	none(t, p, 1500*msec)
	now := 2*time.Second - 20*msec
	if j := next(t, p, now); j.Source != 0 || j.Cause != StaleSoon {
		t.Errorf("job %+v", j)
	}
	none(t, p, now)
}

// A source whose jobs fail at once, or hang, keeps none of the others from theirs.
func TestOddJobs(t *testing.T) {
	list := sources(2)
	p := mustNew(t, LIF, Options{Sources: list})
	p.Arrive(0, 0, 1)
	j := next(t, p, 0)
	p.Done(time.Hour, j, -time.Hour)
	p.Arrive(time.Hour, 0, 1)
	j = next(t, p, time.Hour)
	p.Done(2*time.Hour, j, time.Hour)
	now := 2 * time.Hour
	for k := range 100 {
		p.Arrive(now, 1, 1)
		if j, ok := p.Next(now); ok && j.Source == 1 {
			return
		}
		now += 33 * msec
		if k == 99 {
			t.Error("the other source is never inferred again")
		}
	}
}

func TestSixtyFourSources(t *testing.T) {
	list := sources(MaxSources)
	for i := range list {
		list[i].Worker = i % maxWorkers
	}
	p := mustNew(t, LIF, Options{Sources: list, Workers: maxWorkers})
	for i := range list {
		p.Arrive(0, i, 1)
	}
	seen := map[int]bool{}
	for now := msec; len(seen) < MaxSources; now += msec {
		j, ok := p.Next(now)
		if !ok {
			t.Fatalf("%d of %d sources were inferred", len(seen), MaxSources)
		}
		if seen[j.Source] {
			t.Fatalf("source %d twice", j.Source)
		}
		seen[j.Source] = true
		p.Done(now, j, 0)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for _, name := range Policies() {
		p := mustNew(t, name, Options{Sources: sources(8)})
		now := time.Duration(0)
		if got := testing.AllocsPerRun(200, func() {
			for i := range 8 {
				now += 3 * msec
				p.Arrive(now, i, 0.7)
			}
			for j, ok := p.Next(now); ok; j, ok = p.Next(now) {
				p.Done(now, j, msec)
			}
			p.Wake(now)
			p.SetBudget(now, 0.9)
			if l, ok := p.(Learner); ok {
				l.Event(now)
			}
		}); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	one := func(change func(s *Source)) Options {
		list := sources(1)
		change(&list[0])
		return Options{Sources: list}
	}
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"best", Options{Sources: sources(1)}, `no scheduling policy "best"`},
		{LIF, Options{}, "0 sources"},
		{LIF, Options{Sources: sources(65)}, "65 sources"},
		{LIF, Options{Sources: sources(1), Workers: -1}, "-1 workers"},
		{LIF, Options{Sources: sources(1), Workers: 9}, "9 workers"},
		{LIF, Options{Sources: sources(1), Work: 1.1}, "work 1.1"},
		{LIF, Options{Sources: sources(1), Work: math.NaN()}, "work NaN"},
		{LIF, one(func(s *Source) { s.Worker = 1 }), "worker 1 of 1"},
		{LIF, one(func(s *Source) { s.Worker = -1 }), "worker -1 of 1"},
		{LIF, one(func(s *Source) { s.Weight = math.NaN() }), "weight NaN"},
		{LIF, one(func(s *Source) { s.Weight = math.Inf(1) }), "weight +Inf"},
		{LIF, one(func(s *Source) { s.Weight = -1 }), "weight -1"},
		{LIF, one(func(s *Source) { s.StaleAfter = 0 }), "stale after 0s"},
		{LIF, one(func(s *Source) { s.StaleAfter = math.MaxInt64 }), "from 1ms to 24h"},
		{LIF, one(func(s *Source) { s.Cost = 0 }), "cost 0s"},
		{LIF, one(func(s *Source) { s.Deadline = -1 }), "deadline -1ns"},
		{LIF, one(func(s *Source) { s.Deadline = math.MaxInt64 }), "up to 24h"},
		{LIF, one(func(s *Source) { s.Period = -1 }), "period -1ns"},
		{FIFO, Options{Sources: append(sources(1), sources(1)...)}, "two sources named s0"},
	} {
		if _, err := New(c.name, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
