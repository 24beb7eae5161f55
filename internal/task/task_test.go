package task

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"atoll/engine/probe"
	"atoll/internal/material"
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
		unseen, err := task.Unseen(c.samples)
		if err != nil || len(unseen) < c.samples/2 {
			t.Errorf("%s: %d unseen samples, %v", c.where, len(unseen), err)
		}
		for _, s := range unseen {
			if slices.ContainsFunc(samples, func(other probe.Sample) bool { return slices.Equal(s[0], other[0]) }) {
				t.Errorf("%s: a sample is of both halves", c.where)
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
	if _, err = task.Agreement(dense, fakeImage()); err == nil {
		t.Error("agreement with what finds no faces")
	}
}

// Without data there is no score, rather than one that is no number.
func TestNothingToJudgeBy(t *testing.T) {
	m := fakeVoice()
	task := &Task{data: &voice{}, reference: m}
	if s, err := task.Judge(m); err == nil {
		t.Errorf("%+v", s)
	}
	blind := fake([][]int{{1, 128, 128, 3}}, [][]int{{1, 896, 16}, {1, 896, 1}})
	for i := range blind.Out[1].Float32s() {
		blind.Out[1].Float32s()[i] = -9
	}
	if a, err := open(t, Vision, blind).Agreement(blind, blind); err == nil || !strings.Contains(err.Error(), "finds any face") {
		t.Errorf("%+v, %v", a, err)
	}
}

// Own data that are damaged are told of when they are used.
func TestDamagedData(t *testing.T) {
	d := testData(t)
	dir := t.TempDir()
	if err := os.Symlink(d.Path("lfw_subset.npy"), filepath.Join(dir, "lfw_subset.npy")); err != nil {
		t.Fatal(err)
	}
	t.Setenv(material.DataVariable, dir)
	faces, voice, mood := load(t, model.Vision, "short"), load(t, model.Audio, "f32"), load(t, model.Text, "f32")
	for _, tt := range []struct {
		where string
		m     Model
		want  string
	}{{Vision, faces, "no pictures"}, {Audio, voice, "no recordings"}, {Text, mood, "imdb.json"}} {
		if _, err := Open(tt.where, tt.m); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.where, err, tt.want)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "pictures"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pictures", "coins.png"), []byte("gone"), 0o640); err != nil {
		t.Fatal(err)
	}
	task := open(t, Vision, faces)
	if _, err := task.Samples(1000); err == nil || !strings.Contains(err.Error(), "coins.png") {
		t.Errorf("samples: %v", err)
	}
	if _, err := task.Agreement(faces, faces); err == nil || !strings.Contains(err.Error(), "astronaut.png") {
		t.Errorf("agreement: %v", err)
	}
}
