// Package figures measures what the project promises, on real models and data
// that nothing here was tuned to: each figure is a function that anyone can run,
// in a test that holds the bound or in the table of make bench.
package figures

import (
	_ "embed" // the reference
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"atoll/internal/app"
	"atoll/internal/material"
	"atoll/pipeline"
	"atoll/pipeline/audio"
)

// AstronautScore is that of the face in astronaut.png, by the baseline model.
func AstronautScore(d material.Data, s *app.Senses) (float64, error) {
	img, err := d.Picture("pictures", "astronaut.png")
	if err != nil {
		return 0, err
	}
	detector, err := s.Faces(app.Choice{})
	if err != nil {
		return 0, err
	}
	score, _, err := detector.Score(img)
	return score, err
}

// FaceAccuracy is the share of the crops of lfw_subset that are told right, face or
// no face at threshold 0.5, where each fills the given share of the frame's side.
func FaceAccuracy(d material.Data, s *app.Senses, c app.Choice, share float64) (float64, error) {
	crops, err := d.Crops()
	if err != nil {
		return 0, err
	}
	detector, err := s.Faces(c)
	if err != nil {
		return 0, err
	}
	right := 0
	for i := range crops.Pix {
		best, _, err := detector.Score(crops.Picture(i, share))
		if err != nil {
			return 0, err
		}
		if (best >= 0.5) == crops.Face(i) {
			right++
		}
	}
	return float64(right) / float64(len(crops.Pix)), nil
}

// SentimentAccuracy is the share of a set's sentences whose label is told right.
func SentimentAccuracy(d material.Data, s *app.Senses, set string) (float64, error) {
	sentences, err := d.Sentences(set)
	if err != nil {
		return 0, err
	}
	classifier, err := s.Mood(app.Choice{})
	if err != nil {
		return 0, err
	}
	right := 0
	for _, x := range sentences {
		positive, _, _, err := classifier.Classify(x.Text)
		if err != nil && !errors.Is(err, pipeline.ErrNoWords) {
			return 0, err
		}
		if (positive > 0.5) == x.Positive {
			right++
		}
	}
	return float64(right) / float64(len(sentences)), nil
}

// Voice holds a voice model against reference probabilities.
type Voice struct {
	Frames  int
	Largest float64 // difference of a probability
	Changed int     // decisions at 0.5 that are not the reference's
}

// reference holds what ONNX Runtime gives for the ONNX file that is converted: by
// recording, the probability of every whole frame of 512 samples, state and context
// zero at the start.
//
//go:embed testdata/silero_v5.json
var reference []byte

// CompareVoice runs a voice model over every recording of the reference.
func CompareVoice(d material.Data, s *app.Senses, c app.Choice) (v Voice, err error) {
	want := map[string][]float64{}
	if err := json.Unmarshal(reference, &want); err != nil {
		return v, fmt.Errorf("reference: %w", err)
	}
	detector, err := s.Voice(c)
	if err != nil {
		return v, err
	}
	for _, folder := range []string{"librivox", "cards"} {
		recordings, err := d.Recordings(folder)
		if err != nil {
			return v, err
		}
		for _, r := range recordings {
			if err := v.add(detector, r, want[r.Name]); err != nil {
				return v, fmt.Errorf("%s: %w", r.Name, err)
			}
		}
	}
	if v.Frames == 0 {
		return v, errors.New("the reference has none of the recordings")
	}
	return v, nil
}

func (v *Voice) add(detector *pipeline.VoiceDetector, r material.Recording, want []float64) error {
	if frames := len(r.Samples) / audio.FrameSize; want == nil || len(want) != frames {
		if want == nil {
			return nil
		}
		return fmt.Errorf("%d frames, the reference has %d", frames, len(want))
	}
	var stream pipeline.VoiceStream
	for i, p := range want {
		got, _, err := detector.Probability(&stream, r.Samples[i*audio.FrameSize:(i+1)*audio.FrameSize])
		if err != nil {
			return err
		}
		v.Frames++
		v.Largest = max(v.Largest, math.Abs(got-p))
		if (got >= 0.5) != (p >= 0.5) {
			v.Changed++
		}
	}
	return nil
}
