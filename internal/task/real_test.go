package task

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atoll/internal/material"
	"atoll/model"
	"atoll/pipeline/audio"
)

func testData(t testing.TB) material.Data {
	t.Helper()
	d, err := material.FindData()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// folderOfCrops writes pictures of faces and others, some small in the frame.
func folderOfCrops(t *testing.T) string {
	crops, err := testData(t).Crops()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i := 0; i < len(crops.Pix); i += 5 {
		picture := crops.Picture(i, 0.3)
		img := image.NewRGBA(image.Rect(0, 0, picture.Width, picture.Height))
		for k := range picture.Width * picture.Height {
			p := picture.Pix[3*k:]
			img.SetRGBA(k%picture.Width, k/picture.Width, color.RGBA{p[0], p[1], p[2], 255})
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%03d.png", i)))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFolderOfPictures(t *testing.T) {
	dense := load(t, model.Vision, "full")
	task := open(t, folderOfCrops(t), dense)
	samples, err := task.Samples(100)
	if err != nil || len(samples) != 20 || len(samples[0][0]) != 192*192*3 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	got, err := task.Judge(dense)
	if err != nil || got.Accuracy != 1 || got.N != 20 || got.Largest != 0 {
		t.Errorf("itself: %+v, %v", got, err)
	}
	got, err = task.Judge(load(t, model.Vision, "full-sparse"))
	t.Logf("sparse: %+v", got)
	if err != nil || got.Accuracy < 0.9 || got.N < 20 || got.N > 22 || got.Largest == 0 || got.Labelled {
		t.Errorf("another: %+v, %v", got, err)
	}
	if _, err := task.Judge(load(t, model.Vision, "short")); err == nil || !strings.Contains(err.Error(), "inputs of shape [[1 128 128 3]]") {
		t.Errorf("other size: %v", err)
	}
}

func TestFolderOfRecordings(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"cards/001.wav", "cards/002.wav", "cards/003.wav"} {
		in, err := os.Open(testData(t).Path("speech", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(filepath.Join(dir, fmt.Sprint(i, ".wav")))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(out, in); err != nil {
			t.Fatal(err)
		}
		in.Close()
		out.Close()
	}
	reference := load(t, model.Audio, "f32")
	task := open(t, dir, reference)
	got, err := task.Judge(load(t, model.Audio, "f16"))
	t.Logf("f16: %+v", got)
	if err != nil || got.Accuracy != 1 || got.N != 61 || got.Largest == 0 || got.Parts != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = task.JudgeCalibration(reference); err != nil || got.N != 34+48 {
		t.Errorf("%+v, %v", got, err)
	}
}

// A sample of sound holds the state that the network has there: asked with it alone,
// it answers as in the stream.
func TestSamplesOfSoundHoldTheState(t *testing.T) {
	m := load(t, model.Audio, "f32")
	task := open(t, Audio, m)
	v := task.data.(*voice)
	told, err := v.ask(m, calibrating)
	if err != nil {
		t.Fatal(err)
	}
	answers := told.(*probabilities).answers
	const n = 40
	samples, err := task.Samples(n)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := audio.Check(shapes(m.Inputs()), shapes(m.Outputs()))
	if err != nil {
		t.Fatal(err)
	}
	k, moved := 0, 0
	for i := range spread(n, len(answers)) {
		for in, values := range samples[k] {
			copy(m.Inputs()[in].Float32s(), values)
		}
		if samples[k][spec.H][0] != 0 {
			moved++
		}
		if _, err := m.Run(deadline); err != nil {
			t.Fatal(err)
		}
		if got := float64(m.Outputs()[spec.Probability].Float32s()[0]); math.Abs(got-answers[i].p) > 1e-6 {
			t.Errorf("frame %d: probability %v, %v in the stream", i, got, answers[i].p)
		}
		k++
	}
	if moved < n/2 {
		t.Errorf("only %d of %d samples have a state", moved, n)
	}
}

func TestFolderOfTexts(t *testing.T) {
	m := load(t, model.Text, "f32")
	task := open(t, files(t, map[string]string{
		"a.txt": "This is the best movie I have seen in recent years.\r\n\nTerrible acting and a boring plot.\n",
		"b.txt": "The worst film ever.\n" + strings.Repeat("Strongly recommended! ", 1000),
	}), m)
	samples, err := task.Samples(9)
	if err != nil || len(samples) != 2 || fmt.Sprint(samples[0][0][:5]) != "[1 14 9 4 118]" {
		t.Errorf("%d samples, %v", len(samples), err)
	}
	got, err := task.Judge(m)
	if err != nil || got.N != 2 || got.Accuracy != 1 || got.Labelled {
		t.Errorf("%+v, %v", got, err)
	}
}

// Calibration sees no crop, recording or sentence that is judged by.
func TestNothingJudgedCalibrates(t *testing.T) {
	seen := map[string]bool{}
	add := func(kind string, h half, name any) {
		key := fmt.Sprint(kind, name)
		if h == calibrating {
			seen[key] = true
		} else if seen[key] {
			t.Errorf("%s %v calibrates and judges", kind, name)
		}
	}
	c := open(t, Vision, load(t, model.Vision, "short")).data.(*crops)
	for _, s := range c.shots(calibrating) {
		if s.picture == "" {
			add("crop", calibrating, s.crop)
		} else if s.picture == "astronaut.png" {
			t.Error("the astronaut calibrates")
		}
	}
	for i := range heldOut.of(len(c.Pix)) {
		add("crop", heldOut, i)
	}
	v := open(t, Audio, load(t, model.Audio, "f32")).data.(*voice)
	for h, takes := range v.halves {
		for _, x := range takes {
			add("recording", half(h), x.name)
		}
	}
	if len(seen) < 100+7 {
		t.Errorf("only %d things calibrate", len(seen))
	}
}
