package audio

import (
	"fmt"
	"slices"
)

// Framer makes the network's input from a stream of frames. Its zero value stands at the start of a stream, with silence
// before it. It is not safe for concurrent use.
type Framer struct {
	context [ContextSize]float32
}

// Next writes the network's input for the next 512 samples (-1 to 1) into the 576 values of into. A sample that is not
// finite gives an error that wraps [ErrBadInput], since it would stay in the network's state for good; nothing is written
// then and the frame is to be left out.
func (f *Framer) Next(frame, into []float32) error {
	if len(frame) != FrameSize || len(into) != InputSize {
		return fmt.Errorf("voice model: frame has %d samples and input %d, want %d and %d", len(frame), len(into), FrameSize, InputSize)
	}
	if i := slices.IndexFunc(frame, notFinite); i >= 0 {
		return fmt.Errorf("frame of sound: sample %d is %v: %w", i, frame[i], ErrBadInput)
	}
	copy(into, f.context[:])
	copy(into[ContextSize:], frame)
	copy(f.context[:], frame[FrameSize-ContextSize:])
	return nil
}

// Reset goes back to the start of a stream.
func (f *Framer) Reset() { *f = Framer{} }

// State is the network's memory between two frames, the hidden and the cell state of its LSTM. Its zero value stands at the start of a stream.
type State struct {
	h, c [StateSize]float32
}

// Store writes the state into the model's inputs h and c, before an inference.
func (s *State) Store(h, c []float32) error {
	if err := checkState(h, c); err != nil {
		return err
	}
	copy(h, s.h[:])
	copy(c, s.c[:])
	return nil
}

// Load takes the state from the model's outputs h and c, after an inference. A value that is not finite gives an error
// that wraps [ErrBadOutput] and resets the state, so that one bad frame doesn't spoil all that follow.
func (s *State) Load(h, c []float32) error {
	if err := checkState(h, c); err != nil {
		return err
	}
	if slices.ContainsFunc(h, notFinite) || slices.ContainsFunc(c, notFinite) {
		s.Reset()
		return fmt.Errorf("voice model: state: %w", ErrBadOutput)
	}
	copy(s.h[:], h)
	copy(s.c[:], c)
	return nil
}

// Reset goes back to the start of a stream.
func (s *State) Reset() { *s = State{} }

func checkState(h, c []float32) error {
	if len(h) != StateSize || len(c) != StateSize {
		return fmt.Errorf("voice model: states h and c have %d and %d values, want %d each", len(h), len(c), StateSize)
	}
	return nil
}

func notFinite(v float32) bool { return v-v != 0 }
