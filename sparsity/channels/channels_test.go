package channels_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"atoll/engine"
	"atoll/engine/enginetest"
	"atoll/model"
	"atoll/model/graph"
	"atoll/models/modelstest"
	"atoll/sparsity/channels"
)

// folded reads one of the models that the build fetches and folds its constants.
func folded(t testing.TB, name string) *model.Model {
	t.Helper()
	m := modelstest.ReadFile(t, name)
	if _, err := graph.FoldConstants(m); err != nil {
		t.Fatal(err)
	}
	graph.Clean(m)
	return m
}

func groupsOf(t testing.TB, m *model.Model) []channels.Group {
	t.Helper()
	groups, err := channels.Groups(m)
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

// answer runs a model on noise.
func answer(t testing.TB, m *model.Model) []float32 {
	t.Helper()
	return enginetest.Answer(t, m, func(inputs []engine.Tensor) {
		r := rand.New(rand.NewPCG(1, 2))
		for in, i := inputs[0].Float32s(), 0; i < len(in); i++ {
			in[i] = r.Float32()*2 - 1
		}
	})
}

// mask gives units no weight in any convolution that reads them.
func mask(t testing.TB, m *model.Model, units []channels.Unit) {
	t.Helper()
	gone := make(map[channels.Channel]bool)
	for _, u := range units {
		for _, c := range u.Channels {
			gone[c] = true
		}
	}
	e := graph.Edit(m, 0)
	for i := range e.Graph.Operators {
		op := &e.Graph.Operators[i]
		if e.Builtin(op) != model.OpConv2D {
			continue
		}
		w := &e.Graph.Tensors[op.Inputs[1]]
		values, err := graph.Floats(m, w)
		if err != nil {
			t.Fatal(err)
		}
		for i := range values {
			if gone[channels.Channel{Tensor: op.Inputs[0], Index: int32(i) % w.Shape[3]}] {
				values[i] = 0
			}
		}
		e.SetConstant(op.Inputs[1], graph.Float32Bytes(values))
	}
}

func TestRemovedChannelsAreAsIfNothingReadThem(t *testing.T) {
	for _, name := range []string{"face_short_range.tflite", "face_full_range.tflite", "face_full_range_sparse.tflite"} {
		t.Run(name, func(t *testing.T) {
			var units []channels.Unit
			r := rand.New(rand.NewPCG(3, 4))
			for _, g := range groupsOf(t, folded(t, name)) {
				for _, u := range g.Units[:len(g.Units)/2] {
					if g.Fixed == "" && r.IntN(3) == 0 {
						units = append(units, u)
					}
				}
			}
			if len(units) < 10 {
				t.Fatalf("only %d units could go", len(units))
			}
			masked, cut := folded(t, name), folded(t, name)
			mask(t, masked, units)
			if err := channels.Remove(cut, units); err != nil {
				t.Fatal(err)
			}
			want, got := answer(t, masked), answer(t, cut)
			difference, largest := 0.0, 0.0
			for i := range want {
				difference = max(difference, math.Abs(float64(want[i])-float64(got[i])))
				largest = max(largest, math.Abs(float64(want[i])))
			}
			if difference > 1e-5*largest {
				t.Errorf("%d units removed: outputs differ by %.2g of %.2g", len(units), difference, largest)
			}
			checkSize(t, folded(t, name), cut, units)
		})
	}
}

// checkSize wants the file to lose what the units were said to weigh, where none of
// them cut the same weights, and at most that otherwise.
func checkSize(t *testing.T, before, after *model.Model, units []channels.Unit) {
	t.Helper()
	size := func(m *model.Model) int {
		data, err := m.Write()
		if err != nil {
			t.Fatal(err)
		}
		return len(data)
	}
	promised := int64(0)
	for _, u := range units {
		promised += 4 * u.Weights
	}
	saved := int64(size(before) - size(after))
	if saved <= 0 || saved > promised+4096 {
		t.Errorf("the file lost %d bytes, the units weigh %d", saved, promised)
	}
}

// The shapes that Remove writes are those that inference finds.
func TestRemoveWritesInferredShapes(t *testing.T) {
	m := folded(t, "face_short_range.tflite")
	var units []channels.Unit
	for _, g := range groupsOf(t, m) {
		if g.Fixed == "" && len(g.Units) > 1 {
			units = append(units, g.Units[0])
		}
	}
	if err := channels.Remove(m, units); err != nil {
		t.Fatal(err)
	}
	var want [][]int32
	for _, x := range m.Subgraphs[0].Tensors {
		want = append(want, append([]int32(nil), x.Shape...))
	}
	if err := graph.Infer(m); err != nil {
		t.Fatal(err)
	}
	for i, x := range m.Subgraphs[0].Tensors {
		if !reflect.DeepEqual(append([]int32(nil), x.Shape...), want[i]) {
			t.Errorf("tensor %d, %s: shape %v, inferred %v", i, x.Name, want[i], x.Shape)
		}
	}
}

// The residual stream of the short-range model: 24 channels run from the first
// convolution to the last, and each PAD adds a few.
func TestGroupsOfTheShortRangeModel(t *testing.T) {
	m := folded(t, "face_short_range.tflite")
	free, fixed := 0, make(map[string]int)
	longest := 0
	for _, g := range groupsOf(t, m) {
		longest = max(longest, len(g.Tensors))
		if g.Fixed == "" {
			free += len(g.Units)
		} else {
			fixed[g.Fixed] += len(g.Units)
		}
	}
	if free != 96 {
		t.Errorf("%d units may go, want the 96 of the stream", free)
	}
	if longest < 60 {
		t.Errorf("the longest group runs through %d tensors", longest)
	}
	if fixed["an input of the model"] != 3 {
		t.Errorf("fixed: %v", fixed)
	}
	reshapes := 0
	for reason, n := range fixed {
		if strings.Contains(reason, "RESHAPE") {
			reshapes += n
		}
	}
	if reshapes != 2+6+32+96 {
		t.Errorf("%d channels are held by RESHAPE, want those of the four heads", reshapes)
	}
}

func TestRemoveRefuses(t *testing.T) {
	m := folded(t, "face_short_range.tflite")
	groups := groupsOf(t, m)
	var fixed, free channels.Group
	for _, g := range groups {
		if g.Fixed != "" {
			fixed = g
		} else if len(free.Units) == 0 {
			free = g
		}
	}
	short := channels.Unit{Channels: free.Units[0].Channels[:1]}
	cases := []struct {
		name  string
		units []channels.Unit
		want  string
	}{
		{"fixed", fixed.Units[:1], "must stay"},
		{"all of a tensor", free.Units, "lose all its channels"},
		{"empty", []channels.Unit{{}}, "isn't one of this model's"},
		{"part of a unit", []channels.Unit{short}, "isn't one of this model's"},
		{"of no tensor", []channels.Unit{{Channels: []channels.Channel{{Tensor: 9999}}}}, "isn't one of this model's"},
	}
	before, err := m.Write()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if err := channels.Remove(m, c.units); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if after, err := m.Write(); err != nil || string(after) != string(before) {
		t.Errorf("a refused removal changed the model (error %v)", err)
	}
	m.Subgraphs = append(m.Subgraphs, m.Subgraphs[0])
	if _, err := channels.Groups(m); !errors.Is(err, channels.ErrSubgraphs) {
		t.Errorf("two subgraphs: %v, want ErrSubgraphs", err)
	}
}
