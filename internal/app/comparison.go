package app

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/rs/zerolog"
	"periph.io/x/conn/v3/physic"

	"atoll/engine"
	"atoll/model"
	"atoll/pipeline"
	"atoll/pipeline/audio"
	"atoll/pipeline/source"
	"atoll/precision/selector"
)

// ComparisonOptions say what variants are compared for. The zero value takes accuracy and
// latency from the configuration.
type ComparisonOptions struct {
	Accuracy float64
	Latency  time.Duration
	Economy  bool
	Power    physic.Power
	Step     func() // called after each of ComparisonSteps of a modality, if set
}

// Comparison is what is known of the variants of a modality once they were measured here,
// and which would be picked.
type Comparison struct {
	Accuracy float64 // required
	Latency  time.Duration
	Rows     []selector.Row
	Variants []*model.Variant // of the rows
}

// A comparison runs every variant in each of its steps, the first time cold.
const (
	ComparisonSteps = 8
	stepRuns        = 6
)

// comparisonDeadline bounds a run here: nobody waits for it, so a busy machine may take
// its time, but a hang must end.
const comparisonDeadline = 30 * time.Second

// unheated is a machine that heat doesn't limit.
type unheated struct{ economy bool }

func (unheated) Share() float64  { return 1 }
func (u unheated) Economy() bool { return u.economy }

// Compare measures every variant of a modality that may be picked, on an input without
// meaning: how long a network takes does not depend on what it sees.
func (s *Senses) Compare(ctx context.Context, m model.Modality, o ComparisonOptions) (Comparison, error) {
	if o.Latency == 0 {
		o.Latency = latencyBudget(s.cfg, m)
	}
	if o.Accuracy == 0 {
		o.Accuracy = s.cfg.Sense(m).Accuracy
	}
	options := selector.Options{Accuracy: o.Accuracy, Latency: o.Latency, Clock: source.NewClock(), Heat: unheated{o.Economy}, Power: o.Power}
	patient := *s
	patient.cfg.Engine.Deadline.Duration = max(s.deadline(), comparisonDeadline)
	random := rand.New(rand.NewPCG(1, 1))
	switch m {
	case model.Vision:
		var img source.Image
		img.Resize(640, 480)
		for i := range img.Pix {
			img.Pix[i] = byte(random.Uint32())
		}
		return compare(ctx, s.log, m, patient.Faces, options, o.Step, func(d *pipeline.FaceDetector) (engine.Timing, error) {
			_, took, err := d.Score(img)
			return took, err
		})
	case model.Audio:
		samples := make([]float32, audio.FrameSize)
		for i := range samples {
			samples[i] = random.Float32() - 0.5
		}
		return compare(ctx, s.log, m, patient.Voice, options, o.Step, func(d *pipeline.VoiceDetector) (engine.Timing, error) {
			_, took, err := d.Probability(new(pipeline.VoiceStream), samples)
			return took, err
		})
	default:
		return compare(ctx, s.log, m, patient.Mood, options, o.Step, func(c *pipeline.MoodClassifier) (engine.Timing, error) {
			_, _, took, err := c.Classify("This is a film with a beginning, a middle and an end.")
			return took, err
		})
	}
}

func compare[Sense any](ctx context.Context, log zerolog.Logger, m model.Modality, open func(Choice) (Sense, error), o selector.Options, step func(), run func(Sense) (engine.Timing, error)) (c Comparison, err error) {
	v, err := openVariants(m, open, o, log)
	if err != nil {
		return c, err
	}
	for range ComparisonSteps {
		for i, sense := range v.Senses {
			for range stepRuns {
				if ctx.Err() != nil {
					return c, ctx.Err()
				}
				took, err := run(sense)
				if err != nil {
					return c, err
				}
				v.Selector.Done(i, took.Total)
			}
		}
		if step != nil {
			step()
		}
	}
	v.Selector.Next() // decides
	c = Comparison{Accuracy: v.Selector.Required(), Latency: o.Latency, Rows: v.Selector.Table()}
	list, err := candidates(m)
	for _, row := range c.Rows {
		for _, candidate := range list {
			if candidate.Name == row.Name {
				c.Variants = append(c.Variants, candidate)
			}
		}
	}
	return c, err
}
