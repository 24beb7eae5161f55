// Package audio prepares sound for the Silero voice activity detector, version 5 at 16 kHz, and decodes what it answers.
//
// The sound is cut into frames of 512 samples. A [Framer] puts the last samples of the previous frame before each, a
// [State] carries the network's memory from one frame to the next, [Probability] reads its answer, and a [Segmenter] makes
// segments of speech from the probabilities.
//
// Source: Silero Team, silero-vad, OnnxWrapper and get_speech_timestamps in utils_vad.py (MIT).
package audio

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Sizes of the network, in samples and values.
const (
	SampleRate  = 16000                   // per second, mono
	FrameSize   = 512                     // new samples of a frame
	ContextSize = 64                      // samples of the previous frame that go before them
	InputSize   = ContextSize + FrameSize // samples the network sees at once
	StateSize   = 128                     // values of each of h and c, the LSTM's state
)

// FrameDuration is the time of one frame's new samples, 32 ms.
const FrameDuration = FrameSize * time.Second / SampleRate

// ErrBadInput says that sound holds something that is not a number.
var ErrBadInput = errors.New("sample is not finite")

// ErrBadOutput says that a model answered with something that is not a number, or not a probability.
var ErrBadOutput = errors.New("model output is not a finite number in range")

// Spec says at which index a model has which tensor. [Check] makes it from the shapes of a model.
type Spec struct {
	Frame, H, C         int // inputs: [1,576], [1,128], [1,128]
	Probability, HN, CN int // outputs: one value, [1,128], [1,128]
}

// Check finds out where a conversion of the network, all of float32, has its tensors. They may stand in any order but for h
// before c, among the inputs and among the outputs. The error says which shapes were found and which were wanted.
func Check(inputs, outputs [][]int) (Spec, error) {
	frame, in, ok := split(inputs, func(shape []int) bool { return slices.Equal(shape, []int{1, InputSize}) })
	if !ok {
		return Spec{}, fmt.Errorf("voice model: inputs have shapes %v, want [1 %d] (samples), [1 %d] (h) and [1 %[3]d] (c)",
			inputs, InputSize, StateSize)
	}
	probability, out, ok := split(outputs, isScalar)
	if !ok {
		return Spec{}, fmt.Errorf("voice model: outputs have shapes %v, want [1 1] (probability), [1 %d] (h) and [1 %[2]d] (c)",
			outputs, StateSize)
	}
	return Spec{Frame: frame, H: in[0], C: in[1], Probability: probability, HN: out[0], CN: out[1]}, nil
}

// split finds the one shape among three that is wanted and, in their order, the two others if both are a state.
func split(shapes [][]int, wanted func(shape []int) bool) (one int, states [2]int, ok bool) {
	found, n := 0, 0
	for i, shape := range shapes {
		switch {
		case wanted(shape):
			one = i
			found++
		case n < len(states) && slices.Equal(shape, []int{1, StateSize}):
			states[n] = i
			n++
		}
	}
	return one, states, len(shapes) == 3 && found == 1 && n == 2
}

// isScalar reports whether a tensor of that shape has one value.
func isScalar(shape []int) bool {
	return !slices.ContainsFunc(shape, func(n int) bool { return n != 1 })
}

// Probability reads the probability of speech, 0 to 1, from the network's output of one value. What is no probability
// gives an error that wraps [ErrBadOutput].
func Probability(output []float32) (float32, error) {
	if len(output) != 1 {
		return 0, fmt.Errorf("voice model: probability has %d values, want 1", len(output))
	}
	if p := output[0]; p >= 0 && p <= 1 {
		return p, nil
	}
	return 0, fmt.Errorf("voice model: probability %v: %w", output[0], ErrBadOutput)
}
