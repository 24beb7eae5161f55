package optimize

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atoll/engine"
	"atoll/model"
	"atoll/model/graph"
	"atoll/models/modelstest"
	"atoll/sparsity"
	"atoll/sparsity/observe"
)

// convert does it all but for what is measured before and after.
func convert(t *testing.T, ctx context.Context, modality model.Modality, variant string, o Options) ([]byte, *job, error) {
	t.Helper()
	if o.Report == nil {
		o.Report = func(Progress) {}
	}
	j := &job{ctx: ctx, o: o, idle: make(chan *engine.Worker, maxWorkers)}
	t.Cleanup(j.close)
	if err := j.start(engine.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := j.open(modelstest.Data(t, modality, variant)); err != nil {
		t.Fatal(err)
	}
	m, err := j.convert()
	if err != nil {
		return nil, j, err
	}
	data, err := m.Write()
	if err != nil {
		t.Fatal(err)
	}
	return data, j, nil
}

func text(state string) Options {
	return Options{Sparsity: 0.5, Calibrate: "text", State: state, Method: "obs"}
}

func TestPrune(t *testing.T) {
	for _, pattern := range []string{"", "1x4", "4x1", "2:4"} {
		o := text("")
		o.Pattern = pattern
		data, j, err := convert(t, t.Context(), model.Text, "f32", o)
		if err != nil {
			t.Fatalf("%q: %v", pattern, err)
		}
		m, err := model.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := graph.FoldConstants(m); err != nil {
			t.Fatal(err)
		}
		layers, err := observe.Layers(m)
		if err != nil {
			t.Fatal(err)
		}
		zeros, all := 0.0, 0.0
		for _, l := range layers {
			if sparsity.Pattern(pattern).Check(l.Rows, l.Cols) != nil && pattern != "" {
				continue
			}
			share, err := zerosOf(m, l.Weights)
			if err != nil {
				t.Fatal(err)
			}
			zeros, all = zeros+share*float64(l.Rows*l.Cols), all+float64(l.Rows*l.Cols)
		}
		if got := zeros / all; got < 0.5 || got > 0.6 {
			t.Errorf("%q: %.3f are zero, want 0.5", pattern, got)
		}
		loss, err := j.cost(m)
		if err != nil || loss > 0.1 {
			t.Errorf("%q: loss %v, %v", pattern, loss, err)
		}
		if !slices.ContainsFunc(j.notes, func(s string) bool { return strings.Contains(s, "sparse kernels") }) {
			t.Errorf("%q: notes %q say nothing of sparse kernels", pattern, j.notes)
		}
	}
}

// TestResume stops the work after each layer and lets it go on.
func TestResume(t *testing.T) {
	want, _, err := convert(t, t.Context(), model.Text, "f32", text(""))
	if err != nil {
		t.Fatal(err)
	}
	for stop := range 2 {
		o := text(filepath.Join(t.TempDir(), "state"))
		ctx, cancel := context.WithCancel(t.Context())
		o.Report = func(p Progress) {
			if p.Doing == "pruning layers" && p.Done == stop {
				cancel()
			}
		}
		if _, _, err := convert(t, ctx, model.Text, "f32", o); !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at layer %d: %v", stop, err)
		}
		o.Report = nil
		got, _, err := convert(t, t.Context(), model.Text, "f32", o)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("stopped at layer %d: the result is another", stop)
		}
	}
}

// TestState refuses files that are damaged or of other work.
func TestState(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	if _, _, err := convert(t, t.Context(), model.Text, "f32", text(file)); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged := slices.Clone(good)
	damaged[len(damaged)/2] ^= 1
	for name, data := range map[string][]byte{
		"empty": {}, "short": good[:20], "damaged": damaged, "other": []byte("a letter to my aunt, and a long one it is, about tensors"),
	} {
		if err := os.WriteFile(file, data, 0o640); err != nil {
			t.Fatal(err)
		}
		if _, _, err := convert(t, t.Context(), model.Text, "f32", text(file)); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v, want ErrState", name, err)
		}
	}
	if err := os.WriteFile(file, good, 0o640); err != nil {
		t.Fatal(err)
	}
	o := text(file)
	o.Sparsity = 0.6
	if _, _, err := convert(t, t.Context(), model.Text, "f32", o); !errors.Is(err, ErrState) {
		t.Errorf("another share: %v, want ErrState", err)
	}
}

func TestPruneRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"method":  {func(o *Options) { o.Method = "luck" }, "luck"},
		"pattern": {func(o *Options) { o.Pattern = "stripes" }, "stripes"},
		"all":     {func(o *Options) { o.Sparsity = 1 }, "below 1"},
		"ratio":   {func(o *Options) { o.Pattern, o.Sparsity = "2:4", 0.7 }, "2:4"},
	} {
		o := text("")
		c.change(&o)
		if _, _, err := convert(t, t.Context(), model.Text, "f32", o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want one about %q", name, err, c.want)
		}
	}
}
