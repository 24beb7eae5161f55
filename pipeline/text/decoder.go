package text

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// numLabels is the number of the model's classes: negative, then positive.
const numLabels = 2

// MaxLabelLen is the largest length of a label, in bytes.
const MaxLabelLen = 64

// maxDeviation is how far the sum of the two probabilities may be from 1; quantised models round each.
const maxDeviation = 0.02

// Decoder turns the model's output into a label. It is safe for concurrent use.
type Decoder struct {
	labels [numLabels]string
}

// NewDecoder reads a labels file of two lines: the name of the negative class, then that of the positive one. An error
// names the line.
func NewDecoder(labels []byte) (*Decoder, error) {
	labels = bytes.TrimSuffix(labels, []byte("\n"))
	if n := bytes.Count(labels, []byte("\n")) + 1; n != numLabels {
		return nil, fmt.Errorf("labels: got %d lines, want %d: the negative and the positive label", n, numLabels)
	}
	var d Decoder
	for i, line := range bytes.Split(labels, []byte("\n")) {
		label := strings.TrimSpace(string(line))
		switch {
		case label == "":
			return nil, fmt.Errorf("labels: line %d is empty", i+1)
		case len(label) > MaxLabelLen:
			return nil, fmt.Errorf("labels: line %d has %d bytes, at most %d are allowed", i+1, len(label), MaxLabelLen)
		case !utf8.ValidString(label):
			return nil, fmt.Errorf("labels: line %d: %s is not UTF-8", i+1, quote(line))
		}
		d.labels[i] = label
	}
	if d.labels[0] == d.labels[1] {
		return nil, fmt.Errorf("labels: line 2: %q stands in line 1 already", d.labels[1])
	}
	return &d, nil
}

// Decode reads the model's output, the probabilities of negative and positive, in that order. It returns that of positive, 0
// to 1, and the label of the likelier one; of two equal ones the negative. What are no probabilities, or don't
// add up to 1, give an error that wraps [ErrBadOutput].
func (d *Decoder) Decode(output []float32) (positive float32, label string, err error) {
	if len(output) != numLabels {
		return 0, "", fmt.Errorf("text model: output has %d values, want %d", len(output), numLabels)
	}
	n, p := output[0], output[1]
	if !(n >= 0 && p >= 0 && n <= 1 && p <= 1 && math.Abs(float64(n)+float64(p)-1) <= maxDeviation) {
		return 0, "", fmt.Errorf("text model: negative %v, positive %v: %w", n, p, ErrBadOutput)
	}
	if p > n {
		return p, d.labels[1], nil
	}
	return p, d.labels[0], nil
}
