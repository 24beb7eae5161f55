package fusion_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"atoll/pipeline/fusion"
)

const goodRules = `[[cue]]
name = "face"
modality = "vision"
scale = 2
limit = 3.0
combine = "average"
window = "300ms"
decay = "5s"
stale = "10s"

[[event]]
name = "presence"
weights = { face = 1 }
needs = ["face"]
on = 0.75
off = 0.5
dwell_on = "100ms"
`

func TestParseRules(t *testing.T) {
	got, err := fusion.ParseRules([]byte(goodRules))
	if err != nil {
		t.Fatal(err)
	}
	want := fusion.Rules{
		Cues: []fusion.CueRule{{
			Name: "face", Modality: "vision", Scale: 2, Limit: 3, Combine: fusion.Average,
			Window: fusion.Duration{Duration: 300 * time.Millisecond},
			Decay:  fusion.Duration{Duration: 5 * time.Second}, Stale: fusion.Duration{Duration: 10 * time.Second},
		}},
		Events: []fusion.EventRule{{
			Name: "presence", Weights: map[string]float64{"face": 1}, Needs: []string{"face"},
			On: 0.75, Off: 0.5, DwellOn: fusion.Duration{Duration: 100 * time.Millisecond},
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ParseRules = %+v; want %+v", got, want)
	}
}

func TestParseRulesErrors(t *testing.T) {
	second := "[[cue]]\nname = \"face\"\nmodality = \"audio\"\nscale = 1\nlimit = 1\ncombine = \"average\"\nwindow = \"1s\"\ndecay = \"1s\"\nstale = \"1s\"\n"
	twoSided := "positive = \"good\"\nnegative = \"bad\"\n"
	tests := []struct {
		name, old, new string // one replacement in goodRules
		line           int
		want           string // in the message
	}{
		{"unknown key", "dwell_on", "dwel_on", 17, `unknown key "event.dwel_on"`},
		{"unknown table", "[[event]]", "[[evnt]]", 11, `unknown key "evnt"`},
		{"wrong type", "scale = 2", "scale = \"2\"", 4, ""},
		{"duration as a number", `window = "300ms"`, "window = 300", 7, "not a duration"},
		{"no duration", `"300ms"`, `"300 parsecs"`, 7, "not a duration"},
		{"dwell without a unit", `"100ms"`, "1.5", 17, "not a duration"},
		{"zero window", `"300ms"`, `"0s"`, 7, "not above zero"},
		{"endless decay", `"5s"`, `"25h"`, 8, "longer than"},
		{"negative stale", `"10s"`, `"-10s"`, 9, "not above zero"},
		{"not TOML", "[[event]]", "[[event]", 11, ""},
		{"defined twice", "scale = 2", "scale = 2\nscale = 3", 5, ""},
		{"no modality", "modality = \"vision\"\n", "", 1, "modality: unknown modality"},
		{"unknown modality", "vision", "smell", 3, "vision, audio or text"},
		{"capitals", "[[cue]]\nname = \"face\"\nmodality = \"vision\"", "[[Cue]]\nname = \"face\"\nModality = \"smell\"", 3, "unknown modality"},
		{"no scale", "scale = 2\n", "", 1, "scale: 0 is not in"},
		{"scale nan", "scale = 2", "scale = nan", 4, "scale: NaN"},
		{"offset inf", "scale = 2", "scale = 2\noffset = inf", 5, "offset: +Inf"},
		{"limit", "limit = 3.0", "limit = -3", 5, "limit: -3"},
		{"combine", `"average"`, `"mean"`, 6, `"mean" is unknown`},
		{"total of an average", "scale = 2", "scale = 2\ntotal = 4", 5, "leave it out"},
		{"window of a sum", `"average"`, `"sum"`, 7, "forgets by its decay"},
		{"sum without total", "\"average\"\nwindow = \"300ms\"", `"sum"`, 1, "total: 0 is not between"},
		{"duplicate cue", "[[event]]", second + "[[event]]", 12, `cue "face": name: used by an earlier`},
		{"bad cue name", `name = "face"`, `name = "fa ce"`, 2, "name: "},
		{"no event name", "name = \"presence\"\n", "", 11, "name: missing"},
		{"duplicate event", "[[event]]", goodRules[strings.Index(goodRules, "[[event]]"):] + "[[event]]", 19, `event "presence": name: used by`},
		{"unknown cue", "{ face = 1 }", "{ fase = 1 }", 13, `no cue "fase"`},
		{"zero weight", "{ face = 1 }", "{ face = 0 }", 13, "zero"},
		{"no weights", "weights = { face = 1 }\n", "", 11, "weights: has 0 cues"},
		{"needs without weight", `["face"]`, `["voice"]`, 14, "has no weight"},
		{"needs twice", `["face"]`, `["face", "face"]`, 14, "named twice"},
		{"threshold order", "off = 0.5", "off = 0.8", 16, "not below on (0.75)"},
		{"equal thresholds", "off = 0.5", "off = 0.75", 16, "not below on"},
		{"on is no probability", "on = 0.75", "on = 1.0", 15, "on: 1 is not"},
		{"no off", "off = 0.5\n", "", 11, "off: 0 is not"},
		{"bias nan", "on = 0.75", "bias = nan\non = 0.75", 15, "bias: NaN"},
		{"negative dwell", `"100ms"`, `"-100ms"`, 17, "negative"},
		{"long dwell_off", "dwell_on = \"100ms\"", "dwell_off = \"1000h\"", 17, "dwell_off: "},
		{"one label", "on = 0.75", "positive = \"good\"\non = 0.75", 11, "negative: "},
		{"label off", "on = 0.75", "positive = \"off\"\nnegative=\"bad\"\non = 0.75", 15, "positive: "},
		{"same labels", "on = 0.75", "positive = \"bad\"\nnegative=\"bad\"\non = 0.75", 16, "two different labels"},
		{"both sides at once", "off = 0.5", twoSided + "off = 0.2", 18, "both sides"},
		{"two-sided below a half", "on = 0.75\noff = 0.5", twoSided + "on = 0.5\noff = 0.4", 17, "not above 0.5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := strings.Replace(goodRules, tt.old, tt.new, 1)
			_, err := fusion.ParseRules([]byte(doc))
			wrong, ok := errors.AsType[*fusion.RuleError](err)
			if !ok {
				t.Fatalf("ParseRules = %v; want a *RuleError", err)
			}
			if wrong.Line != tt.line || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseRules = %q; want line %d and %q", err, tt.line, tt.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("ParseRules = %q; want one line", err)
			}
		})
	}
}

