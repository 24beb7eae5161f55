package pipeline

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"atoll/engine"
	"atoll/pipeline/text"
)

// ErrNoWords reports a text without a word in it: there is nothing to judge.
var ErrNoWords = errors.New("no words in the text")

// MoodClassifier judges whether texts are positive or negative. It is safe for
// concurrent use.
type MoodClassifier struct {
	deadline  time.Duration
	tokenizer *text.Tokenizer
	decoder   *text.Decoder

	mu     sync.Mutex
	model  Model
	ids    []float32
	output []float32
}

// NewMoodClassifier makes a classifier of a model with its vocabulary and labels,
// in the form of the files that came with it. deadline bounds one inference.
func NewMoodClassifier(m Model, vocabulary, labels []byte, deadline time.Duration) (*MoodClassifier, error) {
	tokenizer, err := text.NewTokenizer(vocabulary)
	if err != nil {
		return nil, err
	}
	decoder, err := text.NewDecoder(labels)
	if err != nil {
		return nil, err
	}
	if _, err := check(m, func(in, out [][]int) (struct{}, error) { return struct{}{}, text.Check(in, out) }); err != nil {
		return nil, err
	}
	return &MoodClassifier{
		deadline: deadline, tokenizer: tokenizer, decoder: decoder, model: m,
		ids: m.Inputs()[0].Float32s(), output: m.Outputs()[0].Float32s(),
	}, nil
}

// Classify returns the probability that the text is positive, and the label of
// the likelier class. A text without words is ErrNoWords.
func (c *MoodClassifier) Classify(line string) (positive float64, label string, took engine.Timing, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	words, err := c.tokenizer.Encode(line, c.ids)
	if err != nil {
		return 0, "", took, err
	}
	if words == 0 {
		return 0, "", took, ErrNoWords
	}
	if took, err = c.model.Run(c.deadline); err != nil {
		return 0, "", took, err
	}
	p, label, err := c.decoder.Decode(c.output)
	if err != nil {
		return 0, "", took, fmt.Errorf("model %s: %w", c.model.Name(), err)
	}
	return float64(p), label, took, nil
}
