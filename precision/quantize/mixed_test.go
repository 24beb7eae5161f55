package quantize

import (
	"context"
	"errors"
	"slices"
	"testing"

	"atoll/model"
)

// formatsOf tells the formats of a tower's layers from what was written.
func formatsOf(m *model.Model, layers int) []Format {
	g := &m.Subgraphs[0]
	list := make([]Format, layers)
	for _, op := range g.Operators {
		if m.OperatorCodes[op.Opcode].Builtin != model.OpFullyConnected {
			continue
		}
		n := int(g.Tensors[op.Outputs[0]].Name[0] - '0')
		if g.Tensors[op.Outputs[0]].Type == model.TypeInt8 {
			list[n] = Static8
			continue
		}
		for _, before := range g.Operators {
			if before.Outputs[0] == op.Inputs[1] {
				list[n] = map[model.TensorType]Format{model.TypeInt8: Weights8, model.TypeFloat16: Float16}[g.Tensors[before.Inputs[0]].Type]
			}
		}
	}
	return list
}

// TestMixed: the fewest layers are raised with which the bound holds, by the harm they do.
func TestMixed(t *testing.T) {
	harm := map[Format][]float64{Static8: {1, 9, 2, 7, 3}, Weights8: {0.1, 0.2, 0.9, 0.3, 0.4}}
	cost := func(m *model.Model) (float64, error) {
		sum := 0.0
		for n, f := range formatsOf(m, 5) {
			if harm[f] != nil {
				sum += harm[f][n]
			}
		}
		return sum, nil
	}
	const s, w, h = Static8, Weights8, Float16
	for _, test := range []struct {
		most float64
		want []Format
	}{
		{100, []Format{s, s, s, s, s}},
		{21.5, []Format{s, w, s, s, s}}, // 22 are too many by one layer
		{7, []Format{s, w, s, w, s}},
		{6, []Format{s, w, s, w, w}},
		{1.9, []Format{w, w, w, w, w}},
		{1.8, []Format{w, w, h, w, w}},
		{0.1, []Format{w, h, h, h, h}},
		{0, []Format{h, h, h, h, h}},
		{-1, []Format{h, h, h, h, h}}, // never: as good as it gets
	} {
		m := tower(t, 5)
		trial, err := fake(m, Static8, cost).Mixed(context.Background(), m, func(m *model.Model) (bool, error) {
			got, err := cost(m)
			return got <= test.most+1e-9, err
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(trial.Plan.Formats, test.want) {
			t.Errorf("at most %v: %v, want %v", test.most, trial.Plan.Formats, test.want)
		}
	}
}

func TestMixedEnds(t *testing.T) {
	m, broken := tower(t, 3), errors.New("broken")
	fine := func(*model.Model) (float64, error) { return 1, nil }
	calls := 0
	for fail := 1; fail < 4; fail++ {
		calls = 0
		_, err := fake(m, Static8, fine).Mixed(context.Background(), m, func(*model.Model) (bool, error) {
			if calls++; calls == fail {
				return false, broken
			}
			return false, nil
		})
		if !errors.Is(err, broken) {
			t.Errorf("bound fails at call %d: error %v, want %v", fail, err, broken)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err := fake(m, Static8, fine).Mixed(ctx, m, func(*model.Model) (bool, error) { cancel(); return false, nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
