package audio

import (
	"fmt"
	"time"
)

// Hysteresis says when speech begins and ends.
type Hysteresis struct {
	On         float32       // a probability of at least On begins speech, or takes it up again
	Off        float32       // a probability under Off makes a pause
	MinSpeech  time.Duration // speech must last longer to be a segment
	MinSilence time.Duration // a pause must last as long to end a segment
	Pad        time.Duration // goes onto both ends of a segment; at most half of MinSilence, so that segments stay apart
}

// DefaultHysteresis are the defaults of Silero's own get_speech_timestamps.
var DefaultHysteresis = Hysteresis{
	On:         0.5,
	Off:        0.35,
	MinSpeech:  250 * time.Millisecond,
	MinSilence: 100 * time.Millisecond,
	Pad:        30 * time.Millisecond,
}

// Segment is a stretch of speech, as times since the start of the stream.
type Segment struct {
	Start, End time.Duration
}

// Segmenter makes segments of speech from the probabilities of consecutive frames, as Silero's get_speech_timestamps does
// with a whole recording. Segments come in order, never touch each other and never leave the stream. It is not safe for
// concurrent use.
type Segmenter struct {
	h        Hysteresis
	elapsed  time.Duration // of all frames so far
	speaking bool
	start    time.Duration // of the speech, while speaking
	paused   bool          // while speaking: since the last probability of at least On there was one under Off
	pause    time.Duration // when the pause began, while paused
}

// NewSegmenter makes a Segmenter, or says what is wrong with the hysteresis.
func NewSegmenter(h Hysteresis) (*Segmenter, error) {
	switch {
	case !(h.Off > 0 && h.Off <= h.On && h.On <= 1):
		return nil, fmt.Errorf("speech thresholds on %v and off %v: want 0 < off <= on <= 1", h.On, h.Off)
	case h.MinSpeech < 0 || h.MinSilence < 0 || h.Pad < 0:
		return nil, fmt.Errorf("speech of at least %v, silence of at least %v, pad of %v: none may be negative", h.MinSpeech, h.MinSilence, h.Pad)
	case h.Pad > h.MinSilence/2:
		return nil, fmt.Errorf("speech pad of %v: must be at most half the least silence of %v", h.Pad, h.MinSilence)
	}
	return &Segmenter{h: h}, nil
}

// Push takes the probability of the next frame and returns the segment that it completes, if any. A segment is complete
// once the pause after it has lasted [Hysteresis.MinSilence]. A frame without a probability (dropped, or its inference
// failed) is pushed as NaN: time goes on, all else stays as it is.
func (s *Segmenter) Push(probability float32) (segment Segment, complete bool) {
	now := s.elapsed
	s.elapsed += FrameDuration
	if probability >= s.h.On {
		s.paused = false
		if !s.speaking {
			s.speaking, s.start = true, now
		}
		return Segment{}, false
	}
	if !s.speaking || !(probability < s.h.Off) {
		return Segment{}, false
	}
	if !s.paused {
		s.paused, s.pause = true, now
	}
	if now-s.pause < s.h.MinSilence {
		return Segment{}, false
	}
	return s.finish(s.pause)
}

// Finish ends the stream and returns the segment that it cut off, if any: one that lasts until the end, as Silero has it.
// The next Push needs a Reset before it.
func (s *Segmenter) Finish() (segment Segment, complete bool) {
	if !s.speaking {
		return Segment{}, false
	}
	return s.finish(s.elapsed)
}

// finish ends the current speech.
func (s *Segmenter) finish(end time.Duration) (Segment, bool) {
	s.speaking, s.paused = false, false
	if end-s.start <= s.h.MinSpeech {
		return Segment{}, false
	}
	return Segment{Start: max(0, s.start-s.h.Pad), End: min(s.elapsed, end+s.h.Pad)}, true
}

// Reset goes back to the start of a stream.
func (s *Segmenter) Reset() { *s = Segmenter{h: s.h} }
