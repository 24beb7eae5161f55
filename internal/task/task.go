// Package task is what a model is calibrated with and judged by: pictures, recordings,
// sentences or arrays. Every second one is for calibration, the others are held out:
// a model is judged by what nothing was tuned to.
package task

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"atoll/engine"
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
	// samples makes at most n inputs, evenly over a half. What the reference remembers
	// from one input to the next runs along.
	samples(reference Model, h half, n int) ([]probe.Sample, error)
	// ask puts the questions of a half to a model.
	ask(m Model, h half) (transcript, error)
}

// transcript is what a model answered, question by question.
type transcript interface {
	// score holds it against the reference's answers to the same questions.
	score(reference transcript) Score
}

// Open opens the data for a model and every conversion of it: the project's own
// (Vision, Audio, Text) or a folder of the user's. The reference is the model itself,
// in floating point. A folder holds files of one kind:
//
//   - pictures (.png, .jpg, .jpeg) for a model with one input of shape [1,N,N,3], which
//     is fed pixels of -1 to 1, letterboxed;
//   - recordings (.wav) for a voice detector in Silero's form, whose state runs along;
//   - texts (.txt), one a line, for the sentiment classifier;
//   - arrays (.npy, float32 or float64) for any model with one input: of the input's
//     shape, or several along the first dimension.
//
// Sorted by name, every second item is held out. Data that the model can't take are
// refused, and so are mixed kinds.
func Open(where string, reference Model) (*Task, error) {
	t := &Task{reference: reference}
	err := checkFloats(reference)
	switch {
	case err != nil:
	case where == Vision || where == Audio || where == Text:
		var d material.Data
		if d, err = material.FindData(); err != nil {
			err = fmt.Errorf("the test data for %s are not here; name a folder of your own, or: %w", where, err)
			break
		}
		t.data, err = openOwn(d, where, reference)
	default:
		t.data, t.notes, err = openFolder(where, reference)
	}
	if err != nil {
		return nil, fmt.Errorf("calibration data: %w", err)
	}
	return t, nil
}

// checkFloats refuses models that take or give other numbers than float32.
func checkFloats(m Model) error {
	for _, t := range slices.Concat(m.Inputs(), m.Outputs()) {
		if t.Type != engine.Float32 {
			return fmt.Errorf("model %s: tensor %q is %v: only float32 outside can be calibrated", m.Name(), t.Name, t.Type)
		}
	}
	return nil
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
// makes fewer if there are fewer, or if they would take more than 64 MiB. They must not
// be changed: the task may keep them.
func (t *Task) Samples(n int) ([]probe.Sample, error) { return t.samples(calibrating, n) }

// Unseen makes such inputs of the half that is held out: to measure by them, never to
// calibrate.
func (t *Task) Unseen(n int) ([]probe.Sample, error) { return t.samples(heldOut, n) }

func (t *Task) samples(h half, n int) ([]probe.Sample, error) {
	size := 0
	for _, in := range t.reference.Inputs() {
		size += in.Bytes
	}
	list, err := t.data.samples(t.reference, h, max(1, min(n, maxSampleBytes/max(1, size))))
	if err != nil {
		return nil, fmt.Errorf("samples: %w", err)
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
	answers := t.answers[h]
	if m != t.reference {
		var err error
		if answers, err = t.data.ask(m, h); err != nil {
			return Score{}, fmt.Errorf("judge: %w", err)
		}
	}
	s := answers.score(t.answers[h])
	if s.N == 0 {
		return s, errors.New("judge: there is nothing to judge by")
	}
	return s, nil
}

// shapes lists those of tensors.
func shapes(tensors []engine.Tensor) (list [][]int) {
	for _, t := range tensors {
		list = append(list, t.Shape)
	}
	return list
}
