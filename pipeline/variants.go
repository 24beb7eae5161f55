package pipeline

import (
	"errors"
	"math"

	"atoll/engine"
	"atoll/pipeline/audio"
	"atoll/pipeline/text"
	"atoll/pipeline/vision"
	"atoll/precision/selector"
)

// Variants are a sense with each of several variants of its model.
type Variants[Sense any] struct {
	Senses []Sense
	// Selector picks one of them for each job, by its place. Nil: the first does all.
	Selector *selector.Selector
}

// Only is a sense with one variant.
func Only[Sense any](s Sense) Variants[Sense] { return Variants[Sense]{Senses: []Sense{s}} }

// role is what a run of a sense is for.
type role uint8

const (
	alone    role = iota // to answer
	shadowed             // to answer, and a shadow follows
	shadow               // to be compared with the answer before, on the same input
)

// look answers for one input in a role.
type look[Sense any] func(s Sense, r role) (p float64, took engine.Timing, err error)

// infer does a job with the variant that is picked for it. Where the baseline runs in its
// shadow, the two differ by their probabilities, or by what apart says if that is more.
// How long the job took does not include the shadow.
func (v *Variants[Sense]) infer(run look[Sense], apart func() float64) (p float64, took engine.Timing, err error) {
	if v.Selector == nil {
		return run(v.Senses[0], alone)
	}
	pick := v.Selector.Next()
	if pick.Shadow < 0 {
		p, took, err = run(v.Senses[pick.Variant], alone)
		v.ended(pick.Variant, took, err)
		return p, took, err
	}
	p, took, err = run(v.Senses[pick.Variant], shadowed)
	v.ended(pick.Variant, took, err)
	if err != nil {
		return p, took, err
	}
	q, long, failed := run(v.Senses[pick.Shadow], shadow)
	v.ended(pick.Shadow, long, failed)
	if failed == nil {
		v.Selector.Compared(pick.Variant, max(math.Abs(p-q), apart()))
	}
	return p, took, nil
}

// ended tells the selector of a run, unless it failed by no fault of the variant.
func (v *Variants[Sense]) ended(variant int, took engine.Timing, err error) {
	switch {
	case err == nil:
		v.Selector.Done(variant, took.Total)
	case blames(err):
		v.Selector.Failed(variant)
	}
}

// blames reports whether an error is the model's: it was refused, killed its worker or
// answered nonsense. A bad input is not its fault, nor is that no worker can be had.
func blames(err error) bool {
	_, refused := errors.AsType[*engine.ModelError](err)
	_, died := errors.AsType[*engine.WorkerError](err)
	return refused || died || errors.Is(err, vision.ErrBadOutput) || errors.Is(err, audio.ErrBadOutput) || errors.Is(err, text.ErrBadOutput)
}
