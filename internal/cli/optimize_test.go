package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"atoll/internal/goldentest"
	"atoll/internal/optimize"
	"atoll/internal/task"
)

// labelledCard is that of a model that became smaller.
func labelledCard() *optimize.Card {
	before, after := 0.9925, 0.9625
	return &optimize.Card{
		Before: optimize.State{Bytes: 1083984, Ops: 209, LatencyMS: 2.213, Accuracy: &before, Score: &task.Score{
			Accuracy: before, Labelled: true, N: 200,
			Parts: []task.Part{{Name: "at 100 %", N: 100, Right: 100}, {Name: "at 30 %", N: 100, Right: 98}, {Name: "nothing"}},
		}},
		After: optimize.State{Bytes: 402112, Ops: 118, LatencyMS: 0.9512, Accuracy: &after, Sparsity: 0.6841, Score: &task.Score{
			Accuracy: after, Labelled: true, N: 200, Changed: 7, Largest: 0.3121,
			Parts: []task.Part{{Name: "at 100 %", N: 100, Right: 99}, {Name: "at 30 %", N: 100, Right: 93}, {Name: "nothing"}},
		}},
		Layers: []optimize.Layer{
			{Name: "conv2d", SNR: 200, Format: "float32"},
			{Name: "block_1/depthwise", SNR: 31.2, Relative: 7.6e-4, Format: "int8"},
			{Name: "model_1/face_detector/block_17/batch_normalization/FusedBatchNormV3;conv", SNR: 29.9, Relative: 1.02e-3, Format: "int8", Sparsity: 0.7},
			{Name: "block_3", SNR: 33, Relative: 5e-4, Format: "int8", Sparsity: 0.7},
			{Name: "hostile\x1b[2J", SNR: 18.3, Relative: 0.0148, Format: "int8", Sparsity: 0.9},
			{Name: "block_5", SNR: 18.2, Relative: 0.0151, Format: "float16"},
			{Name: "block_6", SNR: 18.1, Relative: 0.0155, Format: "int8 weights"},
			{Name: "block_7", SNR: 17, Relative: 0.02, Format: "int8 weights"},
			{Name: "classificator", SNR: -3.01, Relative: 2, Format: "int8"},
		},
		Notes: []string{
			"2 layers stay in float: they harm most",
			"the sparse path is not taken, because the operator RESIZE_BILINEAR between conv2d_7 and add_3 has no form for channels first: files shrink all the same\n\x1b[31m",
		},
	}
}

// plainCard is that of a model that nothing is known about, but that it became larger.
func plainCard() *optimize.Card {
	return &optimize.Card{Before: optimize.State{Bytes: 1000, Ops: 3, LatencyMS: 1}, After: optimize.State{Bytes: 1996, Ops: 3, LatencyMS: 1.004}}
}

// unlabelledCard is that of a model judged by its original.
func unlabelledCard() *optimize.Card {
	before, after := 1.0, 0.98
	return &optimize.Card{
		Before: optimize.State{Bytes: 1000, Ops: 3, LatencyMS: 0.1, Accuracy: &before, Score: &task.Score{Accuracy: 1, N: 50}},
		After:  optimize.State{Bytes: 500, Ops: 4, LatencyMS: 0.2, Accuracy: &after, Score: &task.Score{Accuracy: after, N: 50, Changed: 1, Largest: 0.04}},
	}
}

func TestOptimizeCards(t *testing.T) {
	long := strings.Repeat("folder/", 12) + "small.tflite"
	for name, c := range map[string]struct {
		flags optimizeFlags
		card  *optimize.Card
	}{
		"optimize.txt":            {optimizeFlags{in: "face.tflite", out: "small.tflite"}, labelledCard()},
		"optimize_evaluated.txt":  {optimizeFlags{in: "face.tflite", out: long, evaluate: true}, labelledCard()},
		"optimize_plain.txt":      {optimizeFlags{in: "face\x1b.tflite", out: "face.tflite", evaluate: true}, plainCard()},
		"optimize_unlabelled.txt": {optimizeFlags{in: "voice.tflite", evaluate: true}, unlabelledCard()},
	} {
		var b bytes.Buffer
		c.flags.print(&b, c.card)
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > helpWidth && !strings.Contains(line, long) {
				t.Errorf("%s: a line of %d columns, want at most %d: %q", name, n, helpWidth, line)
			}
			if strings.ContainsRune(line, '\x1b') {
				t.Errorf("%s: a line that disturbs a terminal: %q", name, line)
			}
		}
		goldentest.Check(t, name, b.Bytes())
	}
}

