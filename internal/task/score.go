package task

import (
	"math"
	"slices"
	"sort"
)

// Score is how a model did.
type Score struct {
	// Accuracy is the share of decisions that are right, 0 to 1; of data without
	// labels, the share of those that are the original model's.
	Accuracy float64
	Labelled bool // the data tell what is right
	N        int  // decisions
	// Changed counts the decisions that are not the original model's.
	Changed int
	// Largest difference from the original model's answers: of a probability, or
	// relative to the size of an output.
	Largest float64
	// Risk is the share of decisions that are expected to change: the differences that
	// there are, in units of the logit, at the distance of each decision from the
	// threshold. It is steadier than a count of a few. 0 where answers are no
	// probabilities.
	Risk float64
	// Parts has the parts of the data, if there are several.
	Parts []Part
}

// Part is the score of a part of the data.
type Part struct {
	Name  string
	N     int
	Right int // as Accuracy counts them
}

// Accuracy is the share of decisions that are right.
func (p Part) Accuracy() float64 { return float64(p.Right) / float64(p.N) }

// probabilities are answers to questions of yes and no.
type probabilities struct {
	parts    []string
	labelled bool
	answers  []answer
}

type answer struct {
	part  int
	p     float64
	yes   bool // as the model's user takes it
	truth bool // if there are labels
}

func (a *probabilities) score(of transcript) Score {
	reference := of.(*probabilities)
	s := Score{Labelled: a.labelled, N: len(a.answers), Risk: a.risk(reference), Parts: make([]Part, len(a.parts))}
	for i, name := range a.parts {
		s.Parts[i].Name = name
	}
	right := 0
	for i, x := range a.answers {
		want := reference.answers[i]
		s.Largest = max(s.Largest, math.Abs(x.p-want.p))
		if x.yes != want.yes {
			s.Changed++
		}
		s.Parts[x.part].N++
		if a.labelled && x.yes == x.truth || !a.labelled && x.yes == want.yes {
			s.Parts[x.part].Right++
			right++
		}
	}
	s.Accuracy = float64(right) / float64(s.N)
	if len(s.Parts) == 1 {
		s.Parts = nil
	}
	return s
}

// risk is Score.Risk.
func (a *probabilities) risk(reference *probabilities) float64 {
	margins, errors := make([]float64, len(a.answers)), make([]float64, len(a.answers))
	for i := range a.answers {
		margins[i] = logit(reference.answers[i].p)
		errors[i] = logit(a.answers[i].p) - margins[i]
	}
	slices.Sort(margins)
	below := func(x float64) int { return sort.SearchFloat64s(margins, x) }
	changed := 0
	for _, e := range errors { // what lies between 0 and -e changes sides
		changed += max(below(0), below(-e)) - min(below(0), below(-e))
	}
	return float64(changed) / float64(len(errors)) / float64(len(errors))
}

// logit is the inverse of the sigmoid, bounded for what is as good as certain.
func logit(p float64) float64 {
	const certain = 1e-6
	p = min(max(p, certain), 1-certain)
	return math.Log(p / (1 - p))
}
