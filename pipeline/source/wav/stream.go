package wav

import (
	"errors"
	"fmt"
	"io"
	"time"

	"atoll/pipeline/source/resample"
)

// Rate is the rate of a Stream and of Decode, in hertz.
const Rate = 16000

// MaxLength is the longest recording Decode keeps in memory: 230 MB of samples. Longer ones are read with a Stream.
const MaxLength = time.Hour

// Stream reads a recording as mono samples at 16 kHz. It is not safe for concurrent use.
type Stream struct {
	r         *Reader
	resampler *resample.Resampler
	native    []float32 // at the recording's rate
	ready     []float32 // at 16 kHz, not yet handed out
	next      int       // first of ready
	err       error
}

// NewStream returns a Stream over what r has left.
func NewStream(r *Reader) (*Stream, error) {
	resampler, err := resample.New(r.format.Rate, Rate)
	if err != nil {
		return nil, err
	}
	return &Stream{r: r, resampler: resampler, native: make([]float32, blockFrames)}, nil
}

// Read fills dst with samples in [-1, 1], waiting for as much input as that takes. It returns fewer only with an error: io.EOF at
// the end, ErrTruncated or the reader's own.
func (s *Stream) Read(dst []float32) (int, error) {
	done := 0
	for {
		n := copy(dst[done:], s.ready[s.next:])
		s.next += n
		done += n
		if done == len(dst) {
			return done, nil
		}
		if s.err != nil {
			return done, s.err
		}
		s.refill(len(dst) - done)
	}
}

// refill resamples the next block; want is how many samples the caller still misses, so that a live stream waits for no more input
// than it needs.
func (s *Stream) refill(want int) {
	need := (want*s.r.format.Rate + Rate - 1) / Rate
	n, err := s.r.Read(s.native[:min(need, len(s.native))])
	s.ready = s.resampler.Append(s.ready[:0], s.native[:n])
	if err != nil {
		s.ready = s.resampler.Flush(s.ready)
		s.err = err
	}
	for i, v := range s.ready {
		s.ready[i] = clamp(v) // the filter overshoots at steps
	}
	s.next = 0
}

// Decode reads a whole WAV file as mono samples at 16 kHz in [-1, 1]. Of a file that is cut short it returns what there is together
// with an error that is ErrTruncated.
func Decode(r io.Reader) ([]float32, error) {
	reader, err := NewReader(r)
	if err != nil {
		return nil, err
	}
	stream, err := NewStream(reader)
	if err != nil {
		return nil, err
	}
	var samples []float32
	block := make([]float32, Rate)
	for {
		n, err := stream.Read(block)
		samples = append(samples, block[:n]...)
		switch {
		case errors.Is(err, io.EOF):
			return samples, nil
		case errors.Is(err, ErrTruncated):
			return samples, err
		case err != nil:
			return nil, fmt.Errorf("read WAV samples: %w", err)
		case len(samples) > int(MaxLength/time.Second)*Rate:
			return nil, fmt.Errorf("recording is longer than %v: cut it into parts", MaxLength)
		}
	}
}
