package sim

import (
	"container/heap"
	"context"
	"math"
	"slices"
	"time"

	"atoll/sched"
)

// Score is how one policy did.
type Score struct {
	Recall       float64 `json:"recall"`               // true events that were found out
	CPU          float64 `json:"cpu_s_per_h"`          // seconds of all workers an hour
	LatencyP50   float64 `json:"event_latency_p50_ms"` // from the begin of a true event until it was found out
	LatencyP99   float64 `json:"event_latency_p99_ms"`
	DeadlineMiss float64 `json:"deadline_miss_rate"` // jobs that ended late or were dropped, of all that were asked for
	Value        float64 `json:"value"`              // of finished jobs, see worth
	MaxStaleness float64 `json:"max_staleness_ms"`   // longest that an input waited for a job that saw it or a newer one
}

// Options of a run.
type Options struct {
	Seed     uint64
	Policies []string                               // default: all
	Explain  func(policy string, d *sched.Decision) // may be nil
	Progress func()                                 // called after each policy; may be nil
}

// Run runs every policy on the trace.
func Run(ctx context.Context, t Trace, o Options) (map[string]Score, error) {
	if len(o.Policies) == 0 {
		o.Policies = sched.Policies()
	}
	scores := map[string]Score{}
	for _, name := range o.Policies {
		s, err := play(ctx, t, name, o)
		if err != nil {
			return nil, err
		}
		scores[name] = s
		if o.Progress != nil {
			o.Progress()
		}
	}
	return scores, nil
}

// player plays a trace to one policy.
type player struct {
	trace   Trace
	seed    uint64
	policy  sched.Policy
	changes []*sched.Change
	newest  []int // arrival, of each source
	unseen  []time.Duration
	running jobs
	found   [][]time.Duration // when each event was seen in each of its sources; 0: not yet
	open    int               // first event that may not be over
	last    []time.Duration   // when each source's last finished job's input came

	busy          time.Duration
	asked, missed int
	value         float64
	stalest       time.Duration
}

func play(ctx context.Context, t Trace, name string, o Options) (Score, error) {
	p := &player{
		trace: t, seed: o.Seed, newest: make([]int, len(t.Sources)), unseen: make([]time.Duration, len(t.Sources)),
		last: make([]time.Duration, len(t.Sources)), found: make([][]time.Duration, len(t.Events)),
	}
	options := sched.Options{Workers: t.Workers, Work: t.Work}
	if name == sched.EveryFrame {
		options.Work = 1
	}
	if o.Explain != nil {
		options.Explain = func(d *sched.Decision) {
			o.Explain(name, d)
		}
	}
	for i, s := range t.Sources {
		options.Sources = append(options.Sources, sched.Source{
			Name: s.Name, Worker: i % t.Workers, Period: s.Period, Weight: s.Weight,
			Deadline: s.Deadline, StaleAfter: s.StaleAfter, Cost: s.Service[len(s.Service)-1],
		})
		var c *sched.Change
		if n, floor := s.Kind.features(); n > 0 {
			c = sched.NewChange(n, floor)
		}
		p.changes = append(p.changes, c)
		p.unseen[i] = -1
	}
	for i, e := range t.Events {
		p.found[i] = make([]time.Duration, len(e.Sources))
	}
	var err error
	if p.policy, err = sched.New(name, options); err != nil {
		return Score{}, err
	}
	if err := p.run(ctx); err != nil {
		return Score{}, err
	}
	return p.score(), nil
}

// run lets everything happen in order of time.
func (p *player) run(ctx context.Context) error {
	next := 0
	for now := time.Duration(0); ; {
		p.begin(now)
		at := time.Duration(math.MaxInt64)
		if next < len(p.trace.Arrivals) {
			at = p.trace.Arrivals[next].At
		}
		if len(p.running) > 0 {
			at = min(at, p.running[0].end)
		}
		if wake, ok := p.policy.Wake(now); ok {
			at = min(at, max(wake, now+1))
		}
		if at >= p.trace.For {
			return nil
		}
		now = at
		for len(p.running) > 0 && p.running[0].end <= now {
			p.end(heap.Pop(&p.running).(job))
		}
		for ; next < len(p.trace.Arrivals) && p.trace.Arrivals[next].At <= now; next++ {
			if next%4096 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			p.arrive(next)
		}
	}
}

