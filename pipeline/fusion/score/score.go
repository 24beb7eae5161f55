// Package score compares events with a labelled timeline.
//
// The rule is the event-based one of sound event detection (A. Mesaros, T. Heittola and T. Virtanen, "Metrics for
// Polyphonic Sound Event Detection", Applied Sciences 6(6), 2016; sed_eval), on onsets: an event that goes on is right
// when a true interval of the same kind and label began within the collar around it and has not yet ended. Each true
// interval matches one event at most and each event one interval; the matching is the largest possible. An event that
// matches none is a false positive, so an event that flickers is wrong even inside its interval; an interval that
// matches none is a false negative. Offsets do not count, as an event that fails to go off cannot go on again
// for the next interval.
package score

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"atoll/pipeline/fusion"
)

// Interval is a stretch of the timeline in which an event of a kind holds: the truth.
type Interval struct {
	Kind       string        // an event's name
	Label      string        // its state: "on" or a label of a two-sided event
	Start, End time.Duration // on the clock of the events
}

// Collar is how far an event's onset may lie from the true one.
type Collar struct {
	Early time.Duration // before it
	Late  time.Duration // after it
}

// Counts are the outcome for one kind of event.
type Counts struct {
	TruePositives  int
	FalsePositives int
	FalseNegatives int
}

// Precision is the share of events that are right, 1 when there are none.
func (c Counts) Precision() float64 { return share(c.TruePositives, c.FalsePositives) }

// Recall is the share of true intervals that were found, 1 when there are none.
func (c Counts) Recall() float64 { return share(c.TruePositives, c.FalseNegatives) }

func share(right, wrong int) float64 {
	if right+wrong == 0 {
		return 1
	}
	return float64(right) / float64(right+wrong)
}

// Score counts per kind. Events of kinds that collars does not name are left out. It is an error when the truth holds
// an interval of no length, of a kind without a collar, or that overlaps another of its kind.
func Score(truth []Interval, events []fusion.Event, collars map[string]Collar) (map[string]Counts, error) {
	truth = slices.Clone(truth)
	slices.SortStableFunc(truth, func(a, b Interval) int { return cmp.Compare(a.Start, b.Start) })
	if err := check(truth, collars); err != nil {
		return nil, err
	}
	type class struct{ kind, label string }
	intervals, onsets := map[class][]Interval{}, map[class][]time.Duration{}
	for _, in := range truth {
		c := class{in.Kind, in.Label}
		intervals[c] = append(intervals[c], in)
	}
	for _, e := range events {
		if _, ok := collars[e.Name]; ok && e.State != "off" {
			c := class{e.Name, e.State}
			onsets[c] = append(onsets[c], e.At)
		}
	}
	counts := make(map[string]Counts, len(collars))
	for kind := range collars {
		counts[kind] = Counts{}
	}
	add := func(kind string, tp, fp, fn int) {
		c := counts[kind]
		counts[kind] = Counts{c.TruePositives + tp, c.FalsePositives + fp, c.FalseNegatives + fn}
	}
	for c, ins := range intervals {
		n := match(ins, onsets[c], collars[c.kind])
		add(c.kind, n, 0, len(ins)-n)
		add(c.kind, 0, len(onsets[c])-n, 0)
	}
	for c, ons := range onsets {
		if intervals[c] == nil {
			add(c.kind, 0, len(ons), 0)
		}
	}
	return counts, nil
}

// match returns the size of the largest one-to-one matching. The windows in which onsets are right begin and end in the
// order of the intervals, as these do not overlap, so taking both in order is optimal.
func match(intervals []Interval, onsets []time.Duration, collar Collar) (n int) {
	slices.Sort(onsets)
	for _, in := range intervals {
		for len(onsets) > 0 && onsets[0] < in.Start-collar.Early {
			onsets = onsets[1:]
		}
		if len(onsets) > 0 && onsets[0] < in.End && onsets[0] <= in.Start+collar.Late {
			n++
			onsets = onsets[1:]
		}
	}
	return n
}

// check wants truth in the order of its starts.
func check(truth []Interval, collars map[string]Collar) error {
	last := map[string]Interval{}
	for _, in := range truth {
		if _, ok := collars[in.Kind]; !ok {
			return fmt.Errorf("truth %q from %v: no collar for this kind", in.Kind, in.Start)
		}
		if in.End <= in.Start {
			return fmt.Errorf("truth %q from %v: ends at %v, not after its start", in.Kind, in.Start, in.End)
		}
		if prev, ok := last[in.Kind]; ok && in.Start < prev.End {
			return fmt.Errorf("truth %q from %v: overlaps the one from %v to %v", in.Kind, in.Start, prev.Start, prev.End)
		}
		last[in.Kind] = in
	}
	return nil
}
