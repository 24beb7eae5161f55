package pipeline

import (
	"fmt"
	"sync"
	"time"

	"atoll/engine"
	"atoll/pipeline/audio"
)

// VoiceDetector finds speech in sound. It is safe for concurrent use; what it
// remembers of a stream is in that stream's VoiceStream.
type VoiceDetector struct {
	deadline time.Duration

	mu          sync.Mutex
	model       Model
	frame       []float32
	h, c        []float32
	probability []float32
	hn, cn      []float32
}

// VoiceStream is one stream of sound: its last samples and the network's state.
// Its zero value is the beginning of a stream.
type VoiceStream struct {
	framer audio.Framer
	state  audio.State
}

// Reset begins another stream.
func (s *VoiceStream) Reset() { *s = VoiceStream{} }

// NewVoiceDetector makes a detector of a conversion of Silero's network.
// deadline bounds one inference.
func NewVoiceDetector(m Model, deadline time.Duration) (*VoiceDetector, error) {
	spec, err := check(m, audio.Check)
	if err != nil {
		return nil, err
	}
	in, out := m.Inputs(), m.Outputs()
	return &VoiceDetector{
		deadline: deadline, model: m,
		frame: in[spec.Frame].Float32s(), h: in[spec.H].Float32s(), c: in[spec.C].Float32s(),
		probability: out[spec.Probability].Float32s(), hn: out[spec.HN].Float32s(), cn: out[spec.CN].Float32s(),
	}, nil
}

// Probability is that of speech in the next 512 samples (32 ms at 16 kHz) of s.
// When it fails, the network's state stays as it was before them.
func (d *VoiceDetector) Probability(s *VoiceStream, samples []float32) (p float64, took engine.Timing, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := s.framer.Next(samples, d.frame); err != nil {
		return 0, took, err
	}
	if err := s.state.Store(d.h, d.c); err != nil {
		return 0, took, err
	}
	if took, err = d.model.Run(d.deadline); err != nil {
		return 0, took, err
	}
	answer, err := audio.Probability(d.probability)
	if err != nil {
		return 0, took, fmt.Errorf("model %s: %w", d.model.Name(), err)
	}
	if err := s.state.Load(d.hn, d.cn); err != nil {
		return 0, took, fmt.Errorf("model %s: %w", d.model.Name(), err)
	}
	return float64(answer), took, nil
}