func (p *player) arrive(k int) {
	a := p.trace.Arrivals[k]
	salience := 1.0
	if c := p.changes[a.Source]; c != nil {
		salience = c.See(a.Features)
	}
	p.newest[a.Source] = k
	if p.unseen[a.Source] < 0 {
		p.unseen[a.Source] = a.At
	}
	p.policy.Arrive(a.At, a.Source, salience)
}

// begin starts jobs on all free workers.
func (p *player) begin(now time.Duration) {
	for {
		j, ok := p.policy.Next(now)
		if !ok {
			return
		}
		if c := p.changes[j.Source]; c != nil {
			c.Inferred()
		}
		input := p.newest[j.Source]
		took := p.trace.Sources[j.Source].service(drawn(p.seed, input, -1))
		heap.Push(&p.running, job{j, input, p.unseen[j.Source], now, now + took})
		p.unseen[j.Source] = -1
	}
}

func (p *player) end(j job) {
	now, took := j.end, j.end-j.began
	p.policy.Done(now, j.Job, took)
	p.busy += took
	p.asked++
	if now > j.Deadline {
		p.missed++
	}
	p.stalest = max(p.stalest, now-j.unseen)
	p.value += p.worth(now, j)
	p.last[j.Source] = p.trace.Arrivals[j.input].At
}

// worth is the value of a finished job: its source's weight if it is the one that
// finds out an event, less the longer that took, and nothing after Useful; and a tenth of it
// for telling how things are, by how long that was not known, which all jobs together
// can earn only once. A late job is worth nothing.
func (p *player) worth(now time.Duration, j job) float64 {
	s := p.trace.Sources[j.Source]
	at := p.trace.Arrivals[j.input].At
	value := 0.0
	for p.open < len(p.trace.Events) && p.trace.Events[p.open].End+10*time.Second < at {
		p.open++
	}
	for k := p.open; k < len(p.trace.Events) && p.trace.Events[k].Start <= at; k++ {
		e := p.trace.Events[k]
		which := slices.Index(e.Sources, j.Source)
		if which < 0 || at > e.End || p.found[k][which] != 0 || drawn(p.seed, j.input, e.Sources[which]) >= s.Seen {
			continue
		}
		p.found[k][which] = now
		if p.decided(k) == 0 {
			continue
		}
		if l, ok := p.policy.(sched.Learner); ok {
			l.Event(now)
		}
		value += p.trace.reward(e, now)
	}
	if now > j.Deadline {
		return 0
	}
	return value + 0.1*s.Weight*min(1, float64(at-p.last[j.Source])/float64(s.StaleAfter))
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

// decided is when event k was known from all its sources, 0 if it was not.
func (p *player) decided(k int) (at time.Duration) {
	for _, t := range p.found[k] {
		if t == 0 {
			return 0
		}
		at = max(at, t)
	}
	return at
}

func (p *player) score() Score {
	var latencies []float64
	for k, e := range p.trace.Events {
		if at := p.decided(k); at > 0 {
			latencies = append(latencies, float64(at-e.Start)/float64(time.Millisecond))
		}
	}
	for _, u := range p.unseen {
		if u >= 0 {
			p.stalest = max(p.stalest, p.trace.For-u)
		}
	}
	slices.Sort(latencies)
	return Score{
		Recall:       ratio(len(latencies), len(p.trace.Events)),
		CPU:          3600 * p.busy.Seconds() / p.trace.For.Seconds(),
		LatencyP50:   at(latencies, 0.5),
		LatencyP99:   at(latencies, 0.99),
		DeadlineMiss: ratio(p.missed, p.asked),
		Value:        p.value,
		MaxStaleness: float64(p.stalest) / float64(time.Millisecond),
	}
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// at is a quantile of a sorted list.
func at(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// job is one that runs.
type job struct {
	sched.Job
	input      int
	unseen     time.Duration
	began, end time.Duration
}

// jobs is a heap, by end.
type jobs []job

func (h jobs) Len() int           { return len(h) }
func (h jobs) Less(i, j int) bool { return h[i].end < h[j].end }
func (h jobs) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *jobs) Push(x any)        { *h = append(*h, x.(job)) }
func (h *jobs) Pop() any {
	last := len(*h) - 1
	j := (*h)[last]
	*h = (*h)[:last]
	return j
}
