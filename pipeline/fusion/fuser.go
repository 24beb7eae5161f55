package fusion

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"atoll/model"
)

const (
	maxSources = 32      // sources are fixed at the start of a run
	maxPending = 64      // events that wait for Advance
	maxTime    = 1 << 62 // ns: leaves room to add periods without overflow
)

// Fuser turns evidence into events. It is not safe for concurrent use and starts no goroutine: one owner calls it.
type Fuser struct {
	cues     []cue
	rules    []rule
	sources  []source
	pending  []decision // decided, not yet handed out
	counters Counters
}

// decision is an event and the index of the rule that made it.
type decision struct {
	rule  int
	event Event
}

// New returns a Fuser for the rules, or the *RuleError of Rules.Validate.
func New(rules Rules) (*Fuser, error) {
	if err := rules.Validate(); err != nil {
		return nil, fmt.Errorf("fusion rules: %w", err)
	}
	f := &Fuser{pending: make([]decision, 0, maxPending)}
	for _, c := range rules.Cues {
		m, err := model.ParseModality(c.Modality)
		if err != nil {
			return nil, fmt.Errorf("fusion rules: %w", err)
		}
		f.cues = append(f.cues, newCue(c, m))
	}
	for _, e := range rules.Events {
		f.rules = append(f.rules, newRule(len(f.rules), e, f.cues))
	}
	return f, nil
}

// Observe takes in one piece of evidence; now is the present time of the run's clock. It counts as a success of the
// source. Evidence that cannot be used is counted and left out.
func (f *Fuser) Observe(now time.Duration, e Evidence) {
	c := f.cueOf(e)
	if c < 0 {
		f.counters.Unknown++
		return
	}
	if !(e.P >= 0 && e.P <= 1) || e.At < 0 {
		f.counters.Invalid++
		f.Failure(now, e.Modality, e.Source)
		return
	}
	s := f.sourceOf(e.Modality, e.Source)
	if s < 0 {
		f.counters.Crowded++
		return
	}
	at := clampTime(e.At)
	if now = clampTime(now); at > now {
		f.counters.Ahead++
		at = now
	}
	t := f.cues[c].trackOf(s)
	if t >= 0 && at < f.cues[c].tracks[t].at {
		f.counters.Behind++
		return
	}
	f.touch(e.Modality, at)
	f.sources[s].succeed()
	f.cues[c].observe(t, s, e.P, at)
}

// Failure takes in that a job of a source failed: its evidence counts less until it succeeds again.
func (f *Fuser) Failure(now time.Duration, m model.Modality, source string) {
	if m >= model.NumModalities {
		f.counters.Unknown++
		return
	}
	s := f.sourceOf(m, source)
	if s < 0 {
		f.counters.Crowded++
		return
	}
	f.touch(m, clampTime(now))
	f.sources[s].fail()
}

// Advance makes all changes that are due by now and appends the events to dst, in the order of their At and, within
// it, of the rules. An event can have an At before that of one handed out earlier, when its evidence came later; the
// events of one rule are always in order.
func (f *Fuser) Advance(now time.Duration, dst []Event) []Event {
	now = clampTime(now)
	for i := range f.rules {
		f.rules[i].run(f, now)
	}
	slices.SortStableFunc(f.pending, func(a, b decision) int {
		return cmp.Or(cmp.Compare(a.event.At, b.event.At), cmp.Compare(a.rule, b.rule))
	})
	for i := range f.pending {
		dst = append(dst, f.pending[i].event)
	}
	clear(f.pending)
	f.pending = f.pending[:0]
	return dst
}

// NextDeadline returns when Advance is to be called next if no evidence comes in: the earliest instant at which a dwell
// ends or evidence fades past a threshold or becomes stale in a way that matters. It returns false when nothing will change by
// itself. Advance before that instant does nothing; the instant may be in the past, then Advance is due at once.
func (f *Fuser) NextDeadline() (time.Duration, bool) {
	next := never
	for i := range f.rules {
		f.rules[i].settle(f)
		next = min(next, f.rules[i].next)
	}
	if len(f.pending) > 0 {
		next = 0
	}
	return next, next != never
}

// State returns a snapshot as of now. It changes nothing.
func (f *Fuser) State(now time.Duration) State {
	now = clampTime(now)
	s := State{Sources: make([]SourceState, len(f.sources)), Events: make([]EventState, len(f.rules)), Counters: f.counters}
	for i, src := range f.sources {
		s.Sources[i] = SourceState{
			Modality: src.modality, Source: src.name, Reliability: src.reliability,
			Observations: src.observations, Failures: src.failures, Cues: []CueState{},
		}
	}
	for i := range f.cues {
		c := &f.cues[i]
		for _, tr := range c.tracks {
			state := CueState{Cue: c.name, Age: max(now-tr.at, 0), Present: c.present(tr, now)}
			if state.Present {
				state.LogOdds = c.at(tr, max(now, tr.at))
			}
			cues := &s.Sources[tr.source].Cues
			*cues = append(*cues, state)
		}
	}
	for i := range f.rules {
		r := &f.rules[i]
		z, decided := r.logOdds(f, max(now, r.now))
		s.Events[i] = EventState{Name: r.name, State: r.label(), P: sigmoid(z), Decided: decided, Since: r.switched}
	}
	return s
}

// touch readies the rules that use a modality for a change of its evidence at the given time.
func (f *Fuser) touch(m model.Modality, at time.Duration) {
	for i := range f.rules {
		if f.rules[i].senses[m] {
			f.rules[i].touch(f, at)
		}
	}
}

// emit queues the event that a rule has just decided.
func (f *Fuser) emit(i int, e Event) {
	if len(f.pending) == maxPending {
		f.counters.Dropped++
		f.pending = slices.Delete(f.pending, 0, 1)
	}
	f.pending = append(f.pending, decision{rule: i, event: e})
}

// cueOf returns the index of the evidence's cue, or -1.
func (f *Fuser) cueOf(e Evidence) int {
	for i := range f.cues {
		if f.cues[i].name == e.Cue && f.cues[i].modality == e.Modality {
			return i
		}
	}
	return -1
}

// sourceOf returns the index of a source, which it adds when it is new, or -1 when there are too many.
func (f *Fuser) sourceOf(m model.Modality, name string) int {
	for i := range f.sources {
		if f.sources[i].name == name && f.sources[i].modality == m {
			return i
		}
	}
	if len(f.sources) == maxSources {
		return -1
	}
	f.sources = append(f.sources, source{modality: m, name: name, reliability: fullReliability})
	return len(f.sources) - 1
}

func clampTime(t time.Duration) time.Duration { return min(max(t, 0), maxTime) }
