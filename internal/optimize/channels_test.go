package optimize

import (
	"reflect"
	"strings"
	"testing"

	"atoll/model"
	"atoll/precision/quantize"
	"atoll/sparsity/channels"
)

// free counts the channels that may go.
func free(t *testing.T, m *model.Model) int {
	t.Helper()
	groups, err := channels.Groups(m)
	if err != nil {
		t.Fatal(err)
	}
	list, _, _ := removals(groups)
	return len(list)
}

func TestChannels(t *testing.T) {
	for _, c := range []struct {
		modality  model.Modality
		variant   string
		calibrate string
		precision string
		loss      float64 // at most
	}{
		{model.Audio, "f32", "audio", "", 0.05},
		{model.Audio, "f32", "audio", "int8-dynamic", 0.1},
	} {
		o := Options{Sparsity: 0.2, Pattern: PatternChannels, Calibrate: c.calibrate, Precision: c.precision}
		result, j, err := convert(t, t.Context(), c.modality, c.variant, o)
		if err != nil {
			t.Fatalf("%s %s: %v", c.modality, c.precision, err)
		}
		m, err := model.Read(result)
		if err != nil {
			t.Fatal(err)
		}
		all := free(t, j.prepared)
		if got := 1 - float64(free(t, j.pruned))/float64(all); got < 0.15 || got > 0.21 {
			t.Errorf("%s %s: %.3f of %d channels went, want 0.2", c.modality, c.precision, got, all)
		}
		before, after := model.Inspect(j.prepared, 0).MACs, model.Inspect(m, 0).MACs
		if float64(after) > 0.9*float64(before) {
			t.Errorf("%s %s: %d of %d multiplications are left", c.modality, c.precision, after, before)
		}
		loss, err := j.cost(m)
		if err != nil || loss > c.loss {
			t.Errorf("%s %s: loss %v, %v; want at most %v", c.modality, c.precision, loss, err, c.loss)
		}
		layers, err := j.layers(m)
		if err != nil || len(layers) == 0 {
			t.Errorf("%s %s: %d layers compared, %v", c.modality, c.precision, len(layers), err)
		}
		if !strings.Contains(strings.Join(j.notes, "\n"), "multiplications are left") {
			t.Errorf("%s %s: notes %q say nothing of what is left", c.modality, c.precision, j.notes)
		}
	}
}

// The text model has no pictures, and so no channels.
func TestNoChannels(t *testing.T) {
	o := text("")
	o.Pattern = PatternChannels
	if _, _, err := convert(t, t.Context(), model.Text, "f32", o); err == nil || !strings.Contains(err.Error(), "no channel can be removed") {
		t.Errorf("%v, want that no channel can be removed", err)
	}
}

// Removal gives tensors other numbers, but not other names.
func TestFactorsOfPrepared(t *testing.T) {
	named := func(names ...string) *model.Model {
		m := &model.Model{Subgraphs: make([]model.Subgraph, 1)}
		for _, name := range names {
			m.Subgraphs[0].Tensors = append(m.Subgraphs[0].Tensors, model.Tensor{Name: name})
		}
		return m
	}
	j := &job{prepared: named("weights", "a", "b"), pruned: named("a", "b", "weights")}
	got := j.ofPrepared(quantize.Factors{0: {1, 2}, 1: {3}})
	if want := (quantize.Factors{1: {1, 2}, 2: {3}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
