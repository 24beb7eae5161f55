package quantize

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"

	"atoll/engine/enginetest"
	"atoll/model"
)

// tower is a model of layers one after the other, "0", "1" and so on, prepared.
func tower(t testing.TB, layers int) *model.Model {
	t.Helper()
	n := newNet()
	x := n.input("x", 1, 4)
	for i := range layers {
		x = n.connected(string(rune('0'+i)), x, 4, 4, true)
	}
	m := n.output(x)
	if err := Prepare(m); err != nil {
		t.Fatal(err)
	}
	return m
}

// fake is a search without a worker, from the ends that were seen.
func fake(m *model.Model, f Format, cost Cost) *Search {
	return &Search{
		Formats: uniform(len(Layers(m)), f), Cost: cost, Threads: 1, Clipping: MinMax, Progress: func(string, int, int) {},
		Observe: func(m *model.Model) (map[int32]*Statistics, error) {
			stats := make(map[int32]*Statistics)
			for _, x := range activations(m) {
				stats[x] = flat(m, x)
				for i := range stats[x].Histogram {
					stats[x].Histogram[i] = 1
				}
			}
			return stats, nil
		},
	}
}

// scaleOf is the step of the integers by a name, 0 if there are none.
func scaleOf(m *model.Model, name string) float64 {
	for i := range m.Subgraphs[0].Tensors {
		if x := &m.Subgraphs[0].Tensors[i]; x.Name == name && x.Type == model.TypeInt8 {
			return float64(x.Quantization.Scale[0])
		}
	}
	return 0
}

// far is the sum of how far steps are from those that are wanted, in octaves.
func far(wanted map[string]float64) Cost {
	return func(m *model.Model) (float64, error) {
		sum := 0.0
		for _, name := range slices.Sorted(maps.Keys(wanted)) { // sums depend on the order
			if got := scaleOf(m, name); got > 0 {
				sum += math.Abs(math.Log2(got / wanted[name]))
			}
		}
		return sum, nil
	}
}

// TestSearchFindsRanges: much narrower and wider ones than what was seen.
func TestSearchFindsRanges(t *testing.T) {
	m := tower(t, 3)
	wanted := map[string]float64{"0": 0.0005, "1": 0.03, "2": 0.0078}
	s := fake(m, Static8, far(wanted))
	s.Clipping = "" // all ways
	trial, err := s.Run(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Convert(trial.Model, trial.Plan)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range wanted {
		if got := scaleOf(c, name); math.Abs(math.Log2(got/want)) > 0.5 {
			t.Errorf("tensor %s: step %v, want about %v", name, got, want)
		}
	}
	if got, err := far(wanted)(c); err != nil || got != trial.Cost {
		t.Errorf("the trial costs %v, the search says %v, error %v", got, trial.Cost, err)
	}
}

// TestSearchKeepsOnlyWhatPays: rounding and biases that cost more are not taken.
func TestSearchKeepsOnlyWhatPays(t *testing.T) {
	m := tower(t, 2)
	for _, pays := range []bool{false, true} {
		better := Weights{Values: slices.Repeat([]int8{99}, 16), Scales: slices.Repeat([]float32{1}, 4)}
		cost := func(m *model.Model) (float64, error) {
			has := false
			for i := range m.Subgraphs[0].Tensors {
				x := &m.Subgraphs[0].Tensors[i]
				has = has || x.Type == model.TypeInt8 && len(m.Buffers[x.Buffer]) > 0 && m.Buffers[x.Buffer][0] == 99
			}
			if has == pays {
				return 1, nil
			}
			return 2, nil
		}
		s := fake(m, Static8, cost)
		s.Round = func(*model.Model, map[int32]Range) (map[int]Weights, error) { return map[int]Weights{1: better}, nil }
		trial, err := s.Run(context.Background(), m)
		if err != nil {
			t.Fatal(err)
		}
		if got := trial.Plan.Weights[1].Values[0] == 99; got != pays {
			t.Errorf("weights that pay: %v; taken: %v", pays, got)
		}
		if trial.Plan.Biases != nil {
			t.Error("biases were corrected without any gain")
		}
	}
}

// TestSearchThreads: the same plan with any number of threads.
func TestSearchThreads(t *testing.T) {
	m := tower(t, 3)
	var first string
	for _, threads := range []int{1, 3, 8} {
		s := fake(m, Static8, far(map[string]float64{"0": 0.001, "1": 0.02, "2": 0.0078}))
		s.Threads = threads
		trial, err := s.Run(context.Background(), m)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Convert(trial.Model, trial.Plan)
		if err != nil {
			t.Fatal(err)
		}
		data, err := c.Write()
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(data)
		}
		if string(data) != first {
			t.Errorf("%d threads find another model than one", threads)
		}
	}
}