func TestParseRulesBounds(t *testing.T) {
	event := goodRules[strings.Index(goodRules, "[[event]]"):]
	for name, doc := range map[string]string{
		"too long":        "#" + strings.Repeat("x", 1<<20),
		"too many events": goodRules + strings.Repeat(event, 64),
		"too many cues":   strings.Repeat(goodRules[:strings.Index(goodRules, "[[event]]")], 65),
	} {
		if _, err := fusion.ParseRules([]byte(doc)); err == nil || !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: ParseRules = %v; want more than ...", name, err)
		}
	}
}

// TestLocate is how a larger configuration that holds the rules names the line.
func TestLocate(t *testing.T) {
	type config struct {
		Name   string       `toml:"name"`
		Fusion fusion.Rules `toml:"fusion"`
	}
	nested := "name = \"x\"\n" + strings.NewReplacer("[[cue]]", "[[fusion.cue]]", "[[event]]", "[[fusion.event]]", "off = 0.5", "off = 0.9").Replace(goodRules)
	inline := "[fusion]\ncue = []\nevent = [\n  { name = \"a\", weights = { face = 1 }, on = 0.5, off = 0.4 },\n]\n"
	subtable := strings.Replace(strings.Replace(nested, "weights = { face = 1 }\n", "", 1), "off = 0.9", "off = 0.5", 1) + "[fusion.event.weights]\nvoice = 1\n"
	for _, tt := range []struct {
		name, doc string
		under     []string
		line      int
	}{
		{"nested", nested, []string{"fusion"}, 17},
		{"inline", inline, []string{"fusion"}, 3},
		{"table of its own", subtable, []string{"fusion"}, 18},
		{"elsewhere", nested, []string{"other"}, 0},
	} {
		var c config
		if err := toml.Unmarshal([]byte(tt.doc), &c); err != nil {
			t.Fatal(err)
		}
		err := fusion.Locate(c.Fusion.Validate(), []byte(tt.doc), tt.under...)
		if wrong, ok := errors.AsType[*fusion.RuleError](err); !ok || wrong.Line != tt.line {
			t.Errorf("%s: Locate = %v; want line %d", tt.name, err, tt.line)
		}
	}
	other := errors.New("other")
	if got := fusion.Locate(other, nil); got != other {
		t.Errorf("Locate = %v; want the error as it is", got)
	}
	if got := fusion.Locate(nil, nil); got != nil {
		t.Errorf("Locate = %v; want nil", got)
	}
}

func TestDefaultRules(t *testing.T) {
	rules := fusion.DefaultRules()
	var names []string
	for _, e := range rules.Events {
		names = append(names, e.Name)
	}
	if got, want := strings.Join(names, " "), "presence speech engagement mood"; got != want {
		t.Errorf("events = %s; want %s", got, want)
	}
	// What a program writes, for instance to show the configuration in force, reads back as it was.
	text, err := toml.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	back, err := fusion.ParseRules(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for i := range rules.Events {
		if len(rules.Events[i].Needs) == 0 {
			rules.Events[i].Needs, back.Events[i].Needs = nil, nil
		}
	}
	if !reflect.DeepEqual(back, rules) {
		t.Errorf("read back %+v; want %+v", back, rules)
	}
}

func FuzzRules(f *testing.F) {
	f.Add([]byte(goodRules))
	f.Add([]byte(fusion.DefaultTOML()))
	f.Add([]byte(strings.Replace(goodRules, "off = 0.5", "off = 0.9", 1)))
	f.Add([]byte("event = [{name = \"a\"}]"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		rules, err := fusion.ParseRules(doc)
		if err != nil {
			wrong, ok := errors.AsType[*fusion.RuleError](err)
			if !ok || wrong.Line == 0 {
				t.Fatalf("ParseRules = %v (%T); want a *RuleError with a line", err, err)
			}
			return
		}
		fuser, err := fusion.New(rules)
		if err != nil {
			t.Fatalf("New refuses what ParseRules takes: %v", err)
		}
		var events []fusion.Event
		for i, c := range rules.Cues {
			e := evidence(c, 0.99, time.Duration(i)*time.Millisecond)
			fuser.Observe(e.At, e)
		}
		for range 1000 {
			next, ok := fuser.NextDeadline()
			if !ok {
				return
			}
			events = fuser.Advance(next, events[:0])
		}
		t.Fatal("without evidence the deadlines do not end")
	})
}
