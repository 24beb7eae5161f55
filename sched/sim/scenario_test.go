package sim

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestScenarios(t *testing.T) {
	tuning, reporting := 0, 0
	for _, name := range Scenarios() {
		s, err := Load(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := utf8.RuneCountInString(s.Title); n < 10 || n > 60 {
			t.Errorf("%s: a title of %d characters, want 10 to 60, to fit into the help", name, n)
		}
		if strings.HasPrefix(name, "tune-") {
			tuning++
		} else {
			reporting++
		}
	}
	if tuning < 2 || reporting < 4 {
		t.Errorf("%d scenarios for tuning and %d for reporting, want at least 2 and 4", tuning, reporting)
	}
	if _, err := Load("moon"); err == nil || !strings.Contains(err.Error(), `"moon": there are hall, market`) {
		t.Errorf("of no scenario: %v", err)
	}
	if _, err := Load("../scenario"); err == nil {
		t.Error("of another folder: no error")
	}
}

const small = `title = "Small"
minutes = 1
workers = 1
load = 0.5
work = 0.5
together = 0.5

[[camera]]
name = "camera"
weight = 1.0
deadline = "200ms"
stale_after = "2s"
event_every = "10s"
seen = 0.95
still = "10s"
busy = "10s"
noise = 1.5
contrast = [0.1, 0.5]

[[microphone]]
name = "microphone"
weight = 0.5
deadline = "120ms"
stale_after = "2s"
event_every = "10s"
seen = 0.9
knock = "5s"
noise = 1.5
loud = [10.0, 30.0]

[[chat]]
name = "chat"
weight = 0.25
deadline = "1s"
stale_after = "3s"
event_every = "10s"
seen = 1
texts = [1, 4]
`

func smallScenario(t testing.TB) Scenario {
	t.Helper()
	s, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseRefuses(t *testing.T) {
	smallScenario(t)
	for _, tt := range []struct{ old, new, want string }{
		{"minutes = 1", "minutes = 0", "minutes 0"},
		{"minutes = 1", "minutes = nan", "minutes NaN"},
		{"minutes = 1", "minutes = 241", "minutes 241"},
		{"workers = 1", "workers = 0", "workers 0"},
		{"workers = 1", "workers = 9", "workers 9"},
		{"load = 0.5", "load = 0", "load 0"},
		{"load = 0.5", "load = 101", "load 101"},
		{"work = 0.5", "work = 1.5", "work 1.5"},
		{"work = 0.5", "", "work 0"},
		{"together = 0.5", "together = -1", "together -1"},
		{"together = 0.5", "altogether = 1", `line 6: unknown key "altogether"`},
		{`name = "chat"`, `name = ""`, "without a name"},
		{"weight = 0.25", "weight = -1", `"chat": weight -1`},
		{"weight = 0.25", "weight = nan", `"chat": weight NaN`},
		{"seen = 0.95", "seen = 0", `"camera": seen 0`},
		{"seen = 0.9\n", "seen = 2\n", `"microphone": seen 2`},
		{`deadline = "1s"`, `deadline = "0s"`, `"chat": event_every`},
		{`deadline = "1s"`, `deadline = 1`, "line 34: deadline"},
		{`event_every = "10s"`, `event_every = "1ms"`, `"camera": event_every`},
		{`still = "10s"`, `still = "0s"`, `camera "camera": still`},
		{"contrast = [0.1, 0.5]", "contrast = [0.5, 0.1]", "contrast two numbers"},
		{"contrast = [0.1, 0.5]", "contrast = [0.5, nan]", "contrast two numbers"},
		{"loud = [10.0, 30.0]", "loud = [10.0, 300.0]", `microphone "microphone": knock`},
		{"texts = [1, 4]", "texts = [0, 4]", `chat "chat": texts`},
		{small, `title = "Nothing"` + "\nminutes = 1\nworkers = 1\nload = 1\nwork = 1\n", "0 sources"},
		{small, strings.Repeat("#", maxScenario+1), "limit"},
	} {
		text := strings.Replace(small, tt.old, tt.new, 1)
		if text == small {
			t.Fatalf("%q is not there to be replaced", tt.old)
		}
		if _, err := Parse([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "scenario: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q in it", tt.new, err, tt.want)
		}
	}
}
