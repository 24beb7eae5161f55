package pipeline

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"atoll/engine"
	"atoll/engine/enginetest"
	"atoll/pipeline/audio"
	"atoll/pipeline/source"
)

func faceModel() *enginetest.Model {
	return &enginetest.Model{
		In:  []engine.Tensor{engine.NewTensor("input", 1, 128, 128, 3)},
		Out: []engine.Tensor{engine.NewTensor("boxes", 1, 896, 16), engine.NewTensor("scores", 1, 896, 1)},
		Infer: func(m *enginetest.Model) error {
			scores := m.Out[1].Float32s()
			for i := range scores {
				scores[i] = -5
			}
			return nil
		},
	}
}

func voiceModel() *enginetest.Model {
	return &enginetest.Model{
		In:  []engine.Tensor{engine.NewTensor("input", 1, 576), engine.NewTensor("h", 1, 128), engine.NewTensor("c", 1, 128)},
		Out: []engine.Tensor{engine.NewTensor("prob", 1, 1), engine.NewTensor("h_out", 1, 128), engine.NewTensor("c_out", 1, 128)},
		// Counts its own frames in h, as the network remembers.
		Infer: func(m *enginetest.Model) error {
			m.Out[1].Float32s()[0] = m.In[1].Float32s()[0] + 1
			m.Out[0].Float32s()[0] = m.Out[1].Float32s()[0] / 100
			return nil
		},
	}
}

func moodModel() *enginetest.Model {
	return &enginetest.Model{
		In:  []engine.Tensor{engine.NewTensor("ids", 1, 256)},
		Out: []engine.Tensor{engine.NewTensor("softmax", 1, 2)},
		Infer: func(m *enginetest.Model) error {
			copy(m.Out[0].Float32s(), []float32{0.25, 0.75})
			return nil
		},
	}
}

const (
	vocabulary = "<PAD> 0\n<START> 1\n<UNKNOWN> 2\ngood 3\n"
	labels     = "Negative\nPositive\n"
)

func grey(width, height int) source.Image {
	var img source.Image
	img.Resize(width, height)
	return img
}

