// Package vision prepares pictures for the BlazeFace face detectors and decodes what they answer.
//
// A picture is letterboxed into the model's square input ([Letterbox]); the two outputs, one row of offsets and one
// score for every anchor, become faces in pixels of the original picture ([Decoder]). The short range model (128 pixels)
// and the full range models (192 pixels, dense and sparse) differ only in their anchors ([Check] tells them apart).
//
// Paper: Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs, arXiv:1907.05047.
package vision

import (
	"fmt"
	"slices"
)

// channels is the number of colour values of a pixel, red, green, blue, in a picture and in the model's input.
const channels = 3

// Columns of the two outputs: a row of offsets is cx, cy, w, h and six key points of x, y.
const (
	boxColumns   = 16
	scoreColumns = 1
)

// Spec says how the tensors of one face detector are laid out. [Check] makes it from the shapes of a model.
type Spec struct {
	Size    int // side of the square input, in pixels
	Anchors int // rows of both outputs
	Boxes   int // index of the output that holds the offsets, [1,Anchors,16]
	Scores  int // index of the output that holds the scores, [1,Anchors,1]
}

// Check finds out which of the known detectors has these input and output shapes, all of float32. The outputs may come
// in either order. The error says which shape was found and which was wanted.
func Check(inputs, outputs [][]int) (Spec, error) {
	if len(inputs) != 1 {
		return Spec{}, fmt.Errorf("face model: got %d inputs, want 1", len(inputs))
	}
	if len(outputs) != 2 {
		return Spec{}, fmt.Errorf("face model: got %d outputs, want 2 (offsets and scores)", len(outputs))
	}
	for _, g := range grids {
		if !slices.Equal(inputs[0], []int{1, g.size, g.size, channels}) {
			continue
		}
		return checkOutputs(g, outputs)
	}
	return Spec{}, fmt.Errorf("face model: input 0 has shape %v, want [1 128 128 3] (short range) or [1 192 192 3] (full range)", inputs[0])
}

func checkOutputs(g grid, outputs [][]int) (Spec, error) {
	n := g.anchors()
	boxes, scores := []int{1, n, boxColumns}, []int{1, n, scoreColumns}
	for i := range outputs {
		if slices.Equal(outputs[i], boxes) && slices.Equal(outputs[1-i], scores) {
			return Spec{Size: g.size, Anchors: n, Boxes: i, Scores: 1 - i}, nil
		}
	}
	return Spec{}, fmt.Errorf("face model of %d pixels: outputs have shapes %v and %v, want %v and %v",
		g.size, outputs[0], outputs[1], boxes, scores)
}