// What programs read has the fields that are promised, with values, or null where
// nothing was measured.
func TestOptimizeJSON(t *testing.T) {
	type state struct {
		Bytes, Ops *int64
		LatencyMS  *float64 `json:"latency_ms"`
		Accuracy   *float64
		Sparsity   *float64
	}
	for name, card := range map[string]*optimize.Card{"labelled": labelledCard(), "plain": plainCard()} {
		var b bytes.Buffer
		if err := (&optimizeFlags{json: true}).report(&b, card); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), `":null`) != (card.After.Accuracy == nil) || strings.Contains(b.String(), "s\":null") {
			t.Errorf("%s: %s: only an accuracy may be null", name, b.String())
		}
		if name == "labelled" {
			goldentest.Check(t, "optimize.json", b.Bytes())
		}
		var got struct {
			Before, After *state
			Layers        []struct {
				Name     string
				SNR      *float64 `json:"snr_db"`
				Relative *float64 `json:"relative_error"`
				Format   string
				Sparsity *float64
			}
			Notes []string
		}
		d := json.NewDecoder(&b)
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for which, s := range map[string]*state{"before": got.Before, "after": got.After} {
			if s == nil || s.Bytes == nil || s.Ops == nil || s.LatencyMS == nil || s.Sparsity == nil || (s.Accuracy != nil) != (name == "labelled") {
				t.Errorf("%s: %s is %+v", name, which, s)
			}
		}
		if len(got.Layers) != len(card.Layers) || len(got.Notes) != len(card.Notes) {
			t.Errorf("%s: %d layers, %d notes; want %d, %d", name, len(got.Layers), len(got.Notes), len(card.Layers), len(card.Notes))
		}
		for i, l := range got.Layers {
			if l.Name == "" || l.SNR == nil || l.Relative == nil || l.Format == "" || l.Sparsity == nil {
				t.Errorf("%s: layer %d is %+v", name, i, l)
			}
		}
	}
}

func TestRises(t *testing.T) {
	for _, c := range []struct {
		errors []float64
		want   string
	}{
		{nil, ""},
		{[]float64{0, 0, 0}, ""},
		{[]float64{0.5, 0.4, 0.3}, "0"},
		{[]float64{0.1, 0.3, 0.3, 0.2, 0.9}, "410"},
		{[]float64{1, 2, 3, 4, 5, 6, 7}, "01234"},
		{[]float64{1, 2, 3, 4, 5, 6, 9}, "60123"},
	} {
		layers := make([]optimize.Layer, len(c.errors))
		for i, e := range c.errors {
			layers[i].Relative = e
		}
		got := ""
		for _, i := range rises(layers) {
			got += string(rune('0' + i))
		}
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.errors, got, c.want)
		}
	}
}

