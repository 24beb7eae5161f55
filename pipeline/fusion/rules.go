package fusion

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"atoll/internal/strictoml"
	"atoll/model"
)

// Bounds of a rule set. They keep memory and the work of one update small and known.
const (
	maxCues    = 64
	maxRules   = 64
	maxTerms   = 8 // cues in one rule
	maxName    = 64
	maxPeriod  = 24 * time.Hour
	maxLogOdds = 100
)

// Rules is a whole rule set as the TOML holds it: the cues and how to read them, and the events made of them.
// The tags fit a larger configuration that embeds this struct or has it as a table.
type Rules struct {
	Cues   []CueRule   `toml:"cue"`
	Events []EventRule `toml:"event"`
}

// CueRule says how the probabilities of one cue become log-odds and how long they count.
type CueRule struct {
	Name     string `toml:"name"`
	Modality string `toml:"modality"` // vision, audio or text

	Scale  float64 `toml:"scale"`  // Platt scaling: calibrated log-odds = scale*logit(p) + offset
	Offset float64 `toml:"offset"` // log-odds
	Limit  float64 `toml:"limit"`  // bound of one observation's log-odds, either side

	Combine Combine  `toml:"combine"` // how successive observations of one source combine
	Window  Duration `toml:"window"`  // average only: time over which observations are averaged
	Total   float64  `toml:"total"`   // sum only: bound of the sum's log-odds, either side

	Decay Duration `toml:"decay"` // the estimate falls to 1/e in this time
	Stale Duration `toml:"stale"` // after this time without evidence the source is absent
}

// EventRule makes one event out of cues.
type EventRule struct {
	Name    string             `toml:"name"`
	Weights map[string]float64 `toml:"weights"` // by cue
	Bias    float64            `toml:"bias"`    // log-odds without any evidence
	Needs   []string           `toml:"needs"`   // without one of these cues the rule is undecided, which means off

	On       float64  `toml:"on"`  // probability from which the event goes on
	Off      float64  `toml:"off"` // probability at or below which it goes off again
	DwellOn  Duration `toml:"dwell_on"`
	DwellOff Duration `toml:"dwell_off"`

	// Labels of a two-sided event: Positive from P ≥ On, Negative from P ≤ 1-On. A state is left when its own
	// probability (P or 1-P) falls to Off. Both empty: the event is simply "on" or "off".
	Positive string `toml:"positive,omitempty"`
	Negative string `toml:"negative,omitempty"`
}

// Combine is the way in which successive observations of one source combine.
type Combine string

// The two ways: see the package comment for the formulas.
const (
	Average Combine = "average" // correlated observations: audio frames, pictures of a video
	Sum     Combine = "sum"     // independent observations: sentences
)

// Duration is how a TOML document writes one: "300ms".
type Duration = strictoml.Duration

// RuleError tells what is wrong in a rule set and where.
type RuleError struct {
	Line   int    // line of the document, from 1; 0 while unknown (see Locate)
	Table  string // "cue" or "event"; empty when the document as a whole is wrong
	Index  int    // position among the tables of that name, from 0
	Name   string // the cue's or event's name, may be empty
	Key    string // the key at fault, may be empty
	Reason string
}

// Error implements error.
func (e *RuleError) Error() string {
	var s string
	if e.Line > 0 {
		s = "line " + strconv.Itoa(e.Line) + ": "
	}
	if e.Table != "" {
		s += e.Table + " " + strconv.Quote(e.Name) + ": "
	}
	if e.Key != "" {
		s += e.Key + ": "
	}
	return s + e.Reason
}

// Validate checks what the types cannot. The error is a *RuleError, without a line: Locate finds it.
func (r Rules) Validate() error {
	if len(r.Cues) > maxCues {
		return &RuleError{Table: "cue", Index: maxCues, Name: r.Cues[maxCues].Name, Reason: fmt.Sprintf("more than %d cues", maxCues)}
	}
	if len(r.Events) > maxRules {
		return &RuleError{Table: "event", Index: maxRules, Name: r.Events[maxRules].Name, Reason: fmt.Sprintf("more than %d events", maxRules)}
	}
	cues := make(map[string]bool, len(r.Cues))
	for i, c := range r.Cues {
		key, reason := c.check()
		if reason == "" && cues[c.Name] {
			key, reason = "name", "used by an earlier cue: give each its own"
		}
		if reason != "" {
			return &RuleError{Table: "cue", Index: i, Name: c.Name, Key: key, Reason: reason}
		}
		cues[c.Name] = true
	}
	events := make(map[string]bool, len(r.Events))
	for i, e := range r.Events {
		key, reason := e.check(cues)
		if reason == "" && events[e.Name] {
			key, reason = "name", "used by an earlier event: give each its own"
		}
		if reason != "" {
			return &RuleError{Table: "event", Index: i, Name: e.Name, Key: key, Reason: reason}
		}
		events[e.Name] = true
	}
	return nil
}

