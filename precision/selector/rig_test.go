package selector

import (
	"math/rand/v2"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/model"
)

// rig is a machine that does jobs by a clock of its own.
type rig struct {
	t       testing.TB
	s       *Selector
	now     time.Duration
	share   float64
	economy bool
	meter   func(variant int) float64 // nil: no sensor
	ran     int                       // variant that runs
	// takes is how long a job takes.
	takes func(variant int, cold bool) time.Duration
	// differs is how far an answer is from the baseline's.
	differs func(variant int) float64
	every   time.Duration // from the begin of a job to the next
	picks   []int         // jobs by variant, without trials
	trials  []int
	shadows int
	changes []Change
}

func (r *rig) Now() time.Duration { return r.now }
func (r *rig) Share() float64     { return r.share }
func (r *rig) Economy() bool      { return r.economy }
func (r *rig) Correction() (float64, bool) {
	if r.meter == nil {
		return 0, false
	}
	return r.meter(r.ran), true
}

// start makes a machine on which variant i takes hot[i], and half as much more if cold.
func start(t testing.TB, o Options, hot ...time.Duration) *rig {
	t.Helper()
	r := &rig{t: t, share: 1, every: 100 * time.Millisecond}
	r.takes = func(i int, cold bool) time.Duration {
		if cold {
			return hot[i] * 3 / 2
		}
		return hot[i]
	}
	r.differs = func(int) float64 { return 0 }
	o.Modality, o.Clock, o.Heat, o.Meter = model.Vision, r, r, r
	if o.Latency == 0 {
		o.Latency = 100 * time.Millisecond
	}
	if o.Power == 0 {
		o.Power = 2 * physic.Watt
	}
	o.Tell = func(c *Change) { r.changes = append(r.changes, *c) }
	var err error
	if r.s, err = New(o); err != nil {
		t.Fatal(err)
	}
	r.picks, r.trials = make([]int, len(o.Variants)), make([]int, len(o.Variants))
	return r
}

// job does one job and returns what it was.
func (r *rig) job() Pick {
	begin := r.now
	p := r.s.Next()
	if p.Trial {
		r.trials[p.Variant]++
	} else {
		r.picks[p.Variant]++
	}
	r.run(p.Variant)
	if p.Shadow >= 0 {
		r.shadows++
		r.run(p.Shadow)
		r.s.Compared(p.Variant, r.differs(p.Variant))
	}
	r.now = max(r.now, begin+r.every)
	return p
}

func (r *rig) run(i int) {
	took := r.takes(i, i != r.ran)
	r.ran = i
	r.now += took
	r.s.Done(i, took)
}

func (r *rig) jobs(n int) {
	for range n {
		r.job()
	}
}

// uses wants that variant to be in use.
func (r *rig) uses(want string) {
	r.t.Helper()
	if got := r.s.Using(); got != want {
		r.t.Errorf("%s is in use, want %s; %+v", got, want, r.s.Table())
	}
}

// noisy makes times swing by a part of themselves, and one in fifty five times as long.
func noisy(r *rig, part float64) {
	random, takes := rand.New(rand.NewPCG(1, 2)), r.takes
	r.takes = func(i int, cold bool) time.Duration {
		x := float64(takes(i, cold)) * (1 + part*(2*random.Float64()-1))
		if random.IntN(50) == 0 {
			x *= 5
		}
		return time.Duration(x)
	}
}

// three are a baseline, a smaller variant as good, and a large one that is a little better.
func three() []Variant {
	return []Variant{{"base", 0.95, true}, {"small", 0.948, false}, {"large", 0.97, false}}
}

const ms = time.Millisecond
