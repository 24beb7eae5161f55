package cli

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"atoll/internal/goldentest"
	"atoll/internal/live"
	"atoll/internal/material"
)

func benchScores() schedResult {
	return schedResult{"live", 18446744073709551615, map[string]live.Score{
		"lif":            {Recall: 0.9167, CPU: 384.4, LatencyP50: 644.25, LatencyP99: 3000, Value: 9.25, MaxStaleness: 100.5},
		"every_frame":    {Recall: 1, CPU: 28800, LatencyP50: 2999.9, LatencyP99: 3000, DeadlineMiss: 1, Value: 1200.5, MaxStaleness: 600000},
		"rate_monotonic": {},
	}}
}

func TestBenchTable(t *testing.T) {
	var b bytes.Buffer
	printBench(&b, benchScores(), 10*time.Minute, []string{"lif", "every_frame", "rate_monotonic"})
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("a line of %d columns, want at most 80: %q", n, line)
		}
	}
	goldentest.Check(t, "bench.txt", b.Bytes())
}

// Programs may read a measurement as they read a simulation.
func TestBenchJSONIsThatOfASimulation(t *testing.T) {
	keys := func(v any) (list []string) {
		object, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		tokens := json.NewDecoder(bytes.NewReader(object))
		for {
			token, err := tokens.Token()
			if err != nil {
				return list
			}
			if key, ok := token.(string); ok {
				list = append(list, key)
			}
		}
	}
	got := strings.Join(keys(schedResult{"live", 1, map[string]live.Score{"lif": {}}}), " ")
	want := "scenario live seed policies lif recall cpu_s_per_h event_latency_p50_ms event_latency_p99_ms deadline_miss_rate value max_staleness_ms"
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestBenchRefuses(t *testing.T) {
	dir := t.TempDir()
	nowhere := filepath.Join(dir, "no")
	t.Setenv(material.DataVariable, dir) // the default
	refuses(t, "bench scenario", []refusal{
		{"extra", exitUsage, "extra"},
		{"--for 9s", exitUsage, "use 10s to 10m"},
		{"--for 601s", exitUsage, "use 10s to 10m"},
		{"--for=-1m", exitUsage, "use 10s to 10m"},
		{"--for long", exitUsage, "for"},
		{"--seed -1", exitUsage, "seed"},
		{"--work 0", exitUsage, "above 0, up to 1"},
		{"--work 1.01", exitUsage, "above 0, up to 1"},
		{"--work NaN", exitUsage, "above 0, up to 1"},
		{"--policy best", exitUsage, `no policy "best": there are lif`},
		{"--policy=", exitUsage, "names none"},
		{"--policy lif,lif", exitUsage, "lif twice"},
		{"--record=", exitUsage, "needs the name of a file"},
		{"--data=", exitUsage, "no test data"},
		{"--record " + dir, exitFailure, "no regular file"},
		{"--record " + filepath.Join(nowhere, "x"), exitFailure, "no such file"},
		{"--data " + nowhere, exitFailure, "no such file or directory: --data must be the folder"},
		{"--data " + dir, exitFailure, "lfw_subset.npy: no such file or directory: --data must be the folder"},
	})
}

func TestBenchHelp(t *testing.T) {
	t.Setenv(material.DataVariable, "")
	help := helpOf(t, "bench", "scenario")
	for _, want := range []string{"max_staleness_ms", "edf_in_line", `"live"`} {
		if !strings.Contains(help, want) {
			t.Errorf("no %s in the help", want)
		}
	}
}
