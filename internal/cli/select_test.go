package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"periph.io/x/conn/v3/physic"

	"atoll/internal/app"
	"atoll/internal/goldentest"
	"atoll/model"
	"atoll/models"
	"atoll/precision/selector"
)

func TestSelectRefuses(t *testing.T) {
	refuses(t, "select", []refusal{
		{"smell", exitUsage, `there is no modality "smell": use vision, audio, text`},
		{"text text", exitUsage, "text is given twice"},
		{"--accuracy 0", exitUsage, "--accuracy 0: use a share above 0, up to 1"},
		{"--accuracy 1.1", exitUsage, "--accuracy 1.1: use"},
		{"--accuracy nan", exitUsage, "--accuracy NaN: use"},
		{"--accuracy much", exitUsage, "--accuracy much: must be a number"},
		{"--latency 0s", exitUsage, "--latency 0s: use a time above 0, up to 30s"},
		{"--latency -1ms", exitUsage, "--latency -1ms: use"},
		{"--latency 31s", exitUsage, "--latency 31s: use"},
		{"--latency soon", exitUsage, "--latency soon: must be a time such as"},
	})
	if help := helpOf(t, "select"); !strings.Contains(help, `"energy_mj"`) {
		t.Error("help doesn't document the JSON")
	}
}

// comparison is one with everything that there may be in a row.
func comparison(t *testing.T) app.Comparison {
	manifest, err := models.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	v := manifest.Baseline(model.Vision)
	fast := selector.Latency{Median: 612 * time.Microsecond, High: 750 * time.Microsecond}
	slow := selector.Latency{Median: 1234567 * time.Microsecond, High: 9876543 * time.Microsecond}
	return app.Comparison{Accuracy: 0.973, Latency: 150 * time.Millisecond, Variants: []*model.Variant{v, v, v}, Rows: []selector.Row{
		{Name: "short", Accuracy: 0.9925, Hot: fast, Cold: fast, Energy: 1234 * physic.MicroJoule, Front: true, Used: true, Why: selector.Accurate.String()},
		{Name: "a-name-that-is-much-longer", Accuracy: 1, Hot: slow, Cold: slow, Energy: 12345 * physic.MilliJoule, Why: strings.Repeat("a reason that takes its time ", 5)},
		{Name: "new", Why: "its accuracy is unknown"},
	}}
}

func TestSelectTable(t *testing.T) {
	var b bytes.Buffer
	printComparison(&b, "vision", comparison(t))
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("a line of %d columns, want at most 80: %q", n, line)
		}
	}
	goldentest.Check(t, "select.txt", b.Bytes())
}

func TestSelectJSON(t *testing.T) {
	var b bytes.Buffer
	f := selectFlags{economy: true}
	if err := f.printJSON(&b, "vision", comparison(t)); err != nil {
		t.Fatal(err)
	}
	goldentest.Check(t, "select.json", b.Bytes())
	var got selectJSON
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got.Picked != "short" || len(got.Variants) != 3 || got.Variants[0].Hot != 0.612 {
		t.Errorf("%v: %+v", err, got)
	}
}