// check returns the key at fault and why, or two empty strings.
func (c CueRule) check() (key, reason string) {
	_, modErr := model.ParseModality(c.Modality)
	switch {
	case !goodName(c.Name):
		return "name", nameReason
	case modErr != nil:
		return "modality", modErr.Error()
	case !(c.Scale > 0 && c.Scale <= maxLogOdds):
		return "scale", fmt.Sprintf("%v is not in (0, %d]", c.Scale, maxLogOdds)
	case !(math.Abs(c.Offset) <= maxLogOdds):
		return "offset", fmt.Sprintf("%v is not in [-%d, %[2]d]", c.Offset, maxLogOdds)
	case !(c.Limit > 0 && c.Limit <= maxLogOdds):
		return "limit", fmt.Sprintf("%v is not in (0, %d]", c.Limit, maxLogOdds)
	case c.Combine != Average && c.Combine != Sum:
		return "combine", fmt.Sprintf("%q is unknown: use %q or %q", string(c.Combine), string(Average), string(Sum))
	case c.Combine == Average && !period(c.Window):
		return "window", periodReason(c.Window)
	case c.Combine == Average && c.Total != 0:
		return "total", `only goes with combine = "sum": leave it out`
	case c.Combine == Sum && c.Window != (Duration{}):
		return "window", `only goes with combine = "average": a sum forgets by its decay`
	case c.Combine == Sum && !(c.Total >= c.Limit && c.Total <= maxLogOdds):
		return "total", fmt.Sprintf("%v is not between limit (%v) and %d", c.Total, c.Limit, maxLogOdds)
	case !period(c.Decay):
		return "decay", periodReason(c.Decay)
	case !period(c.Stale):
		return "stale", periodReason(c.Stale)
	}
	return "", ""
}

// check returns the key at fault and why, or two empty strings.
func (e EventRule) check(cues map[string]bool) (key, reason string) {
	if !goodName(e.Name) {
		return "name", nameReason
	}
	if key, reason = e.checkCues(cues); reason != "" {
		return key, reason
	}
	twoSided := e.Positive != "" || e.Negative != ""
	switch {
	case !(math.Abs(e.Bias) <= maxLogOdds):
		return "bias", fmt.Sprintf("%v is not in [-%d, %[2]d]", e.Bias, maxLogOdds)
	case !(e.On > 0 && e.On < 1):
		return "on", fmt.Sprintf("%v is not a probability between 0 and 1", e.On)
	case !(e.Off > 0 && e.Off < 1):
		return "off", fmt.Sprintf("%v is not a probability between 0 and 1", e.Off)
	case e.Off >= e.On:
		return "off", fmt.Sprintf("%v is not below on (%v)", e.Off, e.On)
	case !dwell(e.DwellOn):
		return "dwell_on", dwellReason(e.DwellOn)
	case !dwell(e.DwellOff):
		return "dwell_off", dwellReason(e.DwellOff)
	case !twoSided:
		return "", ""
	case !goodName(e.Positive) || e.Positive == stateOff:
		return "positive", labelReason
	case !goodName(e.Negative) || e.Negative == stateOff || e.Negative == e.Positive:
		return "negative", labelReason
	case e.On <= 0.5:
		return "on", fmt.Sprintf("%v is not above 0.5, as a two-sided event needs", e.On)
	case e.Off <= 1-e.On:
		return "off", fmt.Sprintf("%v is not above 1-on (%.4g): both sides would hold at once", e.Off, 1-e.On)
	}
	return "", ""
}

func (e EventRule) checkCues(cues map[string]bool) (key, reason string) {
	if len(e.Weights) == 0 || len(e.Weights) > maxTerms {
		return "weights", fmt.Sprintf("has %d cues: use 1 to %d", len(e.Weights), maxTerms)
	}
	for _, name := range sortedKeys(e.Weights) {
		w := e.Weights[name]
		if !cues[name] {
			return "weights", fmt.Sprintf("there is no cue %q: add a [[cue]] of this name", name)
		}
		if w == 0 || !(math.Abs(w) <= maxLogOdds) {
			return "weights", fmt.Sprintf("%s = %v is zero or not in [-%d, %[3]d]", name, w, maxLogOdds)
		}
	}
	seen := make(map[string]bool, len(e.Needs))
	for _, name := range e.Needs {
		if e.Weights[name] == 0 {
			return "needs", fmt.Sprintf("cue %q has no weight in this event", name)
		}
		if seen[name] {
			return "needs", fmt.Sprintf("cue %q is named twice", name)
		}
		seen[name] = true
	}
	return "", ""
}

func sortedKeys(m map[string]float64) []string { return slices.Sorted(maps.Keys(m)) }

const (
	nameReason  = "missing, longer than 64 bytes or not made of letters, digits, '_', '-' and '.'"
	labelReason = `a two-sided event needs two different labels, "positive" and "negative", other than "off"`
)

func goodName(s string) bool {
	for _, r := range []byte(s) {
		ok := r == '_' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		if !ok {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

func period(d Duration) bool { return d.Duration > 0 && d.Duration <= maxPeriod }

func periodReason(d Duration) string {
	return fmt.Sprintf("%v is missing, not above zero or longer than %v", d, maxPeriod)
}

func dwell(d Duration) bool { return d.Duration >= 0 && d.Duration <= maxPeriod }

func dwellReason(d Duration) string {
	return fmt.Sprintf("%v is negative or longer than %v", d, maxPeriod)
}
