package task

import (
	"slices"
	"testing"
	"time"

	"atoll/model"
)

func TestOwnData(t *testing.T) {
	for _, c := range []struct {
		where       string
		modality    model.Modality
		first, same string // variants: the second decides as the first
		samples     int
		labelled    bool
		must        float64
		n           int
		parts       []string
	}{
		{Vision, model.Vision, "short", "short", 64, true, 0.98, 200, []string{"at 100 %", "at 30 %"}},
		{Audio, model.Audio, "f32", "f16", 100, false, 1, 1120, []string{"as recorded", "quiet", "noisy", "noise alone"}},
		{Text, model.Text, "f32", "f32", 50, true, 0.78, 1500, []string{"imdb", "amazon", "yelp"}},
	} {
		reference := load(t, c.modality, c.first)
		task := open(t, c.where, reference)
		samples, err := task.Samples(c.samples)
		if err != nil {
			t.Fatal(err)
		}
		if len(samples) != c.samples {
			t.Errorf("%s: %d samples, want %d", c.where, len(samples), c.samples)
		}
		for _, s := range samples {
			for i, in := range reference.Inputs() {
				if len(s[i]) != len(in.Float32s()) {
					t.Fatalf("%s: input %d has %d values", c.where, i, len(s[i]))
				}
			}
		}
		began := time.Now()
		got, err := task.Judge(load(t, c.modality, c.same))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %+v in %v", c.where, got, time.Since(began))
		if got.Labelled != c.labelled || got.N < c.n-10 || got.N > c.n+10 || got.Accuracy < c.must || got.Changed != 0 {
			t.Errorf("%s: %+v", c.where, got)
		}
		var names []string
		for _, p := range got.Parts {
			names = append(names, p.Name)
		}
		if !slices.Equal(names, c.parts) {
			t.Errorf("%s: parts %q, want %q", c.where, names, c.parts)
		}
		if got, err = task.JudgeCalibration(reference); err != nil || got.Changed != 0 {
			t.Errorf("%s: %+v, %v", c.where, got, err)
		}
		t.Logf("%s, calibration: %+v", c.where, got)
	}
}

func TestAgreement(t *testing.T) {
	dense, sparse := load(t, model.Vision, "full"), load(t, model.Vision, "full-sparse")
	task := open(t, Vision, dense)
	began := time.Now()
	got, err := task.Agreement(dense, sparse)
	t.Logf("%+v %.3f in %v, %v", got, got.Share(), time.Since(began), err)
	if err != nil || got.Share() < 0.9 || got.N() < 295 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = task.Agreement(dense, dense); err != nil || got.Share() != 1 {
		t.Errorf("with itself %+v, %v", got, err)
	}
}
