package task

import (
	"errors"
	"fmt"

	"atoll/engine/probe"
	"atoll/internal/material"
	"atoll/models"
	"atoll/pipeline"
	"atoll/pipeline/text"
)

// sentences are texts for the sentiment classifier.
type sentences struct {
	labelled bool
	sets     []set
}

type set struct {
	name string
	list []material.Sentence
}

func openSentences(d material.Data, reference Model) (*sentences, error) {
	if _, err := newClassifier(reference); err != nil {
		return nil, err
	}
	s := &sentences{labelled: true}
	for _, name := range []string{"imdb", "amazon", "yelp"} {
		list, err := d.Sentences(name)
		if err != nil {
			return nil, err
		}
		s.sets = append(s.sets, set{name, list})
	}
	return s, nil
}

func newClassifier(m Model) (*pipeline.MoodClassifier, error) {
	return pipeline.NewMoodClassifier(m, models.Vocab(), models.Labels(), deadline)
}

func (s *sentences) samples(_ Model, h half, n int) ([]probe.Sample, error) {
	tokenizer, err := text.NewTokenizer(models.Vocab())
	if err != nil {
		return nil, err
	}
	var all []string
	for _, set := range s.sets {
		for i := range h.of(len(set.list)) {
			all = append(all, set.list[i].Text)
		}
	}
	var list []probe.Sample
	for i := range spread(n, len(all)) {
		ids := make([]float32, text.InputSize)
		words, err := tokenizer.Encode(all[i], ids)
		if err != nil {
			return nil, err
		}
		if words > 0 { // the classifier is never asked about others
			list = append(list, probe.Sample{ids})
		}
	}
	if len(list) == 0 {
		return nil, pipeline.ErrNoWords
	}
	return list, nil
}

func (s *sentences) ask(m Model, h half) (transcript, error) {
	classifier, err := newClassifier(m)
	if err != nil {
		return nil, err
	}
	told := &probabilities{labelled: s.labelled}
	for part, set := range s.sets {
		told.parts = append(told.parts, set.name)
		for i := range h.of(len(set.list)) {
			x := set.list[i]
			p, _, _, err := classifier.Classify(x.Text)
			if err != nil && !errors.Is(err, pipeline.ErrNoWords) {
				return nil, fmt.Errorf("%s, sentence %d: %w", set.name, i+1, err)
			}
			told.answers = append(told.answers, answer{part, p, p > 0.5, x.Positive})
		}
	}
	return told, nil
}
