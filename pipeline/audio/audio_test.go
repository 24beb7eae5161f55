package audio

import (
	"errors"
	"math"
	"strings"
	"testing"
)

var (
	frame, state, scalar = []int{1, 576}, []int{1, 128}, []int{1, 1}
	nan                  = float32(math.NaN())
	inf                  = float32(math.Inf(1))
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name            string
		inputs, outputs [][]int
		want            Spec
	}{
		{"samples first", [][]int{frame, state, state}, [][]int{scalar, state, state}, Spec{0, 1, 2, 0, 1, 2}},
		{"samples last", [][]int{state, state, frame}, [][]int{state, state, scalar}, Spec{2, 0, 1, 2, 0, 1}},
		{"samples between", [][]int{state, frame, state}, [][]int{state, {1}, state}, Spec{1, 0, 2, 1, 0, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Check(tt.inputs, tt.outputs)
			if err != nil || got != tt.want {
				t.Errorf("Check = %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	inputs, outputs := [][]int{frame, state, state}, [][]int{scalar, state, state}
	tests := []struct {
		name            string
		inputs, outputs [][]int
		says            string
	}{
		{"nothing", nil, nil, "inputs have shapes [], want [1 576] (samples), [1 128] (h) and [1 128] (c)"},
		{"no context", [][]int{{1, 512}, state, state}, outputs, "inputs have shapes [[1 512] [1 128] [1 128]], want [1 576]"},
		{"one state", [][]int{frame, state}, outputs, "inputs have shapes [[1 576] [1 128]]"},
		{"joined state", [][]int{frame, {2, 1, 128}, {1}}, outputs, "inputs have shapes"},
		{"samples twice", [][]int{frame, frame, state}, outputs, "inputs have shapes"},
		{"three states", [][]int{state, state, state}, outputs, "inputs have shapes"},
		{"too many", [][]int{frame, state, state, state}, outputs, "inputs have shapes"},
		{"face model", [][]int{{1, 128, 128, 3}}, [][]int{{1, 896, 16}, {1, 896, 1}}, "inputs have shapes [[1 128 128 3]]"},
		{"no probability", inputs, [][]int{state, state, state}, "outputs have shapes [[1 128] [1 128] [1 128]], want [1 1] (probability), [1 128] (h) and [1 128] (c)"},
		{"two probabilities", inputs, [][]int{{1, 2}, state, state}, "outputs have shapes"},
		{"stateless", inputs, [][]int{scalar}, "outputs have shapes [[1 1]]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Check(tt.inputs, tt.outputs)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Check = %+v, %v; want an error with %q", got, err, tt.says)
			}
		})
	}
}

func TestProbability(t *testing.T) {
	for _, want := range []float32{0, 0.25, 1} {
		if got, err := Probability([]float32{want}); err != nil || got != want {
			t.Errorf("Probability(%v) = %v, %v", want, got, err)
		}
	}
	for _, bad := range []float32{nan, inf, -inf, -0.01, 1.01} {
		if got, err := Probability([]float32{bad}); !errors.Is(err, ErrBadOutput) || got != 0 {
			t.Errorf("Probability(%v) = %v, %v; want ErrBadOutput", bad, got, err)
		}
	}
	for _, bad := range [][]float32{nil, {0.5, 0.5}} {
		if _, err := Probability(bad); err == nil || !strings.Contains(err.Error(), "want 1") {
			t.Errorf("Probability(%v): %v", bad, err)
		}
	}
}
