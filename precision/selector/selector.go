// Package selector picks, for each job of a modality, the variant of its model that
// does it: by the accuracy that was measured when the variant was made, by latency and
// energy as they are measured here and now, by what heat leaves, and by whether its
// answers still agree with the baseline's.
//
// Which variants may be picked: those whose accuracy is known and at least what is
// required, which were measured on this machine, whose 95th percentile of latency keeps
// the budget, and which are not demoted. Of them the Pareto front over accuracy, median
// latency and energy counts, and of that
//
//   - the fastest of those that are as accurate as the most accurate one, to 0.005;
//   - in economy, while heat is short, the one that takes the least energy;
//   - if none is accurate enough, the baseline;
//   - if none keeps the budget, the fastest of those that are accurate enough.
//
// The variant in use stays for a minimum time, and until another is better by a margin.
// The others are tried now and then, so that what is known of them stays true.
package selector

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/model"
)

// What the selector holds to. All are measures against noise and waste, none is tuned
// to a model.
const (
	// MaxDrop is how far below the baseline's accuracy a variant may lie where nothing
	// else is required, and how far its answers may drift from the baseline's.
	MaxDrop = 0.02
	// SameAccuracy is what tests of some hundred inputs can't tell apart.
	SameAccuracy = 0.005
	// Margin is the part by which another variant must be faster, or take less energy,
	// to come into use, and by which it must keep the latency budget then.
	Margin = 0.15
	// Dwell is how long a variant stays in use at least, unless it is demoted.
	Dwell = 5 * time.Second
)

// maxVariants bounds what a decision looks at: pairs of variants.
const maxVariants = 32

// Clock tells the time since some moment.
type Clock interface{ Now() time.Duration }

// Heat is what heat leaves for inference.
type Heat interface {
	// Share is the share of the time that jobs may take, 0 to 1.
	Share() float64
	// Economy reports whether variants that take less energy are preferred.
	Economy() bool
}

// Meter is what a power sensor says of jobs.
type Meter interface {
	// Correction is what was measured lately over what the model of the board said for
	// the same time. There is none without a sensor.
	Correction() (times float64, ok bool)
}

// Variant is one that may be picked.
type Variant struct {
	Name     string
	Accuracy float64 // as measured, 0 to 1; 0: unknown, never picked unless the baseline
	Baseline bool    // on exactly one
}

// Options say what to pick from and by what.
type Options struct {
	Modality model.Modality
	Variants []Variant
	Accuracy float64       // required, 0 to 1; 0: MaxDrop below the baseline's
	Latency  time.Duration // that 95 % of jobs must keep
	Clock    Clock
	Heat     Heat // nil: it limits nothing
	// Power is what the board draws more while a job runs, by a model of the board; 0:
	// unknown, and the energies that are told are those at 1 W.
	Power physic.Power
	Meter Meter // nil: nothing corrects Power
	// Tell is called with every change, if set. It must neither block, nor keep its
	// argument, nor call the selector.
	Tell func(*Change)
}

// Pick says who does a job.
type Pick struct {
	Variant int  // index of the variant
	Shadow  int  // index of the baseline if it is to be run on the same input, else -1
	Trial   bool // the job is also there to see how fast the variant is
}

// Selector picks variants. It is safe for concurrent use, but jobs come one after the
// other: a Done belongs to the Next before it.
type Selector struct {
	o        Options
	required float64
	base     int

	mu       sync.Mutex
	variants []variant
	pareto   []bool // scratch of a decision
	usable   []bool // the same
	current  int
	reason   Reason // why it is in use
	switched bool   // ever
	since    time.Duration

	last    int // variant run last; -1: none yet
	ended   time.Duration
	running time.Duration // since when that variant runs without another between
	sparse  float64       // share of jobs that begin after a pause
	pace    float64       // how slow the machine is, by what runs; see variant.pace
	trying  int           // variant on trial
	left    int           // jobs of that trial
	credit  float64       // shadow runs that may be made
	stats   Stats
}

// Stats counts what a Selector did.
type Stats struct {
	Jobs, Trials, Shadows, Switches, Demoted uint64
}

