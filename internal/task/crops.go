package task

import (
	"fmt"

	"atoll/engine/probe"
	"atoll/internal/material"
	"atoll/pipeline"
	"atoll/pipeline/source"
	"atoll/pipeline/vision"
)

// crops are the squares of lfw_subset, half of them faces, and everyday pictures
// without any. The latter only calibrate.
type crops struct {
	material.Crops
	data     material.Data
	faceless []string
}

// judgedShares are how much of the frame's side a crop fills when a model is judged,
// and calibratedShares for calibration, which should also see what lies between.
var (
	judgedShares     = []float64{1, 0.3}
	calibratedShares = []float64{1, 0.6, 0.3}
)

func openCrops(d material.Data, reference Model) (*crops, error) {
	if _, err := newFaceDetector(reference); err != nil {
		return nil, err
	}
	c := &crops{data: d}
	var err error
	if c.Crops, err = d.Crops(); err != nil {
		return nil, err
	}
	c.faceless, err = d.FacelessPictures()
	return c, err
}

func newFaceDetector(m Model) (*pipeline.FaceDetector, error) {
	return pipeline.NewFaceDetector(m, vision.DefaultThreshold, deadline)
}

// shot is one picture: a crop, or a faceless picture if that is named.
type shot struct {
	picture     string
	crop        int
	share, x, y float64
}

// shots lists the pictures of a half: the crops share by share, so that any
// even choice has some of each, then, for
// calibration, the faceless ones whole and in corners.
func (c *crops) shots(h half) (list []shot) {
	for _, share := range calibratedShares {
		for i := range h.of(len(c.Pix)) {
			list = append(list, shot{crop: i, share: share, x: 0.5, y: 0.5})
		}
	}
	if h == heldOut {
		return list
	}
	for _, name := range c.faceless {
		list = append(list, shot{picture: name, share: 1, x: 0.5, y: 0.5})
		for corner := range 4 {
			list = append(list, shot{picture: name, share: 2, x: float64(corner % 2), y: float64(corner / 2)})
		}
	}
	return list
}

func (c *crops) samples(reference Model, h half, n int) ([]probe.Sample, error) {
	lens, err := newLens(reference)
	if err != nil {
		return nil, err
	}
	var list []probe.Sample
	var whole, square source.Image
	shots, open := c.shots(h), ""
	for i := range spread(n, len(shots)) {
		s := shots[i]
		switch {
		case s.picture == "":
			whole, open = c.Tile(s.crop), ""
		case s.picture != open:
			if whole, err = c.data.Picture("pictures", s.picture); err != nil {
				return nil, fmt.Errorf("%s: %w", s.picture, err)
			}
			open = s.picture
		}
		material.Place(&square, whole, s.share, s.x, s.y)
		sample, err := lens.sample(square)
		if err != nil {
			return nil, err
		}
		list = append(list, sample)
	}
	return list, nil
}

func (c *crops) ask(m Model, h half) (transcript, error) {
	detector, err := newFaceDetector(m)
	if err != nil {
		return nil, err
	}
	told := &probabilities{labelled: true}
	var square source.Image
	for part, share := range judgedShares {
		told.parts = append(told.parts, fmt.Sprintf("at %.0f %%", 100*share))
		for i := range h.of(len(c.Pix)) {
			material.Place(&square, c.Tile(i), share, 0.5, 0.5)
			p, _, err := detector.Score(square)
			if err != nil {
				return nil, fmt.Errorf("crop %d %s: %w", i, told.parts[part], err)
			}
			told.answers = append(told.answers, answer{part, p, p >= vision.DefaultThreshold, c.Face(i)})
		}
	}
	return told, nil
}

// lens makes samples of pictures for a model with one square input.
type lens struct {
	letterbox *vision.Letterbox
	values    int
}

func newLens(m Model) (*lens, error) {
	size := m.Inputs()[0].Shape[1]
	letterbox, err := vision.NewLetterbox(size)
	return &lens{letterbox, 3 * size * size}, err
}

func (l *lens) sample(img source.Image) (probe.Sample, error) {
	into := make([]float32, l.values)
	_, err := l.letterbox.Prepare(img.Pix, img.Width, img.Height, into)
	return probe.Sample{into}, err
}
