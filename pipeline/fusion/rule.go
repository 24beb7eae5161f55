package fusion

import (
	"math"
	"slices"
	"time"

	"atoll/model"
)

// side is a state of an event: 0 is off, 1 on or positive, -1 negative.
type side int8

const never = time.Duration(math.MaxInt64)

// rule is an EventRule made ready, and where it stands. Its state is a function of the evidence for its own cues and of
// time, so it keeps a time of its own: no other evidence can touch it.
type rule struct {
	index    int // in Fuser.rules
	name     string
	labels   [3]string // of side -1, 0, 1
	twoSided bool
	terms    []term                    // by cue name
	senses   [model.NumModalities]bool // modalities of the cues
	bias     float64
	on, off  float64 // thresholds in log-odds
	dwellOn  time.Duration
	dwellOff time.Duration

	now      time.Duration // all before this is decided
	state    side
	switched time.Duration // when state was last changed
	goal     side          // what the evidence says; becomes state after its dwell
	since    time.Duration // from when the evidence says so

	unsettled bool          // evidence came in since goal and next were computed
	newest    time.Duration // At of the newest of it
	next      time.Duration // when goal or state changes if nothing comes in
}

// term is one cue of a rule.
type term struct {
	cue    int
	weight float64
	needed bool
}

func newRule(index int, e EventRule, cues []cue) rule {
	r := rule{
		index: index, name: e.Name,
		labels: [3]string{e.Negative, stateOff, stateOn},
		bias:   e.Bias, on: logit(e.On), off: logit(e.Off),
		dwellOn: e.DwellOn.Duration, dwellOff: e.DwellOff.Duration,
		next: never,
	}
	if e.Positive != "" {
		r.twoSided, r.labels[2] = true, e.Positive
	}
	for _, name := range sortedKeys(e.Weights) {
		c := slices.IndexFunc(cues, func(c cue) bool { return c.name == name })
		r.senses[cues[c].modality] = true
		r.terms = append(r.terms, term{
			cue:    c,
			weight: e.Weights[name],
			needed: slices.Contains(e.Needs, name),
		})
	}
	r.unsettled = true // a bias alone can decide
	return r
}

func (r *rule) label() string { return r.labels[r.state+1] }

// logOdds returns the rule's sum at t, and whether all it needs is there.
func (r *rule) logOdds(f *Fuser, t time.Duration) (z float64, decided bool) {
	z, decided = r.bias, true
	for _, term := range r.terms {
		tr, l := f.cues[term.cue].strongest(f.sources, t)
		if tr == nil {
			decided = decided && !term.needed
			continue
		}
		z += term.weight * f.sources[tr.source].reliability * l
	}
	return z, decided
}

// goalAt returns the state which the evidence speaks for at t. The threshold to leave a state is lower than that to enter.
func (r *rule) goalAt(f *Fuser, t time.Duration) side {
	z, decided := r.logOdds(f, t)
	switch {
	case !decided:
		return 0
	case z >= r.on:
		return 1
	case r.twoSided && z <= -r.on:
		return -1
	case r.state == 1 && z > r.off:
		return 1
	case r.state == -1 && z < -r.off:
		return -1
	}
	return 0
}

// event describes the change of state that was just made.
func (r *rule) event(f *Fuser) Event {
	z, _ := r.logOdds(f, r.now)
	e := Event{
		Name: r.name, State: r.label(), P: sigmoid(z), At: r.now, Since: r.since,
		Evidence: make([]Contribution, 0, len(r.terms)),
	}
	for _, term := range r.terms {
		c := &f.cues[term.cue]
		tr, l := c.strongest(f.sources, r.now)
		if tr == nil {
			continue
		}
		src := &f.sources[tr.source]
		e.Evidence = append(e.Evidence, Contribution{
			Modality: c.modality, Source: src.name, Cue: c.name,
			P: tr.p, LogOdds: l, Weight: term.weight * src.reliability, Age: r.now - tr.at,
		})
	}
	return e
}

