package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"atoll/internal/goldentest"
	"atoll/thermal/sim"
)

// scores are those of a controller that keeps everything, one that just does, and
// one that misses everything.
var scores = sim.Result{Plants: 1000, Seed: 18446744073709551615, Policies: map[string]sim.Score{
	"predictive":      {EfficiencyP50: 0.9912, EfficiencyP05: 0.9756, OvershootP99: 0.314, Max: 70.42, SettledPtp: 0.61, FaultMax: 73.1, FaultRecovery: 12.3},
	"power_allocator": {EfficiencyP50: 0.98, EfficiencyP05: 0.95, OvershootP99: 0.5, Max: 84.9, SettledPtp: 1, FaultMax: 75, FaultRecovery: 30},
	"bang_bang":       {EfficiencyP50: 0.5, EfficiencyP05: 0.25, OvershootP99: 54.387, Max: 124.4, SettledPtp: 25.011, FaultMax: 185.47, FaultRecovery: 599.9},
}}

func TestScoreTable(t *testing.T) {
	for file, policies := range map[string][]string{
		"sim_all.txt":  {"predictive", "power_allocator", "bang_bang"},
		"sim_kept.txt": {"predictive"},
	} {
		var b bytes.Buffer
		printScores(&b, scores, policies)
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: a line of %d columns, want at most 80: %q", file, n, line)
			}
		}
		goldentest.Check(t, file, b.Bytes())
	}
}

// broken fails every write.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("out of paper") }

func TestSimThermalReportsFailedWrites(t *testing.T) {
	for _, args := range [][]string{nil, {"--json"}} {
		var stderr bytes.Buffer
		args = append([]string{"sim", "thermal", "--plants", "1", "--policy", "bang_bang"}, args...)
		if got := Main(args, nil, broken{}, &stderr); got != exitFailure {
			t.Errorf("%v: status %d, want %d", args, got, exitFailure)
		}
		if want := "cannot write results: out of paper"; !strings.Contains(stderr.String(), want) {
			t.Errorf("%v: %q, want %q in it", args, stderr.String(), want)
		}
	}
}

func TestSimThermalRefuses(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link.svg")
	if err := os.Symlink("nothing", link); err != nil {
		t.Fatal(err)
	}
	refuses(t, "", []refusal{
		{"sim", exitUsage, "needs a command"},
		{"sim nonsense", exitUsage, "no command"},
		{"sim thermal extra", exitUsage, "extra"},
		{"sim thermal --plants 0", exitUsage, "from 1 to 100000"},
		{"sim thermal --plants -5", exitUsage, "from 1 to 100000"},
		{"sim thermal --plants 100001", exitUsage, "from 1 to 100000"},
		{"sim thermal --plants many", exitUsage, "plants"},
		{"sim thermal --seed -1", exitUsage, "seed"},
		{"sim thermal --policy nonsense", exitUsage, `no policy "nonsense": there are predictive`},
		{"sim thermal --policy=", exitUsage, "names none"},
		{"sim thermal --policy predictive,predictive", exitUsage, "predictive twice"},
		{"sim thermal --chart=", exitUsage, "--chart needs"},
		{"sim thermal --chart " + dir, exitFailure, "no regular file"},
		{"sim thermal --chart " + link, exitFailure, "no regular file"},
		{"sim thermal --chart /dev/null", exitFailure, "no regular file"},
		{"sim thermal --chart " + filepath.Join(dir, "no", "x.svg"), exitFailure, "no such file"},
	})
}