func TestDetectFindsTheFace(t *testing.T) {
	m := faceModel()
	none := m.Infer
	m.Infer = func(m *enginetest.Model) error {
		none(m)
		m.Out[1].Float32s()[100] = 3
		copy(m.Out[0].Float32s()[100*16:], []float32{0, 0, 32, 32})
		return nil
	}
	d, err := NewFaceDetector(m, 0.5, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	faces, _, err := d.Detect(nil, grey(256, 256))
	if err != nil {
		t.Fatal(err)
	}
	want := 1 / (1 + math.Exp(-3))
	if len(faces) != 1 || math.Abs(float64(faces[0].Score)-want) > 1e-6 {
		t.Errorf("got %v; want one face with %v", faces, want)
	}
	if p, _, err := d.Score(grey(256, 256)); err != nil || math.Abs(p-want) > 1e-6 {
		t.Errorf("Score = %v, %v; want %v", p, err, want)
	}
	if w := faces[0].Box[2] - faces[0].Box[0]; math.Abs(float64(w)-64) > 1e-3 {
		t.Errorf("face is %v wide, want 64 pixels of the picture", w)
	}
	if m.Deadline != time.Second {
		t.Errorf("deadline %v, want 1s", m.Deadline)
	}
}

func TestScoreBelowTheThreshold(t *testing.T) {
	d, err := NewFaceDetector(faceModel(), 0.5, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	faces, _, err := d.Detect(nil, grey(10, 20))
	if err != nil || len(faces) != 0 {
		t.Errorf("got %v, %v; want no face", faces, err)
	}
	p, _, err := d.Score(grey(10, 20))
	if want := 1 / (1 + math.Exp(5)); err != nil || math.Abs(p-want) > 1e-6 {
		t.Errorf("Score = %v, %v; want %v", p, err, want)
	}
}

func TestDetectFails(t *testing.T) {
	broken := errors.New("broken")
	cases := map[string]struct {
		infer func(*enginetest.Model) error
		img   source.Image
		want  string
	}{
		"engine":     {func(*enginetest.Model) error { return broken }, grey(8, 8), "broken"},
		"not finite": {func(m *enginetest.Model) error { m.Out[1].Float32s()[0] = float32(math.NaN()); return nil }, grey(8, 8), "not finite"},
		"no picture": {nil, source.Image{}, "0"},
	}
	for name, c := range cases {
		m := faceModel()
		m.Infer = c.infer
		d, err := NewFaceDetector(m, 0.5, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.Detect(nil, c.img); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Detect: %v, want an error that says %q", name, err, c.want)
		}
		if _, _, err := d.Score(c.img); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Score: %v, want an error that says %q", name, err, c.want)
		}
	}
}

func TestVoiceRemembersEachStream(t *testing.T) {
	d, err := NewVoiceDetector(voiceModel(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var one, other VoiceStream
	chunk := make([]float32, audio.FrameSize)
	ask := func(s *VoiceStream, want float64) {
		t.Helper()
		got, _, err := d.Probability(s, chunk)
		if err != nil || math.Abs(got-want) > 1e-6 {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
	ask(&one, 0.01)
	ask(&one, 0.02)
	ask(&other, 0.01)
	ask(&one, 0.03)
	one.Reset()
	ask(&one, 0.01)
}

func TestVoiceFails(t *testing.T) {
	chunk := make([]float32, audio.FrameSize)
	bad := make([]float32, audio.FrameSize)
	bad[5] = float32(math.Inf(1))
	cases := map[string]struct {
		infer func(*enginetest.Model) error
		chunk []float32
		want  error
	}{
		"probability": {func(m *enginetest.Model) error { m.Out[0].Float32s()[0] = 2; return nil }, chunk, audio.ErrBadOutput},
		"state":       {func(m *enginetest.Model) error { m.Out[1].Float32s()[3] = float32(math.NaN()); return nil }, chunk, audio.ErrBadOutput},
		"samples":     {nil, bad, audio.ErrBadInput},
	}
	for name, c := range cases {
		m := voiceModel()
		m.Infer = c.infer
		d, err := NewVoiceDetector(m, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.Probability(&VoiceStream{}, c.chunk); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestClassify(t *testing.T) {
	m := moodModel()
	c, err := NewMoodClassifier(m, []byte(vocabulary), []byte(labels), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	positive, label, _, err := c.Classify("Good!")
	if err != nil || positive != 0.75 || label != "Positive" {
		t.Errorf("got %v %q, %v; want 0.75 Positive", positive, label, err)
	}
	if got := m.In[0].Float32s()[:3]; got[0] != 1 || got[1] != 3 || got[2] != 0 {
		t.Errorf("ids %v, want start, good, padding", got)
	}
	if _, _, _, err := c.Classify("?!"); !errors.Is(err, ErrNoWords) {
		t.Errorf("no words: got %v, want ErrNoWords", err)
	}
	if m.Runs != 1 {
		t.Errorf("%d inferences, want 1", m.Runs)
	}
}

// What a model's tensors must be is checked when it is opened, not when it runs.
func TestWrongModels(t *testing.T) {
	wrong := &enginetest.Model{In: []engine.Tensor{engine.NewTensor("x", 1, 7)}, Out: []engine.Tensor{engine.NewTensor("y", 1, 1)}}
	ints := faceModel()
	ints.In[0].Type = engine.Int8
	for name, m := range map[string]*enginetest.Model{"shape": wrong, "type": ints} {
		if _, err := NewFaceDetector(m, 0.5, time.Second); err == nil || !strings.Contains(err.Error(), "model fake") {
			t.Errorf("face detector of the wrong %s: %v", name, err)
		}
		if _, err := NewVoiceDetector(m, time.Second); err == nil || !strings.Contains(err.Error(), "model fake") {
			t.Errorf("voice detector of the wrong %s: %v", name, err)
		}
		if _, err := NewMoodClassifier(m, []byte(vocabulary), []byte(labels), time.Second); err == nil || !strings.Contains(err.Error(), "model fake") {
			t.Errorf("classifier of the wrong %s: %v", name, err)
		}
	}
	if _, err := NewFaceDetector(faceModel(), 1.5, time.Second); err == nil {
		t.Error("threshold 1.5: no error")
	}
	if _, err := NewMoodClassifier(moodModel(), []byte("x"), []byte(labels), time.Second); err == nil {
		t.Error("broken vocabulary: no error")
	}
	if _, err := NewMoodClassifier(moodModel(), []byte(vocabulary), nil, time.Second); err == nil {
		t.Error("no labels: no error")
	}
}

// A whole job of each sense allocates nothing.
func TestSensesDoNotAllocate(t *testing.T) {
	face, err := NewFaceDetector(faceModel(), 0.5, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	voice, err := NewVoiceDetector(voiceModel(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	mood, err := NewMoodClassifier(moodModel(), []byte(vocabulary), []byte(labels), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	o := NewObserver(Only(face), Only(voice), Only(mood))
	items := []source.Item{
		{Modality: 0, Image: grey(320, 240)},
		{Modality: 1, Audio: make([]float32, audio.FrameSize)},
		{Modality: 2, Text: "not GOOD, I think; good"},
	}
	for i := range items {
		if got := testing.AllocsPerRun(50, func() {
			if _, _, err := o.Observe(&items[i]); err != nil {
				t.Fatal(err)
			}
		}); got != 0 {
			t.Errorf("%v: %v allocations, want 0", items[i].Modality, got)
		}
	}
}
