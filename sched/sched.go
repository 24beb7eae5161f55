package sched

import (
	"fmt"
	"slices"
	"time"
)

// Source is what a policy knows of one source of inputs.
type Source struct {
	Name   string
	Worker int           // who runs its jobs, from 0
	Period time.Duration // between inputs; 0: they come when they come
	// Weight is what a job of it is worth against those of others; at least 0.
	Weight float64
	// Deadline is how old an input may be when its job ends.
	Deadline time.Duration
	// StaleAfter is how long an input may wait until a job that took it, or a newer
	// one, has ended (T_max). A still scene is inferred about as often.
	StaleAfter time.Duration
	// Cost is what a job takes at most, as far as one knows before the first.
	Cost time.Duration
	// All is for inputs that are each worth a job, such as texts. Who calls keeps them
	// in line, and tells of the next (Policy.Arrive) when a job took the one before.
	All bool
}

// Job is one inference that a policy asks for, of the newest input of its source.
type Job struct {
	Source   int
	Arrived  time.Duration // when that input came
	Unseen   time.Duration // when the first input came that no job had taken yet
	Deadline time.Duration // when it should have ended
	Value    float64       // to the policy, when it began
	Cause    Cause
	// Inputs is how many it took, where that was more than the newest: who runs it says
	// so to Done.
	Inputs int
}

// Policy decides. Times are of one monotonic clock, since the policy was made. Its
// methods must not be called concurrently, and allocate nothing.
type Policy interface {
	// Arrive tells of the newest input of a source, which takes the place of one that
	// waits. salience is how far it moved from what was last inferred of the source,
	// 0 (nothing new) to 1; see Change.
	Arrive(now time.Duration, source int, salience float64)
	// Next takes the job to begin now, or says that there is none for a free worker.
	// It is to be called until then whenever something happened.
	Next(now time.Duration) (Job, bool)
	// Done tells that a job ended, or failed, after working for took. Once for each.
	Done(now time.Duration, job Job, took time.Duration)
	// Wake is when to call Next again, should nothing happen before. After Next said
	// that there is no job now, it is later than now.
	Wake(now time.Duration) (at time.Duration, ok bool)
	// SetBudget says what share of the workers' time heat allows jobs to take, 0 to 1.
	SetBudget(now time.Duration, share float64)
	// Held reports whether that has held work back since it was asked last.
	Held() bool
}

// Learner is a Policy that learns what fires together before real events.
type Learner interface {
	Policy
	// Event tells that something was really found out: fusion decided an event.
	Event(now time.Duration)
	// State is what was learned, to be kept.
	State() State
	// Restore goes on with what was learned before, of the sources that have the same
	// names; all that is known of others stays. If the state is not sound nothing
	// changes. It does so also with Options.Freeze.
	Restore(State) error
	// Neurons appends how each neuron is now to list.
	Neurons(now time.Duration, list []Neuron) []Neuron
}

// Options make a policy.
type Options struct {
	Sources []Source // at most MaxSources
	Workers int      // default 1
	// Work is how much may be inferred, as a share of what inferring every input would
	// take, above 0 to 1; default 1. EveryFrame ignores it.
	Work float64
	// Explain is called with every decision, if set. It must not keep its argument.
	Explain func(*Decision)
	// Freeze keeps synapses as they are.
	Freeze bool
}

// MaxSources bounds the sources of one policy.
const MaxSources = 64

const maxWorkers = 8

// Bounds of a source's times, so that sums of them and of a clock's don't overflow, and
// currents stay within what a float64 resolves.
const (
	shortest = time.Millisecond
	longest  = 24 * time.Hour
)

// The names of the policies.
const (
	LIF           = "lif"
	EveryFrame    = "every_frame"
	FIFO          = "fifo"
	RoundRobin    = "round_robin"
	RateMonotonic = "rate_monotonic"
	EDF           = "edf"
	EDFInLine     = "edf_in_line" // a newer input keeps the deadline of the one it replaces
	LeastSlack    = "least_slack"
)

// Policies lists them.
func Policies() []string {
	return []string{LIF, EveryFrame, FIFO, RoundRobin, RateMonotonic, EDF, EDFInLine, LeastSlack}
}

// New makes the policy of that name.
func New(name string, o Options) (Policy, error) {
	if o.Workers == 0 {
		o.Workers = 1
	}
	if o.Work == 0 {
		o.Work = 1
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	if name == LIF {
		return newLIF(o), nil
	}
	order, known := orders[name]
	if !order.thins {
		o.Work = 1
	}
	if !known {
		return nil, fmt.Errorf("no scheduling policy %q: there are %v", name, Policies())
	}
	return newClassic(order, o), nil
}

func (o Options) check() error {
	if n := len(o.Sources); n == 0 || n > MaxSources {
		return fmt.Errorf("%d sources to schedule: from 1 to %d", n, MaxSources)
	}
	if o.Workers < 1 || o.Workers > maxWorkers {
		return fmt.Errorf("%d workers to schedule for: from 1 to %d", o.Workers, maxWorkers)
	}
	if !(o.Work > 0 && o.Work <= 1) {
		return fmt.Errorf("work %v of what there is to schedule: above 0, up to 1", o.Work)
	}
	for i, s := range o.Sources {
		switch {
		case s.Worker < 0 || s.Worker >= o.Workers:
			return fmt.Errorf("source %s: worker %d of %d", s.Name, s.Worker, o.Workers)
		case !(s.Weight >= 0) || s.Weight > 1e6:
			return fmt.Errorf("source %s: weight %v: from 0 to 1e6", s.Name, s.Weight)
		case s.StaleAfter < shortest || s.StaleAfter > longest:
			return fmt.Errorf("source %s: stale after %v: from %v to %v", s.Name, s.StaleAfter, shortest, longest)
		case min(s.Deadline, s.Cost) <= 0 || s.Period < 0 || max(s.Deadline, s.Cost, s.Period) > longest:
			return fmt.Errorf("source %s: deadline %v, cost %v, period %v: above 0 (a period also 0), up to %v", s.Name, s.Deadline, s.Cost, s.Period, longest)
		case slices.ContainsFunc(o.Sources[:i], func(x Source) bool { return x.Name == s.Name }):
			return fmt.Errorf("two sources named %s", s.Name)
		}
	}
	return nil
}
