package text

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	if err := Check([][]int{{1, 256}}, [][]int{{1, 2}}); err != nil {
		t.Error(err)
	}
	tests := []struct {
		name            string
		inputs, outputs [][]int
		says            string
	}{
		{"nothing", nil, nil, "inputs have shapes [], want one of [1 256]"},
		{"short", [][]int{{1, 128}}, [][]int{{1, 2}}, "inputs have shapes [[1 128]], want one of [1 256]"},
		{"batch", [][]int{{2, 256}}, [][]int{{2, 2}}, "inputs have shapes [[2 256]]"},
		{"two inputs", [][]int{{1, 256}, {1, 256}}, [][]int{{1, 2}}, "inputs have shapes [[1 256] [1 256]]"},
		{"voice model", [][]int{{1, 576}, {1, 128}, {1, 128}}, [][]int{{1, 1}, {1, 128}, {1, 128}}, "inputs have shapes"},
		{"three classes", [][]int{{1, 256}}, [][]int{{1, 3}}, "outputs have shapes [[1 3]], want one of [1 2] (negative, positive)"},
		{"no output", [][]int{{1, 256}}, nil, "outputs have shapes []"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := Check(tt.inputs, tt.outputs); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Check: %v; want an error with %q", err, tt.says)
			}
		})
	}
}
