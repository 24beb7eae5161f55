package sim

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"atoll/sched"
)

// player plays a trace to one policy.
type player struct {
	trace   *Trace
	seed    uint64
	policy  sched.Policy
	changes []*sched.Change // of each source; nil where every input is new
	newest  []int           // arrival of each source, that its next job will infer
	line    [][]int         // arrivals of each source that wait behind that one
	unseen  []time.Duration // when the first input came that no job took, or none
	running []job           // by end
	tally   tally
}

const none = -1

// job is one that runs.
type job struct {
	sched.Job
	input      int // the arrival that it infers
	unseen     time.Duration
	began, end time.Duration
}

func newPlayer(t *Trace, name string, o Options) (*player, error) {
	p := &player{
		trace: t, seed: o.Seed, changes: make([]*sched.Change, len(t.Sources)),
		newest: make([]int, len(t.Sources)), line: make([][]int, len(t.Sources)),
		unseen: make([]time.Duration, len(t.Sources)), tally: newTally(t),
	}
	options := sched.Options{Workers: t.Workers, Work: t.Work, Explain: o.Explain}
	for i, s := range t.Sources {
		options.Sources = append(options.Sources, sched.Source{
			Name: s.Name, Worker: s.Worker, Period: s.Period, Weight: s.Weight,
			Deadline: s.Deadline, StaleAfter: s.StaleAfter, Cost: s.Service[len(s.Service)-1],
			All: s.Kind == Text,
		})
		// Only ours looks at how new an input is, and to find out takes most of the time.
		if n, floor := s.Kind.features(); n > 0 && name == sched.LIF {
			p.changes[i] = sched.NewChange(n, floor)
		}
		p.unseen[i] = none
	}
	var err error
	p.policy, err = sched.New(name, options)
	return p, err
}

// run lets everything happen in order of time, until ctx ends.
func (p *player) run(ctx context.Context) {
	next := 0 // arrival
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
			return
		}
		now = at
		for len(p.running) > 0 && p.running[0].end <= now {
			p.end(p.running[0])
			p.running = slices.Delete(p.running, 0, 1)
		}
		for ; next < len(p.trace.Arrivals) && p.trace.Arrivals[next].At <= now; next++ {
			if next%4096 == 0 && ctx.Err() != nil {
				return
			}
			p.arrive(next)
		}
	}
}

// arrive takes an input in. It takes the place of one that waits, but for a text.
func (p *player) arrive(k int) {
	a := p.trace.Arrivals[k]
	if p.trace.Sources[a.Source].Kind == Text && p.unseen[a.Source] != none {
		p.line[a.Source] = append(p.line[a.Source], k)
		return
	}
	p.tell(a.At, k)
}

// tell tells the policy of an input.
func (p *player) tell(now time.Duration, k int) {
	a := p.trace.Arrivals[k]
	salience := 1.0
	if c := p.changes[a.Source]; c != nil {
		salience = c.See(a.Features)
	}
	p.newest[a.Source] = k
	if p.unseen[a.Source] == none {
		p.unseen[a.Source] = a.At
	}
	p.policy.Arrive(now, a.Source, salience)
}

// begin starts jobs on all free workers.
func (p *player) begin(now time.Duration) {
	for {
		next, ok := p.policy.Next(now)
		if !ok {
			return
		}
		i := next.Source
		if c := p.changes[i]; c != nil {
			c.Inferred()
		}
		took := p.trace.Sources[i].service(drawn(p.seed, p.newest[i], none))
		j := job{next, p.newest[i], p.unseen[i], now, now + took}
		at, _ := slices.BinarySearchFunc(p.running, j, func(a, b job) int { return cmp.Compare(a.end, b.end) })
		p.running = slices.Insert(p.running, at, j)
		p.unseen[i] = none
		if len(p.line[i]) > 0 {
			p.tell(now, p.line[i][0])
			p.line[i] = p.line[i][1:]
		}
	}
}

func (p *player) end(j job) {
	p.policy.Done(j.end, j.Job, j.end-j.began)
	if p.tally.ended(j, drawn(p.seed, j.input, j.Source)) {
		if l, ok := p.policy.(sched.Learner); ok {
			l.Event(j.end)
		}
	}
}

func (p *player) score() Score {
	for _, j := range p.running {
		p.tally.stale(j.Source, p.trace.For-j.unseen)
	}
	for i, u := range p.unseen {
		if u != none {
			p.tally.stale(i, p.trace.For-u)
		}
	}
	return p.tally.score()
}
