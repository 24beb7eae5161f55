package task

import (
	"fmt"

	"atoll/internal/material"
	"atoll/pipeline"
	"atoll/pipeline/source"
	"atoll/pipeline/vision"
)

// sameFace is the least intersection over union of two boxes round the same face.
const sameFace = 0.5

// Agreement counts the faces that two models find in the same pictures.
type Agreement struct {
	Both          int // their boxes have an intersection over union of at least 0.5
	First, Second int // found by one model alone
}

// N is the number of faces that either finds.
func (a Agreement) N() int { return a.Both + a.First + a.Second }

// Share is that of the faces that both find, of all that either does.
func (a Agreement) Share() float64 { return float64(a.Both) / float64(a.N()) }

// add compares the faces of one picture, best first. Each is matched once.
func (a *Agreement) add(first, second []vision.Face) {
	taken := make([]bool, len(second))
	both := 0
	for i := range first {
		best, most := -1, sameFace
		for k := range second {
			if overlap := vision.Overlap(&first[i].Box, &second[k].Box); !taken[k] && overlap >= most {
				best, most = k, overlap
			}
		}
		if best >= 0 {
			taken[best] = true
			both++
		}
	}
	a.Both += both
	a.First += len(first) - both
	a.Second += len(second) - both
}

// Agreement compares the faces that two models find, at the usual threshold, in the
// crops of faces that are held out, at several sizes and places, and in astronaut.png,
// which calibrates nothing. Only the project's own pictures can be asked for it.
func (t *Task) Agreement(first, second Model) (a Agreement, err error) {
	c, ok := t.data.(*crops)
	if !ok {
		return a, fmt.Errorf("agreement on faces: wants the data %q", Vision)
	}
	detectors := [2]*pipeline.FaceDetector{}
	for i, m := range []Model{first, second} {
		if detectors[i], err = newFaceDetector(m); err != nil {
			return a, err
		}
	}
	var found [2][]vision.Face
	err = c.scenes(func(img source.Image) error {
		for i, d := range detectors {
			if found[i], _, err = d.Detect(found[i][:0], img); err != nil {
				return err
			}
		}
		a.add(found[0], found[1])
		return nil
	})
	if err == nil && a.N() == 0 {
		err = fmt.Errorf("neither %s nor %s finds any face", first.Name(), second.Name())
	}
	if err != nil {
		return a, fmt.Errorf("agreement on faces: %w", err)
	}
	return a, nil
}

// farShares are how much of the frame's side a picture of a face fills. Models for
// faces far away, which pruning is measured on, miss closer ones.
var farShares = []float64{0.45, 0.3, 0.2}

// scenes shows the pictures of Agreement, each in the same memory.
func (c *crops) scenes(show func(source.Image) error) error {
	astronaut, err := c.data.Picture("pictures", "astronaut.png")
	if err != nil {
		return err
	}
	faces := []source.Image{astronaut}
	for i := range heldOut.of(len(c.Pix)) {
		if c.Face(i) {
			faces = append(faces, c.Tile(i))
		}
	}
	var square source.Image
	for _, face := range faces {
		for _, share := range farShares {
			for _, at := range [][2]float64{{0.5, 0.5}, {0.1, 0.2}} {
				material.Place(&square, face, share, at[0], at[1])
				if err := show(square); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
