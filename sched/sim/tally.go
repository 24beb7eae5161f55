package sim

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Score is how one policy did.
type Score struct {
	// Recall is the share of true events that were found out: from each of their
	// sources a job saw it in an input that came while it lasted. Of what is fused from
	// several sources, one may have been seen as long before the others as fusion
	// remembers.
	Recall float64 `json:"recall"`
	// CPU is the seconds that jobs took, of all workers, in an hour.
	CPU float64 `json:"cpu_s_per_h"`
	// LatencyP50 and LatencyP99 are quantiles of the time from the begin of a true
	// event to the end of the job that found it out. One that was not found out counts
	// with how long it lasted.
	LatencyP50 float64 `json:"event_latency_p50_ms"`
	LatencyP99 float64 `json:"event_latency_p99_ms"`
	// DeadlineMiss is the share of jobs at whose end their input was older than its
	// source's deadline. Inputs in whose place newer ones were inferred don't count.
	DeadlineMiss float64 `json:"deadline_miss_rate"`
	// Value is the sum of what all jobs were worth.
	Value float64 `json:"value"`
	// MaxStaleness is the longest that an input waited until a job ended that saw it or
	// a newer one of its source, or the trace did.
	MaxStaleness float64 `json:"max_staleness_ms"`
	// Overdue is the same as a share of the source's StaleAfter, largest of all sources.
	Overdue float64 `json:"-"`
}

// tally keeps the score of one policy.
type tally struct {
	trace *Trace
	parts [][]part        // of each event, by its sources
	found []time.Duration // when each event was found out, or none
	open  [][]int         // events of each source by their parts' begins, but for the first that are over
	known []time.Duration // when the input of each source's last job came

	busy         time.Duration
	ends, missed int
	value        float64
	stalest      []time.Duration // of each source
}

// part is what there is of an event to see in one of its sources.
type part struct {
	from time.Duration // on; it was on that long before the event, or fusion forgot
	seen time.Duration // when the input came in which it was seen last, or none
}

// remembers is how long fusion goes by what was seen or heard: pipeline/fusion/default.toml.
var remembers = map[Kind]time.Duration{Picture: 5 * time.Second, Sound: time.Second, Text: 30 * time.Second}

func newTally(t *Trace) tally {
	y := tally{
		trace: t, open: make([][]int, len(t.Sources)),
		known: make([]time.Duration, len(t.Sources)), stalest: make([]time.Duration, len(t.Sources)),
	}
	for k, e := range t.Events {
		parts := make([]part, len(e.Sources))
		for which, i := range e.Sources {
			parts[which] = part{t.since(i, e.Start), none}
			y.open[i] = append(y.open[i], k)
		}
		y.parts = append(y.parts, parts)
		y.found = append(y.found, none)
	}
	for i, list := range y.open {
		slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(y.part(a, i).from, y.part(b, i).from) })
	}
	return y
}

// since is from when on what is to be seen in a source at a time could be seen, and not
// be forgotten until then.
func (t *Trace) since(source int, at time.Duration) time.Duration {
	from := at
	for _, e := range t.Events {
		if len(e.Sources) == 1 && e.Sources[0] == source && e.Start < at && at <= e.End {
			from = min(from, max(e.Start, at-remembers[t.Sources[source].Kind]))
		}
	}
	return from
}

// part is that of event k in one of its sources.
func (y *tally) part(k, source int) *part {
	return &y.parts[k][slices.Index(y.trace.Events[k].Sources, source)]
}

// ended counts a job, whose model sees what is there if seen is less than the
// source's, and reports whether it found out an event.
func (y *tally) ended(j job, seen float64) bool {
	s := &y.trace.Sources[j.Source]
	came := y.trace.Arrivals[j.input].At
	y.busy += j.end - j.began
	y.ends++
	y.stale(j.Source, j.end-j.unseen)
	events := 0.0
	any := false
	if seen < s.Seen {
		events, any = y.look(j.Source, came, j.end)
	}
	if j.end-came > s.Deadline {
		y.missed++
	} else {
		y.value += events + refresh*s.Weight*min(1, float64(came-y.known[j.Source])/float64(s.StaleAfter))
	}
	y.known[j.Source] = came
	return any
}

// refresh is what it is worth to tell how things are when that was not known for
// StaleAfter, as a share of the source's weight. All jobs together can earn it only
// once in that time.
const refresh = 0.1

// look sees in an input of a source that came at a time which events are there, and
// returns what those are worth that are found out by that.
func (y *tally) look(source int, came, now time.Duration) (value float64, any bool) {
	// Jobs of one source end in order of their inputs: what is over for one is so for all
	// that follow.
	open := y.open[source]
	for len(open) > 0 && y.trace.Events[open[0]].End < came {
		open = open[1:]
	}
	y.open[source] = open
	for _, k := range open {
		p := y.part(k, source)
		if p.from > came {
			break
		}
		if y.found[k] != none || y.trace.Events[k].End < came {
			continue
		}
		if p.seen = came; y.together(k, came) {
			y.found[k] = max(now, y.trace.Events[k].Start)
			any = true
			value += y.trace.reward(y.trace.Events[k], now)
		}
	}
	return value, any
}

// together reports whether all of event k was seen and is remembered.
func (y *tally) together(k int, now time.Duration) bool {
	for which, p := range y.parts[k] {
		source := y.trace.Sources[y.trace.Events[k].Sources[which]]
		if p.seen == none || p.seen < now-remembers[source.Kind] {
			return false
		}
	}
	return true
}

// reward is what it is worth to find out an event now: as much as the weightiest of
// its sources until the longest of their deadlines has passed since it began, then
// less and less, and nothing after twice that time.
func (t *Trace) reward(e Event, now time.Duration) float64 {
	weight, deadline := 0.0, time.Duration(0)
	for _, i := range e.Sources {
		weight, deadline = max(weight, t.Sources[i].Weight), max(deadline, t.Sources[i].Deadline)
	}
	return weight * max(0, min(1, 2-float64(now-e.Start)/float64(deadline)))
}

func (y *tally) stale(source int, waited time.Duration) {
	y.stalest[source] = max(y.stalest[source], waited)
}

func (y *tally) score() Score {
	s := Score{
		CPU:          y.busy.Hours() * 3600 / y.trace.For.Hours(),
		DeadlineMiss: ratio(y.missed, y.ends),
		Value:        y.value,
	}
	var latencies []time.Duration
	found := 0
	for k, e := range y.trace.Events {
		at := y.found[k]
		if at != none {
			found++
		} else {
			at = e.End
		}
		latencies = append(latencies, at-e.Start)
	}
	slices.Sort(latencies)
	s.Recall = ratio(found, len(latencies))
	s.LatencyP50, s.LatencyP99 = Quantile(latencies, 0.5), Quantile(latencies, 0.99)
	for i, waited := range y.stalest {
		s.MaxStaleness = max(s.MaxStaleness, ms(waited))
		s.Overdue = max(s.Overdue, float64(waited)/float64(y.trace.Sources[i].StaleAfter))
	}
	return s
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Quantile is the value, in ms, that a share q of a sorted list does not exceed: the
// nearest rank. Of nothing it is 0.
func Quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return ms(sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)])
}
