package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/engine"
	"atoll/internal/config"
	"atoll/internal/material"
	"atoll/model"
	"atoll/models/modelstest"
	"atoll/pipeline"
	"atoll/pipeline/fusion"
	"atoll/pipeline/source"
	"atoll/precision/selector"
)

func openTestSenses(t testing.TB, cfg config.Config) *Senses {
	t.Helper()
	cfg.Engine.Deadline.Duration = time.Minute // machines that test are busy
	s, err := OpenSenses(cfg, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// zeroed writes the baseline of vision with all its weights zero: a model that runs, and
// sees nothing.
func zeroed(t testing.TB) (path string) {
	t.Helper()
	m := modelstest.Read(t, model.Vision, "short")
	for _, x := range m.Subgraphs[0].Tensors {
		if x.Type == model.TypeFloat16 || x.Type == model.TypeFloat32 {
			clear(m.Buffers[x.Buffer])
		}
	}
	data, err := m.Write()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "zeroed.tflite")
	if err := os.WriteFile(path, data, 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

// stepper is a clock by which every look is a little later.
type stepper struct{ now time.Duration }

func (c *stepper) Now() time.Duration { c.now += 20 * time.Millisecond; return c.now }

// A variant that the selector took for good and that answers wrong is found out by the
// baseline in its shadow, logged, and not used any more.
func TestBadVariantIsDemoted(t *testing.T) {
	data, err := material.FindData()
	if err != nil {
		t.Fatal(err)
	}
	crops, err := data.Crops()
	if err != nil {
		t.Fatal(err)
	}
	senses := openTestSenses(t, config.Default())
	good, err := senses.Faces(Choice{})
	if err != nil {
		t.Fatal(err)
	}
	bad, err := senses.Faces(Choice{File: zeroed(t)})
	if err != nil {
		t.Fatal(err)
	}
	var log logbook
	var told bytes.Buffer
	s, err := selector.New(selector.Options{
		// It is said to be better, so it comes into use however fast both are.
		Variants: []selector.Variant{{Name: "short", Accuracy: 0.9, Baseline: true}, {Name: "zeroed", Accuracy: 0.99}},
		Latency:  time.Minute, Clock: &stepper{},
		Tell: teller(zerolog.New(&log), func(s fmt.Stringer) { told.WriteString(s.String() + "\n") }),
	})
	if err != nil {
		t.Fatal(err)
	}
	observer := pipeline.NewObserver(
		pipeline.Variants[*pipeline.FaceDetector]{Senses: []*pipeline.FaceDetector{good, bad}, Selector: s},
		pipeline.Variants[*pipeline.VoiceDetector]{}, pipeline.Variants[*pipeline.MoodClassifier]{})
	used := false
	for i := range 400 {
		item := source.Item{Modality: model.Vision, Image: crops.Picture(i%len(crops.Pix), 0.5)}
		if _, _, err := observer.Observe(&item); err != nil {
			t.Fatal(err)
		}
		used = used || s.Using() == "zeroed"
	}
	if !used || s.Using() != "short" || s.Stats().Demoted != 1 {
		t.Errorf("the bad variant was used: %v; then %s is in use, %+v", used, s.Using(), s.Stats())
	}
	if got := log.records(t, "variant is demoted: it is not used again before the next start"); len(got) != 1 || got[0]["variant"] != "zeroed" || got[0]["level"] != "warn" {
		t.Errorf("demotions logged: %v", got)
	}
	if got := log.records(t, "another variant is in use"); len(got) != 2 {
		t.Errorf("changes logged: %v, want to zeroed and back", got)
	}
	if !strings.Contains(told.String(), "zeroed is demoted: its answers differ") {
		t.Errorf("explained as %s", told.String())
	}
}

// A variant that can't be opened is left out and told of; without the baseline there is
// nothing to hold the others to.
func TestVariantThatCantBeOpened(t *testing.T) {
	broken := errors.New("broken")
	options := selector.Options{Latency: time.Second, Clock: &stepper{}}
	var log logbook
	v, err := openVariants(model.Vision, func(c Choice) (string, error) {
		if c.Variant == "full" {
			return "", broken
		}
		return c.Variant, nil
	}, options, zerolog.New(&log))
	if err != nil || !slices.Contains(v.Senses, "short") || slices.Contains(v.Senses, "full") {
		t.Errorf("got %v, %v", v.Senses, err)
	}
	for i, row := range v.Selector.Table() {
		if row.Name != v.Senses[i] {
			t.Errorf("place %d is %s for the selector, and %s to run", i, row.Name, v.Senses[i])
		}
	}
	if got := log.records(t, "variant is left out"); len(got) != 1 || got[0]["variant"] != "full" || got[0]["error"] != "broken" {
		t.Errorf("logged %v", got)
	}
	_, err = openVariants(model.Vision, func(Choice) (string, error) { return "", broken }, options, zerolog.Nop())
	if !errors.Is(err, broken) {
		t.Errorf("without the baseline: %v, want %v", err, broken)
	}
}

// Each modality can be compared, in no more than the runs that it takes, and exactly one
// variant is picked.
func TestCompare(t *testing.T) {
	senses := openTestSenses(t, config.Default())
	for m := range model.Modality(model.NumModalities) {
		steps := 0
		c, err := senses.Compare(t.Context(), m, ComparisonOptions{Power: physic.Watt, Step: func() { steps++ }})
		if err != nil {
			t.Fatal(err)
		}
		used := 0
		for i, r := range c.Rows {
			if r.Name != c.Variants[i].Name || r.Hot.Median <= 0 || r.Hot.High < r.Hot.Median || r.Energy <= 0 || r.Why == "" {
				t.Errorf("%v: row %+v", m, r)
			}
			if r.Used {
				used++
			}
		}
		if used != 1 || steps != ComparisonSteps || c.Latency <= 0 || c.Accuracy <= 0 {
			t.Errorf("%v: %d are picked, %d steps, %+v", m, used, steps, c)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := senses.Compare(ctx, model.Text, ComparisonOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A run with "auto" has a selector for each modality that its sources need, and says at
// the end what it used.
func TestRunWithAuto(t *testing.T) {
	cfg, err := config.Parse([]byte("[text]\nvariant = \"auto\"\n[[source]]\nname = \"desk\"\nkind = \"lines\"\npath = \"-\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	tree := coral(t, "45000")
	var log logbook
	stats, err := Run(t.Context(), cfg, RunOptions{
		Once: true, Root: tree.Root, State: t.TempDir(), Stdin: strings.NewReader(strings.Repeat("A wonderful film.\n", 5)),
		Emit: func(fusion.Event) {}, Logger: zerolog.New(&log),
	})
	if err != nil || len(stats) != 1 || stats[0].Inferred != 5 {
		t.Fatal(stats, err)
	}
	got := log.records(t, "variants so far")
	if len(got) != 1 || got[0]["modality"] != "text" || got[0]["variant"] == "" || got[0]["jobs"] != 5.0 {
		t.Errorf("logged %v", got)
	}
}

func TestJobPower(t *testing.T) {
	if got := JobPower(board.Energy{}, 2); got != 0 {
		t.Errorf("of an unknown board: %v, want 0", got)
	}
	one, two, many := JobPower(twoCores, 1), JobPower(twoCores, 2), JobPower(twoCores, 64)
	if one <= 0 || two < one*19/10 || many != two {
		t.Errorf("one core %v, two %v, more than there are %v", one, two, many)
	}
}

func TestLatencyBudget(t *testing.T) {
	cfg := config.Default()
	if got := latencyBudget(cfg, model.Vision); got != 150*time.Millisecond {
		t.Errorf("by default %v, want 150ms", got)
	}
	cfg.Engine.Deadline.Duration = 40 * time.Millisecond
	if got := latencyBudget(cfg, model.Vision); got != 40*time.Millisecond {
		t.Errorf("with a shorter deadline %v, want 40ms", got)
	}
	cfg.Vision.Latency.Duration = 5 * time.Millisecond
	if got := latencyBudget(cfg, model.Vision); got != 5*time.Millisecond {
		t.Errorf("configured %v, want 5ms", got)
	}
}