func TestShorten(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "short": "short", "123456789": "123456789", "1234567890": "123…67890", "äöüäöüäöüä": "äöü…üäöüä",
	} {
		if got := shorten(text, 9); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestOptimizeRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("no.tflite"), []byte("no model"), 0o640); err != nil {
		t.Fatal(err)
	}
	const files = "--in m.tflite --out o.tflite "
	refuses(t, "optimize", []refusal{
		{"", exitUsage, "--in must name the model to read"},
		{"m.tflite o.tflite", exitUsage, `"m.tflite" is one: name files with --in and --out`},
		{"--out o.tflite", exitUsage, "--in must"},
		{"--in m.tflite", exitUsage, "only --evaluate needs none"},
		{"--in m.tflite --out= --evaluate --calibrate vision", exitUsage, "need a name each"},
		{"--in m.tflite --evaluate", exitUsage, "--evaluate needs data: give --calibrate vision, audio, text (the project's test data), or a folder"},
		{files + "--precision int4", exitUsage, `--precision "int4": must be one of f32, f16, int8-dynamic, int8, mixed`},
		{files + "--precision=", exitUsage, `--precision "": must be`},
		{files + "--precision int8", exitUsage, "--precision int8 needs data"},
		{files + "--precision mixed", exitUsage, "--precision mixed needs data"},
		{files + "--precision int8 --calibrate=", exitUsage, "need a name each"},
		{files + "--sparsity 0.7", exitUsage, "--sparsity needs data"},
		{files + "--max-drop 0.1", exitUsage, "--max-drop needs data"},
		{files + "--sparsity 0.96 --calibrate vision", exitUsage, "must be from 0 to 0.95"},
		{files + "--sparsity=-0.1 --calibrate vision", exitUsage, "must be from 0 to 0.95"},
		{files + "--sparsity NaN --calibrate vision", exitUsage, "must be from 0 to 0.95"},
		{files + "--sparsity half", exitUsage, "must be a number"},
		{files + "--sparsity 0.7 --pattern 2:4 --calibrate vision", exitUsage, "2:4 makes half"},
		{files + "--sparsity 0.2 --pattern channels --method obs --calibrate vision", exitUsage, "takes no --method"},
		{files + "--sparsity 0.2 --pattern channels --resume state --calibrate vision", exitUsage, "no --resume"},
		{files + "--sparsity 0.7 --pattern rows --calibrate vision", exitUsage, "must be one of unstructured"},
		{files + "--sparsity 0.7 --method luck --calibrate vision", exitUsage, "must be one of quantum"},
		{files + "--pattern 1x4", exitUsage, "give --sparsity, too"},
		{files + "--method obs --sparsity 0", exitUsage, "give --sparsity, too"},
		{files + "--clipping kl", exitUsage, "int8 and mixed"},
		{files + "--precision int8 --clipping best --calibrate vision", exitUsage, "must be one of mse"},
		{files + "--max-drop 1.1 --calibrate vision", exitUsage, "above 0, up to 1"},
		{files + "--max-drop NaN --calibrate vision", exitUsage, "above 0, up to 1"},
		{files + "--max-drop 0 --calibrate vision", exitUsage, "above 0, up to 1"},
		{files + "--seed -1", exitUsage, "seed"},
		{files + "--resume=", exitUsage, "need a name each"},
		{files + "--resume ./o.tflite", exitUsage, "is a model's file"},
		{files + "--resume m.tflite", exitUsage, "is a model's file"},
		{files + "--sparsity 0.5 --calibrate vision --resume " + dir, exitFailure, "no regular file"},
		{files + "--resume state", exitUsage, "give --sparsity, too"},
		{"--in m.tflite --out " + dir, exitFailure, "no regular file"},
		{"--in m.tflite --out " + at("missing/o.tflite"), exitFailure, "no such file"},
		{"--in m.tflite --out " + at("o.tflite"), exitFailure, "open m.tflite: no such file"},
		{"--in " + dir + " --out " + at("o.tflite"), exitFailure, "is a folder: name a file"},
		{"--in " + at("no.tflite") + " --out " + at("o.tflite"), exitFailure, "no.tflite: not a usable model"},
	})
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v; want no.tflite alone", left, err)
	}
}

// Only what was remembered is promised to be gone on from.
func TestOptimizeInterrupted(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	f := optimizeFlags{options: optimize.Options{State: state}}
	for _, want := range []string{"interrupted, nothing is written", "interrupted, nothing is written: the same command goes on from " + state} {
		if got := f.interrupted().Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if err := os.WriteFile(state, nil, 0o640); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOptimizeHelp(t *testing.T) {
	help := helpOf(t, "optimize")
	for _, want := range []string{`"layers":[{"name","snr_db","relative_error","format","sparsity"}]`, "int8-dynamic", "2:4", "magnitude", "percentile", "vision, audio, text", "0.95", "stock TensorFlow Lite"} {
		if !strings.Contains(help, want) {
			t.Errorf("no %s in the help", want)
		}
	}
}

func TestOptimizeCompletion(t *testing.T) {
	for flag, want := range map[string]string{
		"precision": "f32 f16 int8-dynamic int8 mixed :4",
		"pattern":   "unstructured 1x4 4x1 2:4 channels :4",
		"method":    "quantum annealing descent obs wanda magnitude :4",
		"clipping":  "mse minmax percentile kl :4",
		"calibrate": "vision audio text :0", // or a folder
		"in":        "tflite :8",
	} {
		var stdout, stderr bytes.Buffer
		if got := Main([]string{"__complete", "optimize", "--" + flag, ""}, nil, &stdout, &stderr); got != exitOK {
			t.Fatalf("%s: status %d, %s", flag, got, stderr.String())
		}
		if got := strings.Join(strings.Fields(stdout.String()), " "); got != want {
			t.Errorf("%s: %q, want %q", flag, got, want)
		}
	}
}
