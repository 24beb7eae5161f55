package pipeline

import (
	"fmt"

	"atoll/engine"
	"atoll/model"
	"atoll/pipeline/fusion"
	"atoll/pipeline/source"
	"atoll/pipeline/vision"
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
	faces  Variants[*FaceDetector]
	voice  Variants[*VoiceDetector]
	mood   Variants[*MoodClassifier]
	stream VoiceStream

	before        VoiceStream // stream, as the shadow of a job finds it
	found, wanted []vision.Face
}

// NewObserver makes an observer of the senses given; those of modalities that the
// source does not deliver may be empty.
func NewObserver(f Variants[*FaceDetector], v Variants[*VoiceDetector], m Variants[*MoodClassifier]) *Observer {
	return &Observer{faces: f, voice: v, mood: m}
}

// Observe infers from one item. A text without words is ErrNoWords and neither
// evidence nor a failure.
func (o *Observer) Observe(it *source.Item) (e fusion.Evidence, took engine.Timing, err error) {
	e = fusion.Evidence{Modality: it.Modality, Source: it.Source, At: it.At}
	switch it.Modality {
	case model.Vision:
		e.Cue = CueFace
		e.P, took, err = o.face(it.Image)
	case model.Audio:
		if it.Reset {
			o.stream.Reset()
		}
		e.Cue = CueSpeech
		e.P, took, err = o.speech(it.Audio)
	case model.Text:
		e.Cue = CuePositive
		e.P, took, err = o.positive(it.Text)
	default:
		err = fmt.Errorf("item of unknown %v", it.Modality)
	}
	return e, took, err
}

func (o *Observer) face(img source.Image) (p float64, took engine.Timing, err error) {
	return o.faces.infer(func(d *FaceDetector, r role) (p float64, took engine.Timing, err error) {
		switch r {
		case shadowed:
			p, o.found, took, err = d.Look(o.found[:0], img)
		case shadow:
			p, o.wanted, took, err = d.Look(o.wanted[:0], img)
		default:
			p, took, err = d.Score(img)
		}
		return p, took, err
	}, func() float64 { return vision.Compare(o.found, o.wanted, vision.DefaultThreshold) })
}

// speech lets a shadow begin where the job began, with what the network remembered then:
// it is the one step that is compared.
func (o *Observer) speech(samples []float32) (p float64, took engine.Timing, err error) {
	return o.voice.infer(func(d *VoiceDetector, r role) (float64, engine.Timing, error) {
		stream := &o.stream
		switch r {
		case shadowed:
			o.before = o.stream
		case shadow:
			stream = &o.before
		}
		return d.Probability(stream, samples)
	}, equal)
}

func (o *Observer) positive(line string) (p float64, took engine.Timing, err error) {
	return o.mood.infer(func(c *MoodClassifier, _ role) (float64, engine.Timing, error) {
		p, _, took, err := c.Classify(line)
		return p, took, err
	}, equal)
}

// equal says that two answers differ by nothing but their probabilities.
func equal() float64 { return 0 }
