package figures

import (
	"os"
	"testing"
)

// A model is as fast as itself, and a voice model far faster than one for faces; how much
// exactly is for quiet machines to tell.
func TestSpeedups(t *testing.T) {
	var files [][]byte
	for _, name := range []string{"face_short_range", "face_short_range", "silero_vad_f32"} {
		data, err := os.ReadFile(shipped + name + ".tflite")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, data)
	}
	list, err := Speedups(files, 15, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", list)
	if len(list) != 2 {
		t.Fatalf("%d ratios, want 2", len(list))
	}
	for i, r := range list {
		if !(r.Low <= r.Median && r.Median <= r.High) {
			t.Errorf("%d: %+v is no interval", i, r)
		}
	}
	if same := list[0]; same.Median < 0.5 || same.Median > 2 {
		t.Errorf("the same model is %.2f times as fast", same.Median)
	}
	if voice := list[1]; voice.Median < 2 {
		t.Errorf("voice is %.2f times as fast", voice.Median)
	}
	if _, err := Speedups([][]byte{files[0], []byte("no model")}, 1, 1); err == nil {
		t.Error("of no model: no error")
	}
}
