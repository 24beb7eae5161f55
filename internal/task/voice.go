package task

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"atoll/engine/probe"
	"atoll/internal/material"
	"atoll/pipeline"
	"atoll/pipeline/audio"
)

// voice is sound for the voice detector, in parts such as noisy and quiet.
type voice struct {
	parts  []string
	halves [2][]take
}

// take is one recording, played in one way.
type take struct {
	name   string
	part   int
	frames int
	// play calls visit with one whole frame after the other, in the same memory.
	play func(visit func(frame []float32) error) error
}

// How the project's recordings are played. As recorded alone they are too few to tell
// one changed decision in a thousand.
const (
	quiet = 0.1   // of the loudness
	noise = 0.316 // of the recording's loudness: 10 dB below it
)

// manners are the parts of the project's own data; sound and noise are what each
// multiplies a recording and white noise as loud as it by.
var manners = []struct {
	name         string
	sound, noise float64
}{
	{"as recorded", 1, 0},
	{"quiet", quiet, 0},
	{"noisy", 1, noise},
	{"noise alone", 0, quiet},
}

// openSpeech takes all of the cards and every second of librivox for calibration; the
// others are held out.
func openSpeech(d material.Data, reference Model) (*voice, error) {
	if _, err := newVoiceDetector(reference); err != nil {
		return nil, err
	}
	cards, err := d.Recordings("cards")
	if err != nil {
		return nil, err
	}
	librivox, err := d.Recordings("librivox")
	if err != nil {
		return nil, err
	}
	halves := [2][]material.Recording{calibrating: cards}
	for _, h := range []half{calibrating, heldOut} {
		for i := range h.of(len(librivox)) {
			halves[h] = append(halves[h], librivox[i])
		}
	}
	var v voice
	for part, m := range manners {
		v.parts = append(v.parts, m.name)
		for h, list := range halves {
			for i, r := range list {
				v.halves[h] = append(v.halves[h], take{r.Name, part, len(r.Samples) / audio.FrameSize,
					mix(r.Samples, m.sound, m.noise, uint64(i))})
			}
		}
	}
	return &v, nil
}

func newVoiceDetector(m Model) (*pipeline.VoiceDetector, error) {
	return pipeline.NewVoiceDetector(m, deadline)
}

// mix plays a recording with white noise, the same each time.
func mix(samples []float32, sound, noise float64, seed uint64) func(visit func([]float32) error) error {
	square := 0.0
	for _, v := range samples {
		square += float64(v) * float64(v)
	}
	noise *= math.Sqrt(square / float64(len(samples)))
	return func(visit func([]float32) error) error {
		r := rand.New(rand.NewPCG(seed, 0x766f696365))
		frame := make([]float32, audio.FrameSize)
		for at := 0; at+len(frame) <= len(samples); at += len(frame) {
			for i := range frame {
				v := sound * float64(samples[at+i])
				if noise > 0 {
					v += noise * r.NormFloat64()
				}
				frame[i] = float32(max(-1, min(1, v)))
			}
			if err := visit(frame); err != nil {
				return err
			}
		}
		return nil
	}
}

// hear runs a model over the recordings of a half, each from the beginning of a stream.
func (v *voice) hear(m Model, h half, visit func(t *take, p float64) error) error {
	detector, err := newVoiceDetector(m)
	if err != nil {
		return err
	}
	for i := range v.halves[h] {
		t := &v.halves[h][i]
		var stream pipeline.VoiceStream
		err := t.play(func(frame []float32) error {
			p, _, err := detector.Probability(&stream, frame)
			if err != nil {
				return err
			}
			return visit(t, p)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

func (v *voice) samples(reference Model, h half, n int) ([]probe.Sample, error) {
	total := 0
	for _, t := range v.halves[h] {
		total += t.frames
	}
	wanted := slices.Collect(spread(n, total))
	var list []probe.Sample
	heard := 0
	err := v.hear(reference, h, func(*take, float64) error {
		if len(wanted) > 0 && wanted[0] == heard {
			wanted = wanted[1:]
			list = append(list, inputsOf(reference))
		}
		heard++
		return nil
	})
	return list, err
}

// inputsOf copies what a model was asked last: frame, h and c.
func inputsOf(m Model) (s probe.Sample) {
	for _, in := range m.Inputs() {
		s = append(s, slices.Clone(in.Float32s()))
	}
	return s
}

func (v *voice) ask(m Model, h half) (transcript, error) {
	told := &probabilities{parts: v.parts}
	err := v.hear(m, h, func(t *take, p float64) error {
		told.answers = append(told.answers, answer{part: t.part, p: p, yes: p >= 0.5})
		return nil
	})
	return told, err
}
