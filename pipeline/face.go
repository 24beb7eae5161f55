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

// Detect appends the faces in img to faces, best first.
func (d *FaceDetector) Detect(faces []vision.Face, img source.Image) (found []vision.Face, took engine.Timing, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	geometry, took, err := d.infer(img)
	if err != nil {
		return faces, took, err
	}
	faces, err = d.decode(faces, geometry)
	return faces, took, err
}

// decode appends the faces of the inference before.
func (d *FaceDetector) decode(faces []vision.Face, g vision.Geometry) ([]vision.Face, error) {
	faces, err := d.decoder.Decode(faces, g, d.boxes, d.scores)
	if err != nil {
		err = fmt.Errorf("model %s: %w", d.model.Name(), err)
	}
	return faces, err
}

// Score is the probability that there is a face in img: the best score of all, also
// below the threshold.
func (d *FaceDetector) Score(img source.Image) (p float64, took engine.Timing, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, took, err = d.infer(img); err != nil {
		return 0, took, err
	}
	p, err = d.best()
	return p, took, err
}

// best is the best score of the inference before.
func (d *FaceDetector) best() (float64, error) {
	p := 1 / (1 + math.Exp(-float64(slices.Max(d.scores))))
	if math.IsNaN(p) {
		return 0, fmt.Errorf("model %s: scores: %w", d.model.Name(), vision.ErrBadOutput)
	}
	return p, nil
}

// Look is Detect and Score of one inference.
func (d *FaceDetector) Look(faces []vision.Face, img source.Image) (p float64, found []vision.Face, took engine.Timing, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	geometry, took, err := d.infer(img)
	if err != nil {
		return 0, faces, took, err
	}
	if p, err = d.best(); err != nil {
		return 0, faces, took, err
	}
	faces, err = d.decode(faces, geometry)
	return p, faces, took, err
}

func (d *FaceDetector) infer(img source.Image) (g vision.Geometry, took engine.Timing, err error) {
	if g, err = d.letterbox.Prepare(img.Pix, img.Width, img.Height, d.input); err != nil {
		return g, took, err
	}
	took, err = d.model.Run(d.deadline)
	return g, took, err
}
