// Package text prepares sentences for the sentiment classifier and decodes what it answers.
//
// A [Tokenizer] turns a sentence into the ids of its words, a [Decoder] the two probabilities into a label. The model, its
// vocabulary and its labels are the text classification example of TensorFlow Lite, trained on film reviews.
package text

import (
	"errors"
	"fmt"
	"slices"
)

// InputSize is the number of ids the model takes, the start mark among them.
const InputSize = 256

// ErrBadOutput says that a model answered with something that is not a pair of probabilities.
var ErrBadOutput = errors.New("model output is not two probabilities")

// Check makes sure that a model has the classifier's input and output, both of float32. The error says which shapes were
// found and which were wanted.
func Check(inputs, outputs [][]int) error {
	if len(inputs) != 1 || !slices.Equal(inputs[0], []int{1, InputSize}) {
		return fmt.Errorf("text model: inputs have shapes %v, want one of [1 %d] (ids of words)", inputs, InputSize)
	}
	if len(outputs) != 1 || !slices.Equal(outputs[0], []int{1, numLabels}) {
		return fmt.Errorf("text model: outputs have shapes %v, want one of [1 %d] (negative, positive)", outputs, numLabels)
	}
	return nil
}
