package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"atoll/internal/goldentest"
	"atoll/sched"
	"atoll/sched/sim"
)

// quick is a trace of ten texts in as many seconds.
func quick() sim.Trace {
	t := sim.Trace{Header: sim.Header{Workers: 1, Work: 0.5, For: 10 * time.Second, Sources: []sim.Source{{
		Name: "chat", Kind: sim.Text, Weight: 1, Deadline: time.Second, StaleAfter: 2 * time.Second, Seen: 1,
		Service: []time.Duration{100 * time.Millisecond},
	}}}}
	for i := range 10 {
		t.Arrivals = append(t.Arrivals, sim.Arrival{At: time.Duration(i) * time.Second})
	}
	return t
}

func TestSchedTable(t *testing.T) {
	light := quick()
	heavy := quick()
	heavy.Work = 1
	heavy.Scale(2)
	all := schedResult{Scenario: "hall", Seed: 18446744073709551615, Policies: map[string]sim.Score{
		"lif":         {Recall: 1, CPU: 310.4, LatencyP50: 30.25, LatencyP99: 1250.5, Value: 431.25, MaxStaleness: 1830, Overdue: 0.915},
		"every_frame": {Recall: 1, CPU: 800, LatencyP50: 29, LatencyP99: 77.1, Value: 435, MaxStaleness: 141, Overdue: 0.07},
		"fifo":        {Recall: 0.9951, CPU: 312, LatencyP50: 59.25, LatencyP99: 1364.5, DeadlineMiss: 0.0123, Value: 428, MaxStaleness: 685, Overdue: 0.34},
		"edf":         {Recall: 0.5, CPU: 43200, LatencyP50: 31, LatencyP99: 1200000, DeadlineMiss: 1, Value: 99999.9, MaxStaleness: 1200000, Overdue: 600},
	}}
	for file, tt := range map[string]struct {
		trace    sim.Trace
		policies []string
	}{
		"sched_all.txt":      {light, []string{"lif", "every_frame", "fifo", "edf"}},
		"sched_overload.txt": {heavy, []string{"lif", "fifo"}},
		"sched_other.txt":    {light, []string{"edf"}},
	} {
		r := all
		r.Policies = map[string]sim.Score{}
		for _, name := range tt.policies {
			r.Policies[name] = all.Policies[name]
		}
		var b bytes.Buffer
		printSched(&b, r, tt.trace, tt.policies)
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: a line of %d columns, want at most 80: %q", file, n, line)
			}
		}
		goldentest.Check(t, file, b.Bytes())
	}
}

// record writes quick to a file.
func record(t *testing.T) (path string) {
	t.Helper()
	var b bytes.Buffer
	if err := sim.WriteTrace(&b, quick()); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "quick.trace")
	if err := os.WriteFile(path, b.Bytes(), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSimSchedJSON(t *testing.T) {
	path := record(t)
	var stdout, stderr bytes.Buffer
	if got := Main([]string{"sim", "sched", "--trace", path, "--seed", "9", "--json"}, nil, &stdout, &stderr); got != exitOK {
		t.Fatalf("status %d: %s", got, stderr.String())
	}
	var got struct {
		Scenario string
		Seed     uint64
		Policies map[string]map[string]float64
	}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Scenario != filepath.Base(path) || got.Seed != 9 || len(got.Policies) != len(sched.Policies()) {
		t.Errorf("%+v", got)
	}
	keys := []string{"recall", "cpu_s_per_h", "event_latency_p50_ms", "event_latency_p99_ms", "deadline_miss_rate", "value", "max_staleness_ms"}
	for name, score := range got.Policies {
		if len(score) != len(keys) {
			t.Errorf("%s: %v, want %v", name, score, keys)
		}
		for _, key := range keys {
			if _, ok := score[key]; !ok {
				t.Errorf("%s: no %s", name, key)
			}
		}
	}
	// Ten jobs of 100 ms in ten seconds, the last of which ends in time as well.
	if got := got.Policies["every_frame"]["cpu_s_per_h"]; got != 360 {
		t.Errorf("every_frame takes %v s/h, want 360", got)
	}
}

func TestSimSchedExplains(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if got := Main([]string{"sim", "sched", "--trace", record(t), "--explain"}, nil, &stdout, &stderr); got != exitOK {
		t.Fatalf("status %d: %s", got, stderr.String())
	}
	for _, want := range []string{"chat", "fires for arrival: potential ", "begins for arrival: value ", "\nlif  "} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%s\nwant %q in it", stdout.String(), want)
		}
	}
}

