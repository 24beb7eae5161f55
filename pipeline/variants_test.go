package pipeline

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"atoll/engine"
	"atoll/engine/enginetest"
	"atoll/model"
	"atoll/pipeline/audio"
	"atoll/pipeline/source"
	"atoll/pipeline/vision"
	"atoll/precision/selector"
)

// ticker is a clock that moves on with every look.
type ticker struct{ now time.Duration }

func (c *ticker) Now() time.Duration { c.now += 10 * time.Millisecond; return c.now }

// pair makes a selector of a baseline that takes 10 ms and a variant that is as accurate.
func pair(t testing.TB, m model.Modality, tell func(*selector.Change)) *selector.Selector {
	t.Helper()
	s, err := selector.New(selector.Options{
		Modality: m, Latency: time.Second, Clock: &ticker{}, Tell: tell,
		Variants: []selector.Variant{{Name: "base", Accuracy: 1, Baseline: true}, {Name: "fast", Accuracy: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fakes are two models of a kind, the second faster.
func fakes(kind func() *enginetest.Model) [2]*enginetest.Model {
	models := [2]*enginetest.Model{kind(), kind()}
	models[0].Took, models[1].Took = 10*time.Millisecond, 2*time.Millisecond
	return models
}

func faceVariants(t testing.TB, models [2]*enginetest.Model, s *selector.Selector) Variants[*FaceDetector] {
	t.Helper()
	v := Variants[*FaceDetector]{Selector: s}
	for _, m := range models {
		d, err := NewFaceDetector(m, vision.DefaultThreshold, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		v.Senses = append(v.Senses, d)
	}
	return v
}

func TestVariantsUseTheFastest(t *testing.T) {
	models := fakes(faceModel)
	s := pair(t, model.Vision, nil)
	o := NewObserver(faceVariants(t, models, s), Variants[*VoiceDetector]{}, Variants[*MoodClassifier]{})
	item := source.Item{Modality: model.Vision, Image: grey(64, 48)}
	const jobs = 250
	for range jobs {
		if _, took, err := o.Observe(&item); err != nil || took.Total > 10*time.Millisecond {
			t.Fatal(took, err)
		}
	}
	if got := s.Stats(); s.Using() != "fast" || got.Jobs != jobs || got.Shadows == 0 || got.Demoted != 0 {
		t.Errorf("%s is in use, %+v", s.Using(), got)
	}
	if shadows := int(s.Stats().Shadows); models[0].Runs+models[1].Runs != jobs+shadows {
		t.Errorf("%d and %d runs for %d jobs and %d shadows", models[0].Runs, models[1].Runs, jobs, shadows)
	}
}

// A variant that answers something else than the baseline is found out and demoted,
// whatever it is that it gets wrong.
func TestVariantsDemoteWhatDrifts(t *testing.T) {
	sees := func(score, x float32) func(m *enginetest.Model) error {
		return func(m *enginetest.Model) error {
			scores := m.Out[1].Float32s()
			for i := range scores {
				scores[i] = -5
			}
			scores[100] = score
			copy(m.Out[0].Float32s()[100*16:], []float32{x, 0, 32, 32})
			return nil
		}
	}
	for name, c := range map[string]struct {
		base, fast func(m *enginetest.Model) error
		want       bool
	}{
		"the same":       {sees(3, 0), sees(3, 0), false},
		"nearly":         {sees(3, 0), sees(3.1, 1), false},
		"blind":          {sees(3, 0), sees(-5, 0), true},
		"sees ghosts":    {sees(-5, 0), sees(3, 0), true},
		"looks astray":   {sees(3, 0), sees(3, 60), true},
		"answers no sum": {sees(3, 0), sees(float32(math.NaN()), 0), true},
		"crashes":        {sees(3, 0), func(*enginetest.Model) error { return &engine.WorkerError{Doing: "run"} }, true},
		"is refused":     {sees(3, 0), func(*enginetest.Model) error { return &engine.ModelError{} }, true},
		"no worker":      {sees(3, 0), func(*enginetest.Model) error { return &engine.RestartLimitError{} }, false},
	} {
		models := fakes(faceModel)
		models[0].Infer, models[1].Infer = c.base, c.fast
		var demoted []string
		s := pair(t, model.Vision, func(c *selector.Change) {
			if c.Demoted {
				demoted = append(demoted, c.From)
			}
		})
		o := NewObserver(faceVariants(t, models, s), Variants[*VoiceDetector]{}, Variants[*MoodClassifier]{})
		item := source.Item{Modality: model.Vision, Image: grey(64, 48)}
		for i := 0; i < 250 && len(demoted) == 0; i++ {
			o.Observe(&item)
		}
		if got := len(demoted) == 1 && demoted[0] == "fast"; got != c.want || got != (s.Using() == "base") && name != "no worker" {
			t.Errorf("%s: demoted %q and %s is in use, want demoted %v", name, demoted, s.Using(), c.want)
		}
	}
}

// The baseline that runs in the shadow of a job leaves what is remembered of the stream
// alone, and begins with what the job began with.
func TestShadowLeavesTheStreamAlone(t *testing.T) {
	models := fakes(voiceModel)
	s := pair(t, model.Audio, nil)
	v := Variants[*VoiceDetector]{Selector: s}
	for _, m := range models {
		d, err := NewVoiceDetector(m, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		v.Senses = append(v.Senses, d)
	}
	o := NewObserver(Variants[*FaceDetector]{}, v, Variants[*MoodClassifier]{})
	item := source.Item{Modality: model.Audio, Audio: make([]float32, audio.FrameSize)}
	for i := range 95 { // the fake counts its frames
		e, _, err := o.Observe(&item)
		if want := float64(i+1) / 100; err != nil || math.Abs(e.P-want) > 1e-6 {
			t.Fatalf("frame %d: %v, %v; want %v", i, e.P, err, want)
		}
	}
	if got := s.Stats(); got.Shadows == 0 || got.Demoted != 0 {
		t.Errorf("%+v, want shadow runs that agree", got)
	}
}

// A text without words is nobody's failure.
func TestNoWordsBlameNobody(t *testing.T) {
	models := fakes(moodModel)
	s := pair(t, model.Text, nil)
	v := Variants[*MoodClassifier]{Selector: s}
	for _, m := range models {
		c, err := NewMoodClassifier(m, []byte(vocabulary), []byte(labels), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		v.Senses = append(v.Senses, c)
	}
	o := NewObserver(Variants[*FaceDetector]{}, Variants[*VoiceDetector]{}, v)
	for i := range 1000 {
		item := source.Item{Modality: model.Text, Text: "!?"}
		if i%2 == 0 {
			item.Text = fmt.Sprint("good ", i)
		}
		if _, _, err := o.Observe(&item); err != nil && !errors.Is(err, ErrNoWords) {
			t.Fatal(err)
		}
	}
	if got := s.Stats(); got.Demoted != 0 || s.Using() != "fast" {
		t.Errorf("%s is in use, %+v", s.Using(), got)
	}
}

// A job with a variant that is picked allocates nothing, its shadow neither.
func TestVariantsDoNotAllocate(t *testing.T) {
	o := NewObserver(faceVariants(t, fakes(faceModel), pair(t, model.Vision, nil)), Variants[*VoiceDetector]{}, Variants[*MoodClassifier]{})
	item := source.Item{Modality: model.Vision, Image: grey(64, 48)}
	if got := testing.AllocsPerRun(300, func() {
		if _, _, err := o.Observe(&item); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations a job, want 0", got)
	}
}
