package fusion

import (
	_ "embed"
	"errors"
	"slices"

	"atoll/internal/strictoml"
)

// maxDocument bounds the TOML that ParseRules takes, in bytes.
const maxDocument = 1 << 20

//go:embed default.toml
var defaultTOML string

// DefaultTOML returns the default rule set as a commented TOML document.
func DefaultTOML() string { return defaultTOML }

// DefaultRules returns the rule set of DefaultTOML: presence, speech, engagement and mood.
func DefaultRules() Rules {
	r, err := ParseRules([]byte(defaultTOML))
	if err != nil {
		panic("fusion: default rules: " + err.Error()) // a test parses them
	}
	return r
}

// ParseRules decodes and checks a TOML document that holds [[cue]] and [[event]] tables and nothing else.
// Every error is a *RuleError that names the line.
func ParseRules(document []byte) (Rules, error) {
	var r Rules
	if err := strictoml.Decode(document, maxDocument, &r); err != nil {
		wrong, _ := errors.AsType[*strictoml.Error](err)
		return Rules{}, &RuleError{Line: wrong.Line, Reason: wrong.Reason}
	}
	if err := r.Validate(); err != nil {
		return Rules{}, Locate(err, document)
	}
	return r, nil
}

// Locate fills in the line of a *RuleError from Validate, given the document the rules came from and the path of the
// table under which they stand (none: top level). Any other error comes back as it is.
func Locate(err error, document []byte, under ...string) error {
	wrong, ok := errors.AsType[*RuleError](err)
	if !ok || wrong.Line > 0 {
		return err
	}
	located := *wrong
	located.Line = strictoml.Line(document, append(slices.Clone(under), wrong.Table), wrong.Index, wrong.Key)
	return &located
}
