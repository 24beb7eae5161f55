package app

import (
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/internal/config"
	"atoll/model"
	"atoll/models"
	"atoll/pipeline"
	"atoll/precision/selector"
	"atoll/sensors"
)

// Surroundings are what variants are picked by, beside what is measured of them, and
// who hears of decisions. The zero value limits nothing and tells nobody.
type Surroundings struct {
	Heat  selector.Heat
	Meter selector.Meter
	Power physic.Power // of a running job, above an idle board
	// Explain is called with every decision, if set. It must neither keep its argument
	// nor block.
	Explain func(fmt.Stringer)
}

// JobPower is what a board draws more, by its energy model, while a job keeps so many of
// its cores busy at the fastest clock.
func JobPower(e board.Energy, threads int) physic.Power {
	cores := 0
	for _, c := range e.Clusters {
		cores += c.Cores
	}
	if cores == 0 {
		return 0
	}
	busy := min(1, float64(threads)/float64(cores))
	return sensors.PowerAt(e, nil, busy) - sensors.PowerAt(e, nil, 0)
}

// latencyBudget is what a job of that modality may take.
func latencyBudget(cfg config.Config, m model.Modality) time.Duration {
	if set := cfg.Sense(m).Latency.Duration; set > 0 {
		return set
	}
	return min(urgencies[m].deadline, cfg.Engine.Deadline.Duration)
}

// candidates are the variants of a modality that may be picked from: those whose accuracy
// is known, and the baseline.
func candidates(m model.Modality) (list []*model.Variant, err error) {
	manifest, err := models.Manifest()
	if err != nil {
		return nil, fmt.Errorf("built-in models: %w", err)
	}
	for i := range manifest.Variants {
		if v := &manifest.Variants[i]; v.Modality == m && (v.Baseline || v.Accuracy > 0) {
			list = append(list, v)
		}
	}
	return list, nil
}

// openVariants opens the candidates of a modality, for a selector made of o, whose
// variants it fills in. One that can't be opened is left out, unless it is the baseline.
func openVariants[Sense any](m model.Modality, open func(Choice) (Sense, error), o selector.Options, log zerolog.Logger) (v pipeline.Variants[Sense], err error) {
	list, err := candidates(m)
	if err != nil {
		return v, err
	}
	for _, c := range list {
		sense, err := open(Choice{Variant: c.Name})
		if err != nil && c.Baseline {
			return v, err
		}
		if err != nil {
			log.Warn().Err(err).Stringer("modality", m).Str("variant", c.Name).Msg("variant is left out")
			continue
		}
		v.Senses = append(v.Senses, sense)
		o.Variants = append(o.Variants, selector.Variant{Name: c.Name, Accuracy: c.Accuracy, Baseline: c.Baseline})
	}
	o.Modality = m
	v.Selector, err = selector.New(o)
	return v, err
}

// configured opens the variant that cfg names for a modality, or all that may be picked.
func configured[Sense any](cfg config.Config, m model.Modality, open func(Choice) (Sense, error), c pipeline.Config, by Surroundings) (pipeline.Variants[Sense], error) {
	if cfg.Sense(m).Variant != model.Auto {
		sense, err := open(Choice{})
		return pipeline.Only(sense), err
	}
	return openVariants(m, open, selector.Options{
		Accuracy: cfg.Sense(m).Accuracy, Latency: latencyBudget(cfg, m), Clock: c.Clock,
		Heat: by.Heat, Meter: by.Meter, Power: by.Power, Tell: teller(c.Logger, by.Explain),
	}, c.Logger)
}

// teller logs changes, and explains them if somebody wants to hear it.
func teller(log zerolog.Logger, explain func(fmt.Stringer)) func(*selector.Change) {
	return func(c *selector.Change) {
		if c.Demoted {
			log.Warn().Stringer("modality", c.Modality).Str("variant", c.From).Stringer("reason", c.Reason).
				Float64("drift", rounded(c.Drift, 1e4)).Uint64("compared", c.Compared).Int("failures", c.Failures).
				Msg("variant is demoted: it is not used again before the next start")
		} else {
			log.Info().Stringer("modality", c.Modality).Str("variant", c.To).Str("before", c.From).Stringer("reason", c.Reason).
				Float64("accuracy", c.Accuracy).Dur("median_ms", c.Median).Dur("p95_ms", c.High).Msg("another variant is in use")
		}
		if explain != nil {
			explain(c)
		}
	}
}

// logSelection tells what variants are in use and what was done to find out.
func logSelection(log zerolog.Logger, p *pipeline.Pipeline) {
	for m, s := range [model.NumModalities]*selector.Selector{model.Vision: p.Faces.Selector, model.Audio: p.Voice.Selector, model.Text: p.Mood.Selector} {
		if s == nil {
			continue
		}
		x := s.Stats()
		log.Info().Stringer("modality", model.Modality(m)).Str("variant", s.Using()).Uint64("jobs", x.Jobs).Uint64("trials", x.Trials).
			Uint64("shadows", x.Shadows).Uint64("switches", x.Switches).Uint64("demoted", x.Demoted).Msg("variants so far")
	}
}
