package pipeline

import (
	"fmt"

	"atoll/engine"
	"atoll/model"
	"atoll/pipeline/fusion"
	"atoll/pipeline/source"
)

// The cues that the models give evidence of, as rules name them.
const (
	CueFace     = "face"     // there is a face in the picture
	CueSpeech   = "speech"   // somebody speaks
	CuePositive = "positive" // the sentence is positive
)

// Observer turns the items of one source into evidence; it remembers what belongs
// to that source's stream. It is not safe for concurrent use.
type Observer struct {
	detector   *FaceDetector
	voice      *VoiceDetector
	classifier *MoodClassifier
	stream     VoiceStream
}

// NewObserver makes an observer of the senses given; those of modalities that the
// source does not deliver may be nil.
func NewObserver(f *FaceDetector, v *VoiceDetector, m *MoodClassifier) *Observer {
	return &Observer{detector: f, voice: v, classifier: m}
}

// Observe infers from one item. A text without words is ErrNoWords and neither
// evidence nor a failure.
func (o *Observer) Observe(it *source.Item) (e fusion.Evidence, took engine.Timing, err error) {
	e = fusion.Evidence{Modality: it.Modality, Source: it.Source, At: it.At}
	switch it.Modality {
	case model.Vision:
		e.Cue = CueFace
		e.P, took, err = o.detector.Score(it.Image)
	case model.Audio:
		if it.Reset {
			o.stream.Reset()
		}
		e.Cue = CueSpeech
		e.P, took, err = o.voice.Probability(&o.stream, it.Audio)
	case model.Text:
		e.Cue = CuePositive
		e.P, _, took, err = o.classifier.Classify(it.Text)
	default:
		err = fmt.Errorf("item of unknown %v", it.Modality)
	}
	return e, took, err
}
