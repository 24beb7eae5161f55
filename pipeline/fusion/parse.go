package fusion

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
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
	if len(document) > maxDocument {
		return Rules{}, &RuleError{Reason: fmt.Sprintf("%d bytes of rules are more than %d", len(document), maxDocument)}
	}
	dec := toml.NewDecoder(bytes.NewReader(document)).DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return Rules{}, decodeError(err)
	}
	if err := r.Validate(); err != nil {
		return Rules{}, Locate(err, document)
	}
	return r, nil
}

// decodeError turns what go-toml reports into a RuleError with a line.
func decodeError(err error) *RuleError {
	if missing, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(missing.Errors) > 0 {
		first := missing.Errors[0]
		line, _ := first.Position()
		return &RuleError{Line: line, Reason: fmt.Sprintf("unknown key %q", strings.Join(first.Key(), "."))}
	}
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := wrong.Position()
		reason := strings.TrimPrefix(wrong.Error(), "toml: ")
		if key := strings.Join(wrong.Key(), "."); key != "" {
			reason = key + ": " + reason
		}
		return &RuleError{Line: line, Reason: reason}
	}
	return &RuleError{Reason: err.Error()}
}

// Locate fills in the line of a *RuleError from Validate, given the document the rules came from and the path of the
// table under which they stand (none: top level). Any other error comes back as it is.
func Locate(err error, document []byte, under ...string) error {
	wrong, ok := errors.AsType[*RuleError](err)
	if !ok || wrong.Line > 0 {
		return err
	}
	located := *wrong
	located.Line = findLine(document, append(slices.Clone(under), wrong.Table), wrong.Index, wrong.Key)
	return &located
}

// findLine returns the line of a key in the index-th table array of the given path; that of the table's header when
// the key is not there; that of the whole array when it is written inline; 0 when nothing is found.
func findLine(document []byte, path []string, index int, key string) int {
	var p unstable.Parser
	p.Reset(document)
	var (
		table []string // header in force
		seen  = -1     // tables of that path so far
		found unstable.Range
	)
	at := func(r unstable.Range) int { return p.Shape(r).Start.Line }
	keyPath := append(slices.Clone(path), key)
	for p.NextExpression() {
		node := p.Expression()
		if node.Kind == unstable.Comment {
			continue
		}
		name, where := keyOf(node)
		if node.Kind == unstable.KeyValue {
			name = append(slices.Clone(table), name...)
		} else {
			table = name
		}
		if node.Kind == unstable.ArrayTable && samePath(name, path) {
			seen++
			if seen == index {
				found = where
			}
			continue
		}
		inline := node.Kind == unstable.KeyValue && samePath(name, path)
		if inline || seen == index && key != "" && hasPrefix(name, keyPath) {
			return at(where)
		}
	}
	if found.Length == 0 {
		return 0
	}
	return at(found)
}

func hasPrefix(name, prefix []string) bool {
	return len(name) >= len(prefix) && samePath(name[:len(prefix)], prefix)
}

// samePath compares as go-toml finds fields: it ignores case.
func samePath(a, b []string) bool { return slices.EqualFunc(a, b, strings.EqualFold) }

// keyOf returns the parts of an expression's key and where it stands.
func keyOf(node *unstable.Node) (parts []string, where unstable.Range) {
	for it := node.Key(); it.Next(); {
		if parts == nil {
			where = it.Node().Raw
		}
		parts = append(parts, string(it.Node().Data))
	}
	return parts, where
}
