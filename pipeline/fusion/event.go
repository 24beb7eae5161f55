package fusion

import (
	"time"

	"atoll/model"
)

// The states of an event that is not two-sided; off is also the state of a two-sided one that is on neither side.
const (
	stateOn  = "on"
	stateOff = "off"
)

// Evidence is what one job says: the probability that a cue holds.
type Evidence struct {
	Modality model.Modality
	Source   string        // name of the source, such as a camera's
	Cue      string        // name of a cue of the rules
	P        float64       // the model's probability, 0 to 1
	At       time.Duration // when the input was taken, on the monotonic clock of the run
}

// Event is one change of state that a rule decided.
type Event struct {
	Name     string         `json:"name"`
	State    string         `json:"state"` // "on", "off" or a label of a two-sided event
	P        float64        `json:"p"`     // probability of the event (two-sided: of its positive side) at At
	At       time.Duration  `json:"at_ns"` // when the state changed
	Since    time.Duration  `json:"since_ns"`
	Evidence []Contribution `json:"evidence"` // by cue name; empty when everything the rule uses is absent
}

// Contribution is the part one source has in an event.
type Contribution struct {
	Modality model.Modality `json:"modality"`
	Source   string         `json:"source"`
	Cue      string         `json:"cue"`
	P        float64        `json:"p"`        // the model's probability in the last observation
	LogOdds  float64        `json:"log_odds"` // the calibrated, combined and faded estimate
	Weight   float64        `json:"weight"`   // the rule's weight times the source's reliability
	Age      time.Duration  `json:"age_ns"`   // since the last observation
}

// State is a snapshot for status pages and metrics.
type State struct {
	Sources  []SourceState `json:"sources"` // in the order in which they were first seen
	Events   []EventState  `json:"events"`  // in the order of the rules
	Counters Counters      `json:"counters"`
}

// SourceState tells how far a source is trusted.
type SourceState struct {
	Modality     model.Modality `json:"modality"`
	Source       string         `json:"source"`
	Reliability  float64        `json:"reliability"` // 0 to 1
	Observations uint64         `json:"observations"`
	Failures     uint64         `json:"failures"`
	Cues         []CueState     `json:"cues"`
}

// CueState is the estimate of one cue of a source.
type CueState struct {
	Cue     string        `json:"cue"`
	Present bool          `json:"present"`  // false once the evidence is stale
	LogOdds float64       `json:"log_odds"` // 0 when absent
	Age     time.Duration `json:"age_ns"`   // since the last observation
}

// EventState is the current state of one event.
type EventState struct {
	Name    string        `json:"name"`
	State   string        `json:"state"`
	P       float64       `json:"p"`
	Decided bool          `json:"decided"`  // false while a cue the rule needs is absent
	Since   time.Duration `json:"since_ns"` // of the last change, 0 before the first
}

// Counters count evidence that was not used as it came.
type Counters struct {
	Ahead   uint64 `json:"ahead"`   // At after now: counted as of now
	Behind  uint64 `json:"behind"`  // At before the last of the same source and cue: ignored
	Unknown uint64 `json:"unknown"` // no such cue in the rules or no such modality: ignored
	Invalid uint64 `json:"invalid"` // P no probability or At negative: ignored and counted as a failure of the source
	Crowded uint64 `json:"crowded"` // from a source beyond the first 32: ignored
	Dropped uint64 `json:"dropped"` // events dropped, oldest first, because Advance was not called
}
