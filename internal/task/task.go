// Package task is what a model is calibrated with and judged by: pictures, recordings,
// sentences or arrays. Every second one is for calibration, the others are held out:
// a model is judged by what nothing was tuned to.
package task

import (
	"fmt"
	"iter"
	"time"

	"atoll/engine/probe"
	"atoll/internal/material"
	"atoll/pipeline"
)

// Model is a loaded model; *engine.Model is one.
type Model = pipeline.Model

// The project's own test data, by modality. A folder of that name is "./vision".
const (
	Vision = "vision" // labelled crops of faces and of other things
	Audio  = "audio"  // read speech, as recorded, quiet and noisy
	Text   = "text"   // labelled sentences
)

// deadline bounds one inference. It only ends what hangs: emulated boards are slow.
const deadline = 30 * time.Second

// maxSampleBytes bounds the memory of calibration samples.
const maxSampleBytes = 64 << 20

// Task is data for one kind of model. It is not safe for concurrent use.
type Task struct {
	data      data
	reference Model
	answers   [2]transcript // the reference's, of each half, once they are needed
	notes     []string
}

// data asks questions of models.
type data interface {
	// samples makes at most n inputs, evenly over the calibrating half. What the
	// reference remembers from one input to the next runs along.
	samples(reference Model, n int) ([]probe.Sample, error)
	// ask puts the questions of a half to a model.
	ask(m Model, h half) (transcript, error)
}

// transcript is what a model answered, question by question.
type transcript interface {
	// score holds it against the reference's answers to the same questions.
	score(reference transcript) Score
}

// half is one of the two halves of the data.
type half int

const (
	calibrating half = iota
	heldOut
)

// of yields which of n items belong to the half: the even ones calibrate, the odd
// ones are held out. A single item is in both.
func (h half) of(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		i := int(h)
		if n == 1 {
			i = 0
		}
		for ; i < n && yield(i); i += 2 {
		}
	}
}

// spread yields at most n of total places, evenly.
func spread(n, total int) iter.Seq[int] {
	n = min(n, total)
	return func(yield func(int) bool) {
		for k := 0; k < n && yield((2*k+1)*total/(2*n)); k++ {
		}
	}
}

// Open opens the data for a model and every conversion of it: the project's own
// ("vision", "audio" or "text"). The reference is the model itself in floating point.
// Data that the model can't take are refused.
func Open(where string, reference Model) (*Task, error) {
	t := &Task{reference: reference}
	var err error
	switch where {
	case Vision, Audio, Text:
		var d material.Data
		if d, err = material.FindData(); err != nil {
			return nil, fmt.Errorf("the test data for %s are not here (name a folder of your own instead): %w", where, err)
		}
		t.data, err = openOwn(d, where, reference)
	default:
		err = fmt.Errorf("%q is none of %s, %s, %s", where, Vision, Audio, Text)
	}
	if err != nil {
		return nil, fmt.Errorf("calibration data: %w", err)
	}
	return t, nil
}

func openOwn(d material.Data, where string, reference Model) (data, error) {
	switch where {
	case Vision:
		return openCrops(d, reference)
	case Audio:
		return openSpeech(d, reference)
	}
	return openSentences(d, reference)
}

// Notes says in sentences what there is to know about the data, such as that only a
// part of them is used.
func (t *Task) Notes() []string { return t.notes }

// Samples makes at most n inputs for calibration, evenly over the calibrating half. It
// makes fewer if there are fewer, or if they would take more than 64 MiB.
func (t *Task) Samples(n int) ([]probe.Sample, error) {
	size := 0
	for _, in := range t.reference.Inputs() {
		size += in.Bytes
	}
	list, err := t.data.samples(t.reference, max(1, min(n, maxSampleBytes/size)))
	if err != nil {
		return nil, fmt.Errorf("calibration samples: %w", err)
	}
	return list, nil
}

// Judge puts the questions that are held out to a model.
func (t *Task) Judge(m Model) (Score, error) { return t.judge(m, heldOut) }

// JudgeCalibration puts the calibrating half's questions to a model. It is for choosing
// between models; what it says must not be reported as accuracy.
func (t *Task) JudgeCalibration(m Model) (Score, error) { return t.judge(m, calibrating) }

func (t *Task) judge(m Model, h half) (Score, error) {
	if t.answers[h] == nil {
		answers, err := t.data.ask(t.reference, h)
		if err != nil {
			return Score{}, fmt.Errorf("judge the original model: %w", err)
		}
		t.answers[h] = answers
	}
	if m == t.reference {
		return t.answers[h].score(t.answers[h]), nil
	}
	answers, err := t.data.ask(m, h)
	if err != nil {
		return Score{}, fmt.Errorf("judge: %w", err)
	}
	return answers.score(t.answers[h]), nil
}