// variant is one variant and what is known of it.
type variant struct {
	Variant
	hot, cold  timing
	begun      bool          // has run: the first time reads the weights, and isn't counted
	measured   time.Duration // when last
	pace       float64       // the machine's then
	tried      uint64        // jobs on trial
	correction float64       // of the power; 0: unknown
	failures   int           // in a row
	compared   uint64        // with the baseline
	drift      float64       // mean difference from it
	demoted    Reason        // 0: it is not
}

// New makes a selector that has the baseline in use.
func New(o Options) (*Selector, error) {
	s := &Selector{o: o, base: -1, last: -1, trying: -1, pace: 1, credit: 1, required: o.Accuracy}
	if n := len(o.Variants); n == 0 || n > maxVariants {
		return nil, fmt.Errorf("%v: %d variants to pick from, want 1 to %d", o.Modality, n, maxVariants)
	}
	for i, v := range o.Variants {
		if !(v.Accuracy >= 0 && v.Accuracy <= 1) {
			return nil, fmt.Errorf("%v variant %s: accuracy %v, want 0 to 1", o.Modality, v.Name, v.Accuracy)
		}
		if v.Baseline {
			if s.base >= 0 {
				return nil, fmt.Errorf("%v: variants %s and %s are both the baseline", o.Modality, o.Variants[s.base].Name, v.Name)
			}
			s.base = i
		}
		s.variants = append(s.variants, variant{Variant: v})
	}
	switch {
	case s.base < 0:
		return nil, fmt.Errorf("%v: none of %d variants is the baseline", o.Modality, len(o.Variants))
	case !(o.Accuracy >= 0 && o.Accuracy <= 1):
		return nil, fmt.Errorf("%v: accuracy %v is required, want 0 to 1", o.Modality, o.Accuracy)
	case o.Latency <= 0:
		return nil, fmt.Errorf("%v: latency budget %v, want a time above 0", o.Modality, o.Latency)
	case o.Clock == nil:
		return nil, errors.New("selector without a clock")
	}
	if o.Power <= 0 {
		s.o.Power = physic.Watt
	}
	if s.required == 0 {
		s.required = max(0, s.variants[s.base].Accuracy-MaxDrop)
	}
	s.current, s.reason = s.base, Unmeasured
	s.pareto, s.usable = make([]bool, len(s.variants)), make([]bool, len(s.variants))
	return s, nil
}

// Next picks the variant of the next job.
func (s *Selector) Next() Pick {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Clock.Now()
	s.stats.Jobs++
	s.review(now)
	if i, ok := s.trial(now); ok {
		return Pick{Variant: i, Shadow: -1, Trial: true}
	}
	p := Pick{Variant: s.current, Shadow: -1}
	if s.shadow() {
		p.Shadow = s.base
	}
	return p
}

// Done tells that the variant has just done a job, of the pick or as its shadow, and how
// long that took.
func (s *Selector) Done(variant int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.variants[variant].failures = 0
	s.measure(variant, s.o.Clock.Now(), took)
}

// maxFailures is how many failures in a row demote a variant.
const maxFailures = 3

// Failed tells that the variant could not do a job, and that the input is not to blame.
func (s *Selector) Failed(variant int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = -1 // what comes next is cold
	v := &s.variants[variant]
	if v.failures++; v.failures >= maxFailures {
		s.demote(variant, Fails)
	}
}

// Stats returns the counters so far.
func (s *Selector) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Required is the least accuracy of what is picked.
func (s *Selector) Required() float64 { return s.required }

// Using is the name of the variant in use.
func (s *Selector) Using() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.variants[s.current].Name
}

func (s *Selector) economy() bool { return s.o.Heat != nil && s.o.Heat.Economy() }

// demote takes a variant out of use until the program starts again. The baseline is
// never demoted: there is nothing to go back to.
func (s *Selector) demote(i int, why Reason) {
	v := &s.variants[i]
	if i == s.base || v.demoted != 0 {
		return
	}
	v.demoted = why
	s.stats.Demoted++
	if s.trying == i {
		s.left = 0
	}
	s.tell(&Change{Demoted: true, From: v.Name, Reason: why, Drift: v.drift, Compared: v.compared, Failures: v.failures})
	if s.current == i {
		s.review(s.o.Clock.Now())
	}
}

func (s *Selector) tell(c *Change) {
	if s.o.Tell != nil {
		c.At, c.Modality = s.o.Clock.Now(), s.o.Modality
		s.o.Tell(c)
	}
}
