package pipeline

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"atoll/engine"
	"atoll/pipeline/source"
	"atoll/pipeline/vision"
)

// FaceDetector finds faces in pictures. It is safe for concurrent use.
type FaceDetector struct {
	deadline time.Duration

	mu        sync.Mutex
	model     Model
	letterbox *vision.Letterbox
	decoder   *vision.Decoder
	input     []float32
	boxes     []float32
	scores    []float32
}

// NewFaceDetector makes a detector of a BlazeFace model, short range or full
// range. Faces score at least threshold (0 to 1). deadline bounds one inference.
func NewFaceDetector(m Model, threshold float32, deadline time.Duration) (*FaceDetector, error) {
	spec, err := check(m, vision.Check)
	if err != nil {
		return nil, err
	}
	letterbox, err := vision.NewLetterbox(spec.Size)
	if err != nil {
		return nil, err
	}
	decoder, err := vision.NewDecoder(spec, threshold)
	if err != nil {
		return nil, err
	}
	return &FaceDetector{
		deadline: deadline, model: m, letterbox: letterbox, decoder: decoder,
		input:  m.Inputs()[0].Float32s(),
		boxes:  m.Outputs()[spec.Boxes].Float32s(),
		scores: m.Outputs()[spec.Scores].Float32s(),
	}, nil
}

// Detect appends the faces in img to faces, best first. best is the highest
// score of all (0 to 1), also where it is below the threshold.
func (d *FaceDetector) Detect(faces []vision.Face, img source.Image) (found []vision.Face, best float64, took engine.Timing, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	geometry, err := d.letterbox.Prepare(img.Pix, img.Width, img.Height, d.input)
	if err != nil {
		return faces, 0, took, err
	}
	if took, err = d.model.Run(d.deadline); err != nil {
		return faces, 0, took, err
	}
	if faces, err = d.decoder.Decode(faces, geometry, d.boxes, d.scores); err != nil {
		return faces, 0, took, fmt.Errorf("model %s: %w", d.model.Name(), err)
	}
	logit := float64(slices.Max(d.scores))
	return faces, 1 / (1 + math.Exp(-logit)), took, nil
}
