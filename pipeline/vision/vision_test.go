package vision

import (
	"strings"
	"testing"
)

var (
	shortInputs  = [][]int{{1, 128, 128, 3}}
	shortOutputs = [][]int{{1, 896, 16}, {1, 896, 1}}
	fullInputs   = [][]int{{1, 192, 192, 3}}
	fullOutputs  = [][]int{{1, 2304, 16}, {1, 2304, 1}}
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name            string
		inputs, outputs [][]int
		want            Spec
	}{
		{"short range", shortInputs, shortOutputs, Spec{Size: 128, Anchors: 896, Boxes: 0, Scores: 1}},
		{"full range", fullInputs, fullOutputs, Spec{Size: 192, Anchors: 2304, Boxes: 0, Scores: 1}},
		{"scores first", fullInputs, [][]int{{1, 2304, 1}, {1, 2304, 16}}, Spec{Size: 192, Anchors: 2304, Boxes: 1, Scores: 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Check(tt.inputs, tt.outputs)
			if err != nil || got != tt.want {
				t.Fatalf("Check = %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	tests := []struct {
		name            string
		inputs, outputs [][]int
		says            string
	}{
		{"no input", nil, shortOutputs, "got 0 inputs, want 1"},
		{"two inputs", [][]int{{1, 128, 128, 3}, {1}}, shortOutputs, "got 2 inputs, want 1"},
		{"one output", shortInputs, shortOutputs[:1], "got 1 outputs, want 2"},
		{"text model", [][]int{{1, 256}}, [][]int{{1, 2}, {1, 2}}, "input 0 has shape [1 256], want [1 128 128 3]"},
		{"scalar", [][]int{{}}, shortOutputs, "input 0 has shape []"},
		{"batch of two", [][]int{{2, 128, 128, 3}}, shortOutputs, "input 0 has shape [2 128 128 3]"},
		{"other size", [][]int{{1, 256, 256, 3}}, shortOutputs, "[1 192 192 3] (full range)"},
		{"mixed models", shortInputs, fullOutputs, "outputs have shapes [1 2304 16] and [1 2304 1], want [1 896 16] and [1 896 1]"},
		{"offsets twice", shortInputs, [][]int{{1, 896, 16}, {1, 896, 16}}, "want [1 896 16] and [1 896 1]"},
		{"no batch", shortInputs, [][]int{{896, 16}, {896, 1}}, "want [1 896 16]"},
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

func TestCentres(t *testing.T) {
	tests := []struct {
		size, row int
		want      point
	}{
		{128, 0, point{4, 4}}, // 16x16 cells of 8 pixels, two each
		{128, 1, point{4, 4}},
		{128, 2, point{12, 4}},
		{128, 31, point{124, 4}},
		{128, 32, point{4, 12}},
		{128, 511, point{124, 124}},
		{128, 512, point{8, 8}}, // 8x8 cells of 16 pixels, six each
		{128, 517, point{8, 8}},
		{128, 518, point{24, 8}},
		{128, 560, point{8, 24}},
		{128, 895, point{120, 120}},
		{192, 0, point{2, 2}}, // 48x48 cells of 4 pixels
		{192, 1, point{6, 2}},
		{192, 48, point{2, 6}},
		{192, 2303, point{190, 190}},
	}
	for _, g := range grids {
		if got, want := len(g.centres()), g.anchors(); got != want {
			t.Errorf("%d pixels: %d centres, want %d", g.size, got, want)
		}
		for _, tt := range tests {
			if tt.size != g.size {
				continue
			}
			if got := g.centres()[tt.row]; got != tt.want {
				t.Errorf("%d pixels: anchor %d at %v, want %v", tt.size, tt.row, got, tt.want)
			}
		}
	}
}