func TestSearchEnds(t *testing.T) {
	m := tower(t, 3)
	broken := errors.New("broken")
	ctx, cancel := context.WithCancel(context.Background())
	calls, mu := 0, sync.Mutex{}
	for _, test := range []struct {
		name string
		ctx  context.Context
		cost Cost
		want error
	}{
		{"cost fails", context.Background(), func(*model.Model) (float64, error) { return 0, broken }, broken},
		{"cancelled", ctx, func(*model.Model) (float64, error) {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls == 7 {
				cancel()
			}
			return 1, nil
		}, context.Canceled},
	} {
		s := fake(m, Static8, test.cost)
		s.Threads = 2
		if _, err := s.Run(test.ctx, m); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
	}
	if calls > 20 {
		t.Errorf("%d calls of cost although the work was to end after 7", calls)
	}
	n := newNet()
	if _, err := fake(n.output(n.input("x", 1)), Static8, nil).Run(context.Background(), n.Model); !errors.Is(err, ErrNoLayers) {
		t.Errorf("without layers: %v, want ErrNoLayers", err)
	}
	s := fake(m, Static8, nil)
	s.Observe = func(*model.Model) (map[int32]*Statistics, error) { return nil, broken }
	if _, err := s.Run(context.Background(), m); !errors.Is(err, broken) {
		t.Errorf("statistics fail: %v, want %v", err, broken)
	}
}

// TestSearchHopeless: where nothing can be told apart ranges are those that were seen.
func TestSearchHopeless(t *testing.T) {
	m := tower(t, 1)
	trial, err := fake(m, Static8, func(*model.Model) (float64, error) { return math.Inf(1), nil }).Run(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	for x, r := range trial.Plan.Ranges {
		if r.Max < 0.5 {
			t.Errorf("tensor %d: range %v, seen were -1 to 1", x, r)
		}
	}
}

// TestWithRounded: only that activation is rounded, for all that read it.
func TestWithRounded(t *testing.T) {
	m := tower(t, 2)
	for _, group := range [][]int32{{m.Subgraphs[0].Inputs[0]}, {Layers(m)[0].Output}, {m.Subgraphs[0].Outputs[0]}} {
		rounded, err := withRounded(m, group, Range{-1, 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := rounded.Check(); err != nil {
			t.Fatal(err)
		}
		if err := ordered(rounded); err != nil {
			t.Errorf("%v: %v", group, err)
		}
		if len(rounded.Subgraphs[0].Operators) != 4 || rounded.Subgraphs[0].Inputs[0] != m.Subgraphs[0].Inputs[0] {
			t.Errorf("%v: operators %s", group, names(rounded))
		}
	}
	w := enginetest.Start(t)
	rounded, err := withRounded(m, []int32{m.Subgraphs[0].Outputs[0]}, Range{-255, 0})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range outputs(t, w, rounded, samples(m, 1)[0])[0] {
		if v != float32(int(v)) || v > 0 {
			t.Errorf("%v is not rounded to whole numbers below zero", v)
		}
	}
}
