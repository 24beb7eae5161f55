package figures

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"atoll/internal/optimize"
	"atoll/internal/task"
)

func TestConvert(t *testing.T) {
	out := filepath.Join(t.TempDir(), "text8.tflite")
	c, err := Convert(context.Background(), shipped+"text_classification.tflite", out, optimize.Options{Precision: "int8-dynamic", Calibrate: task.Text})
	if err != nil {
		t.Fatal(err)
	}
	if c.File != out || c.Card.After.Bytes >= c.Card.Before.Bytes/3 {
		t.Errorf("%s of %d bytes, from %d", c.File, c.Card.After.Bytes, c.Card.Before.Bytes)
	}
	if got, want := c.Drop(), *c.Card.Before.Accuracy-*c.Card.After.Accuracy; got != want || got > 0.02 {
		t.Errorf("drop %v, want %v", got, want)
	}
	if err := RoundTrip(out); err != nil {
		t.Error(err)
	}
	if _, err := Convert(context.Background(), shipped+"text_classification.tflite", out, optimize.Options{Precision: "int8"}); err == nil || !strings.Contains(err.Error(), "calibration data") {
		t.Errorf("int8 without data: %v", err)
	}
	if _, err := Convert(context.Background(), "no/such.tflite", out, optimize.Options{}); err == nil {
		t.Error("of a file that is not there: no error")
	}
}

// How others do beside the dense models, make bench-models tells: the full range takes long.
func TestCompareFaces(t *testing.T) {
	short := shipped + "face_short_range.tflite"
	same, err := CompareFaces(short, short)
	if err != nil {
		t.Fatal(err)
	}
	if same.Found != 1 || same.Alone != 0 || same.Of < 100 || same.Before != same.After || same.Before < 0.98 {
		t.Errorf("with itself: %+v", same)
	}
	if _, err := CompareFaces(short, shipped+"text_classification.tflite"); err == nil {
		t.Error("of no face model: no error")
	}
}

func TestPointwiseZeros(t *testing.T) {
	for file, want := range map[string][2]float64{
		"face_full_range.tflite":        {0, 0.05},
		"face_full_range_sparse.tflite": {0.6, 0.9},
	} {
		got, err := PointwiseZeros(shipped + file)
		if err != nil || got < want[0] || got > want[1] {
			t.Errorf("%s: %v, %v; want %v", file, got, err, want)
		}
	}
	if _, err := PointwiseZeros("files.go"); err == nil {
		t.Error("of no model: no error")
	}
}
