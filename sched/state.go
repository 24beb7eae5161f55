package sched

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// StateVersion is that of State as JSON.
const StateVersion = 1

// State is what a Learner has learned, to be kept while the device is off.
type State struct {
	Version int           `json:"version"`
	Sources []SourceState `json:"sources"`
	// Weights of the synapses: from the source of the row to that of the column, in
	// thresholds at rest, 0 to MaxSynapse.
	Weights [][]float32 `json:"weights"`
}

// SourceState is what was learned of one source's jobs.
type SourceState struct {
	Name string `json:"name"`
	// Hot and Cold are what jobs take right after another of the source, and after a
	// pause; zero if that is not known.
	Hot  Latency `json:"hot"`
	Cold Latency `json:"cold"`
}

// Latency is what one kind of job takes.
type Latency struct {
	Mean time.Duration `json:"mean_ns"`
	High time.Duration `json:"high_ns"` // 95 % take less
	Most time.Duration `json:"most_ns"`
}

// MaxState bounds a state's JSON, in bytes: several times what MaxSources take.
const MaxState = 1 << 20

// ParseState reads a state in JSON. Whether it is sound is for Restore to say.
func ParseState(data []byte) (State, error) {
	var s State
	if len(data) > MaxState {
		return State{}, fmt.Errorf("state of the scheduler: %d bytes: at most %d", len(data), MaxState)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return State{}, fmt.Errorf("state of the scheduler: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return State{}, errors.New("state of the scheduler: more follows its end")
	}
	return s, nil
}

func (s State) check() error {
	if s.Version != StateVersion {
		return fmt.Errorf("version %d, not %d", s.Version, StateVersion)
	}
	if n := len(s.Sources); n > MaxSources || len(s.Weights) != n {
		return fmt.Errorf("%d sources and weights of %d: as many, up to %d", n, len(s.Weights), MaxSources)
	}
	names := map[string]bool{}
	for i, source := range s.Sources {
		if source.Name == "" || names[source.Name] {
			return fmt.Errorf("source %d is named %q: each by a name of its own", i, source.Name)
		}
		names[source.Name] = true
		if err := errors.Join(source.Hot.check(), source.Cold.check()); err != nil {
			return fmt.Errorf("source %s: %w", source.Name, err)
		}
		if len(s.Weights[i]) != len(s.Sources) {
			return fmt.Errorf("source %s: %d weights for %d sources", source.Name, len(s.Weights[i]), len(s.Sources))
		}
		for j, w := range s.Weights[i] {
			if !(w >= 0 && w <= MaxSynapse) || i == j && w != 0 {
				return fmt.Errorf("source %s: weight %v to %s: from 0 to %v, to itself 0", source.Name, w, s.Sources[j].Name, MaxSynapse)
			}
		}
	}
	return nil
}

func (l Latency) check() error {
	if l != (Latency{}) && !(l.Mean > 0 && l.Mean <= min(l.High, l.Most) && max(l.High, l.Most) <= longest) {
		return fmt.Errorf("jobs take %v on average, mostly up to %v, at most %v: none of them below the first, from above 0 to %v", l.Mean, l.High, l.Most, longest)
	}
	return nil
}

// State implements Learner.
func (p *lif) State() State {
	s := State{Version: StateVersion}
	for i := range p.neurons {
		n := &p.neurons[i]
		s.Sources = append(s.Sources, SourceState{n.Name, n.cost.hot.state(), n.cost.cold.state()})
		s.Weights = append(s.Weights, append([]float32(nil), p.synapses.row(i)...))
	}
	return s
}

// Restore implements Learner.
func (p *lif) Restore(s State) error {
	if err := s.check(); err != nil {
		return fmt.Errorf("state of the scheduler: %w", err)
	}
	now := make([]int, len(s.Sources)) // which source each of the state's is, or -1
	for k, source := range s.Sources {
		now[k] = p.named(source.Name)
		if now[k] >= 0 {
			c := &p.neurons[now[k]].cost
			c.hot.restore(source.Hot)
			c.cold.restore(source.Cold)
		}
	}
	for k, i := range now {
		for l, j := range now {
			if i >= 0 && j >= 0 {
				p.synapses.row(i)[j] = s.Weights[k][l]
			}
		}
	}
	for w := range p.workers {
		p.reserve(w)
	}
	for i := range p.neurons {
		p.weigh(i)
	}
	return nil
}

// named returns the index of the source of that name, or -1.
func (p *lif) named(name string) int {
	for i := range p.neurons {
		if p.neurons[i].Name == name {
			return i
		}
	}
	return -1
}

// Neuron is how one neuron is now.
type Neuron struct {
	Name      string        `json:"name"`
	Potential float64       `json:"potential"`
	Threshold float64       `json:"threshold"`
	Staleness time.Duration `json:"staleness_ns"` // of the input that has waited longest for a job
	Waiting   bool          `json:"waiting"`      // a job waits
	Running   bool          `json:"running"`
	Mean      time.Duration `json:"mean_ns"` // what a job takes, as far as one knows
	High      time.Duration `json:"high_ns"`
	GaveWay   uint64        `json:"gave_way"` // jobs, since the policy was made
	Dropped   uint64        `json:"dropped"`  // of them, inputs that a newer one replaced before the job began
}

// Neurons implements Learner.
func (p *lif) Neurons(now time.Duration, list []Neuron) []Neuron {
	for i := range p.neurons {
		n := p.neurons[i]
		p.advance(now, &n)
		s := Neuron{
			Name: n.Name, Potential: n.v, Threshold: p.threshold(now, i), Waiting: n.waiting, Running: n.running,
			Mean: n.cost.mean(now), High: n.cost.high(now), GaveWay: n.gaveWay, Dropped: n.dropped,
		}
		if n.fresh {
			s.Staleness = max(0, now-n.unseen)
		}
		list = append(list, s)
	}
	return list
}
