package sched

import (
	"fmt"
	"time"
)

// Cause is why a job was asked for.
type Cause uint8

// The causes.
const (
	Arrival   Cause = iota // every input is inferred: so says its source or the policy
	Salience               // the input moved far enough from what was last inferred
	Urgency                // nothing was inferred for long enough
	Spikes                 // others fired that used to fire before real events
	StaleSoon              // it would become stale: before this nothing else counts
)

var causeNames = [...]string{"arrival", "salience", "urgency", "spikes", "stale soon"}

// String is the cause in words.
func (c Cause) String() string {
	if int(c) >= len(causeNames) {
		return fmt.Sprintf("cause(%d)", int(c))
	}
	return causeNames[c]
}

// Verdict is what was decided.
type Verdict uint8

// The verdicts.
const (
	Fired    Verdict = iota // a job waits for its worker
	Begun                   // a job begins
	GaveWay                 // overload: the job that is worth least for its time waits, for another's deadline
	TooLate                 // a job can hardly end before its own deadline: others go first
	Dropped                 // a newer input took the place of one that waited, as it gave way
	HeldBack                // no credit: from now on the budget allows no job
)

// Decision is one decision with its reasons.
type Decision struct {
	At        time.Duration
	Verdict   Verdict
	Cause     Cause
	Source    string
	Potential float64 // of the neuron, as is what it's made of
	Threshold float64
	Salience  float64
	Spikes    float64
	Staleness time.Duration // of the input that has waited longest
	Value     float64
	Cost      time.Duration // expected
	Deadline  time.Duration
	For       string // GaveWay: whose deadline could not be met else
	Credit    time.Duration
}

// String is one line for people.
func (d *Decision) String() string {
	at := fmt.Sprintf("%10.3fs  %-12s", d.At.Seconds(), d.Source)
	switch d.Verdict {
	case Fired:
		return fmt.Sprintf("%s fires for %v: potential %.2f of %.2f (salience %.2f, spikes %.2f, urgency %.2f), unseen %v",
			at, d.Cause, d.Potential, d.Threshold, d.Salience, d.Spikes, d.urgency(), ms(d.Staleness))
	case Begun:
		return fmt.Sprintf("%s begins for %v: value %.3g, takes about %v, due %s", at, d.Cause, d.Value, ms(d.Cost), d.due())
	case GaveWay:
		return fmt.Sprintf("%s gives way: too much for the deadline of %s; value %.3g for %v is least", at, d.For, d.Value, ms(d.Cost))
	case TooLate:
		return fmt.Sprintf("%s gives way: takes about %v, due %s", at, ms(d.Cost), d.due())
	case Dropped:
		return fmt.Sprintf("%s dropped: a newer input takes the place of one that waited for %v", at, ms(d.Staleness))
	default:
		return fmt.Sprintf("%s held back: what heat and thrift allow is used up, credit %v", at, ms(d.Credit))
	}
}

// urgency is what is left of the potential, and never less than nothing by rounding.
func (d *Decision) urgency() float64 { return max(0, d.Potential-d.Salience-d.Spikes) }

func (d *Decision) due() string {
	if d.Deadline < d.At {
		return fmt.Sprintf("%v ago", ms(d.At-d.Deadline))
	}
	return fmt.Sprintf("in %v", ms(d.Deadline-d.At))
}

func ms(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