// touch moves the rule to the time of evidence that is about to be applied. Evidence behind the rule's time is applied as
// of that time, since what was decided stays decided.
func (r *rule) touch(f *Fuser, at time.Duration) {
	if at > r.now {
		r.run(f, at)
		r.now = at
	}
	if r.unsettled {
		r.newest = max(r.newest, at)
	} else {
		r.unsettled, r.newest = true, at
	}
}

// run makes all changes up to and including time to. Where a dwell ends at the instant at which the goal changes, the goal
// comes first: a state that nothing speaks for any more is not taken up.
func (r *rule) run(f *Fuser, to time.Duration) {
	r.settle(f)
	for r.next <= to {
		r.now = r.next
		if goal := r.goalAt(f, r.now); goal != r.goal {
			r.goal, r.since = goal, r.now
		} else if r.goal != r.state && r.due() == r.now {
			r.state, r.switched = r.goal, r.now
			f.emit(r.index, r.event(f))
		}
		r.next = r.nextChange(f)
	}
}

// settle takes in the evidence that came since the last change.
func (r *rule) settle(f *Fuser) {
	if !r.unsettled {
		return
	}
	r.unsettled = false
	if goal := r.goalAt(f, r.now); goal != r.goal {
		r.goal = goal
		r.since = max(r.newest, r.switched) // late evidence does not reach behind a decision
	}
	r.next = r.nextChange(f)
}

// due returns when goal has lasted its dwell.
func (r *rule) due() time.Duration {
	dwell := r.dwellOn
	if r.goal == 0 {
		dwell = r.dwellOff
	}
	return max(r.since+dwell, r.now)
}

// nextChange returns the first instant from now on at which state or goal changes without new evidence.
func (r *rule) nextChange(f *Fuser) time.Duration {
	next := r.goalChange(f)
	if r.goal != r.state {
		next = min(next, r.due())
	}
	return next
}

// goalChange returns the first instant after now at which goal changes because evidence fades or becomes stale. It goes
// from one expiry of a track to the next; within such a stretch the sum is smooth.
func (r *rule) goalChange(f *Fuser) time.Duration {
	changed := func(t time.Duration) bool { return r.goalAt(f, t) != r.goal }
	from := r.now
	for {
		end := r.nextExpiry(f, from)
		if end == never {
			return never
		}
		start, turns := from, r.turningPoints(f, from, end)
		for _, turn := range turns.at[:turns.n] {
			to := min(start+time.Duration(turn*float64(time.Second)), end-1)
			if changed(to) {
				return firstTime(from, to, changed)
			}
			from = to
		}
		if last := end - 1; changed(last) {
			return firstTime(from, last, changed)
		}
		if changed(end) {
			return end
		}
		from = end
	}
}

// nextExpiry returns the first instant after t at which a track of the rule's cues becomes absent.
func (r *rule) nextExpiry(f *Fuser, t time.Duration) time.Duration {
	first := never
	for _, term := range r.terms {
		c := &f.cues[term.cue]
		for i := range c.tracks {
			if at := c.expiry(c.tracks[i]); at > t {
				first = min(first, at)
			}
		}
	}
	return first
}

// turningPoints returns where the sum turns between two instants, in seconds after from. The strongest track of a cue stays
// the strongest meanwhile, as all its tracks fade alike.
func (r *rule) turningPoints(f *Fuser, from, to time.Duration) instants {
	var buf [maxTerms]fading
	terms := buf[:0]
	for _, term := range r.terms {
		c := &f.cues[term.cue]
		if tr, l := c.strongest(f.sources, from); tr != nil {
			size := term.weight * f.sources[tr.source].reliability * l
			terms = append(terms, fading{size: size, rate: 1 / c.decay.Seconds()})
		}
	}
	return turningPoints(terms, (to - from).Seconds())
}