func TestSimSchedReportsFailedWrites(t *testing.T) {
	path := record(t)
	for _, arg := range []string{"--seed=1", "--json", "--explain"} {
		var stderr bytes.Buffer
		if got := Main([]string{"sim", "sched", "--trace", path, arg}, nil, broken{}, &stderr); got != exitFailure {
			t.Errorf("%s: status %d, want %d", arg, got, exitFailure)
		}
		if want := "cannot write results: out of paper"; !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: %q, want %q in it", arg, stderr.String(), want)
		}
	}
}

func TestSimSchedRefuses(t *testing.T) {
	dir := t.TempDir()
	refuses(t, "sim sched", []refusal{
		{"extra", exitUsage, "atoll: atoll sim sched takes no arguments: \"extra\" is one\ntry: atoll sim sched --help\n"},
		{"--scenario moon", exitUsage, `no scenario "moon": there are hall, market`},
		{"--scenario=", exitUsage, `no scenario ""`},
		{"--scenario hall --trace x", exitUsage, "--trace and --scenario: choose one"},
		{"--record y --trace x", exitUsage, "--trace and --record: choose one"},
		{"--trace=", exitUsage, "need the name of a file"},
		{"--record=", exitUsage, "need the name of a file"},
		{"--policy nonsense", exitUsage, `no policy "nonsense": there are lif`},
		{"--policy=", exitUsage, "names none"},
		{"--policy lif,lif", exitUsage, "lif twice"},
		{"--seed -1", exitUsage, "atoll: --seed -1: must be a whole number, 0 or more\n"},
		{"--seed 18446744073709551616", exitUsage, "atoll: --seed 18446744073709551616: is out of range\n"},
		{"--load much", exitUsage, "atoll: --load much: must be a number\n"},
		{"--json=maybe", exitUsage, "true or false"},
		{"--load 0", exitUsage, "above 0, up to 100"},
		{"--load -1", exitUsage, "above 0, up to 100"},
		{"--load 101", exitUsage, "above 0, up to 100"},
		{"--load NaN", exitUsage, "above 0, up to 100"},
		{"--explain --json", exitUsage, "--explain and --json: choose one"},
		{"--explain --policy lif,edf", exitUsage, "--policy names 2"},
		{"--trace " + filepath.Join(dir, "nothing"), exitFailure, "no such file"},
		{"--trace " + dir, exitFailure, "is a directory"},
		{"--trace sim_sched_test.go", exitFailure, "sim_sched_test.go: trace, line 1"},
		{"--record " + dir, exitFailure, "no regular file"},
		{"--record " + filepath.Join(dir, "no", "x"), exitFailure, "no such file"},
	})
}

func TestSimSchedHelp(t *testing.T) {
	help := helpOf(t, "sim", "sched")
	for _, name := range sim.Scenarios() {
		s, err := sim.Load(name)
		if err != nil || !strings.Contains(help, "  "+name+" ") || !strings.Contains(help, s.Title) {
			t.Errorf("no %s, %q in the help (%v)", name, s.Title, err)
		}
	}
}

// A decision's line has no minus zero, and values however small.
func TestExplainedNumbers(t *testing.T) {
	for _, tt := range []struct {
		decision sched.Decision
		want     string
	}{
		{sched.Decision{Potential: 0.3, Salience: 0.1, Spikes: 0.2}, "urgency 0.00)"}, // the rest is -3e-17
		{sched.Decision{Potential: 0.5, Salience: 0.1, Spikes: 0.2}, "urgency 0.20)"},
		{sched.Decision{Verdict: sched.Begun, Value: 0.0012345}, "value 0.00123,"},
		{sched.Decision{Verdict: sched.GaveWay, For: "door", Value: 0.0004}, "deadline of door; value 0.0004 for 0s is least"},
	} {
		if got := tt.decision.String(); !strings.Contains(got, tt.want) {
			t.Errorf("got %q, want %q in it", got, tt.want)
		}
	}
}
