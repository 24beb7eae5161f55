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

// sense turns the items of one source into evidence. Only Cue and P of the
// evidence are filled.
type sense interface {
	observe(*source.Item) (fusion.Evidence, engine.Timing, error)
}

func (p *Pipeline) newSense(in Input) sense {
	switch in.Modality {
	case model.Vision:
		return &sight{detector: p.Faces}
	case model.Audio:
		return &hearing{detector: p.Voice}
	case model.Text:
		return reading{p.Mood}
	}
	panic(fmt.Sprintf("pipeline: no sense for %v", in.Modality))
}

type sight struct {
	detector *FaceDetector
	faces    []vision.Face
}

func (s *sight) observe(it *source.Item) (fusion.Evidence, engine.Timing, error) {
	faces, best, took, err := s.detector.Detect(s.faces[:0], it.Image)
	s.faces = faces
	return fusion.Evidence{Cue: CueFace, P: best}, took, err
}

type hearing struct {
	detector *VoiceDetector
	stream   VoiceStream
}

func (h *hearing) observe(it *source.Item) (fusion.Evidence, engine.Timing, error) {
	if it.Reset {
		h.stream.Reset()
	}
	p, took, err := h.detector.Probability(&h.stream, it.Audio)
	return fusion.Evidence{Cue: CueSpeech, P: p}, took, err
}

type reading struct{ classifier *MoodClassifier }

func (r reading) observe(it *source.Item) (fusion.Evidence, engine.Timing, error) {
	p, _, took, err := r.classifier.Classify(it.Text)
	return fusion.Evidence{Cue: CuePositive, P: p}, took, err
}
