package sim

import (
	"math/rand/v2"
	"time"

	"atoll/sched"
)

// Kind is what sort of inputs a source has.
type Kind string

// The kinds.
const (
	Picture Kind = "picture" // features: sched.Grid
	Sound   Kind = "sound"   // features: sched.BandEnergies
	Text    Kind = "text"    // none: each is new, and is inferred
)

// features is how many an input of the kind has, and floor their least noise.
func (k Kind) features() (n int, floor uint8) {
	switch k {
	case Picture:
		return sched.GridSide * sched.GridSide, sched.GridFloor
	case Sound:
		return sched.Bands, sched.BandsFloor
	}
	return 0, 0
}

// Source is a source of a trace; what it has in common with sched.Source means the
// same.
type Source struct {
	Name       string        `json:"name"`
	Kind       Kind          `json:"kind"`
	Worker     int           `json:"worker"`
	Period     time.Duration `json:"period_ns"`
	Weight     float64       `json:"weight"`
	Deadline   time.Duration `json:"deadline_ns"`
	StaleAfter time.Duration `json:"stale_after_ns"`
	// Seen is how often a model sees in an input the event that is there, 0 to 1.
	Seen float64 `json:"seen"`
	// Service are evenly spaced quantiles of what a job takes, shortest first.
	Service []time.Duration `json:"service_ns"`
}

// Arrival is one input.
type Arrival struct {
	At       time.Duration `json:"at_ns"`
	Source   int           `json:"source"`
	Features []uint8       `json:"features,omitempty"` // as many as its kind has
}

// Event is something that truly happened, to be found out from one source or, fused,
// from all of several.
type Event struct {
	Start   time.Duration `json:"start_ns"`
	End     time.Duration `json:"end_ns"`
	Sources []int         `json:"sources"`
}

// Trace is all that arrives, in order of time, and what was true.
type Trace struct {
	Header
	Arrivals []Arrival
}

// Header is what is known of a trace before anything arrives.
type Header struct {
	Workers int     `json:"workers"`
	Work    float64 `json:"work"` // see sched.Options
	// For is how long it takes. A file may say 0: until its last input.
	For     time.Duration `json:"for_ns"`
	Sources []Source      `json:"sources"`
	Events  []Event       `json:"events"` // in order of their starts
}

// mean is what a job of s takes on average.
func (s Source) mean() time.Duration {
	var sum time.Duration
	for _, q := range s.Service {
		sum += q
	}
	return sum / time.Duration(len(s.Service))
}

// service draws what a job takes; u is from 0 to 1.
func (s Source) service(u float64) time.Duration {
	at := u * float64(len(s.Service)-1)
	k := min(int(at), len(s.Service)-2)
	if k < 0 {
		return s.Service[0]
	}
	return s.Service[k] + time.Duration((at-float64(k))*float64(s.Service[k+1]-s.Service[k]))
}

// Load is how much of all workers' time it would take to infer every input.
func (t Trace) Load() float64 {
	means := make([]time.Duration, len(t.Sources))
	for i, s := range t.Sources {
		means[i] = s.mean()
	}
	all := 0.0
	for _, a := range t.Arrivals {
		all += float64(means[a.Source])
	}
	return all / float64(t.Workers) / float64(t.For)
}

// Scale multiplies all service times so that the load becomes the given one. A trace in
// which nothing arrives stays as it is.
func (t *Trace) Scale(load float64) {
	if len(t.Arrivals) == 0 {
		return
	}
	f := load / t.Load()
	for i := range t.Sources {
		s := &t.Sources[i]
		scaled := make([]time.Duration, len(s.Service))
		for k, q := range s.Service {
			scaled[k] = min(longest, max(1, time.Duration(f*float64(q))))
		}
		s.Service = scaled
	}
}

// drawn is a number from 0 to 1 that depends on nothing but its arguments: what a job
// on an input would take, or see, is the same for all policies.
func drawn(seed uint64, a, b int) float64 {
	r := rand.NewPCG(seed^uint64(a)*0x9e3779b97f4a7c15, uint64(b)*0xbf58476d1ce4e5b9+1)
	r.Uint64()
	return float64(r.Uint64()>>11) / (1 << 53)
}
