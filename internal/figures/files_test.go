package figures

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const shipped = "../../models/"

// The emulated board gives nearly the same number each time, on any machine.
func TestInstructions(t *testing.T) {
	millions, err := Instructions(shipped+"silero_vad_f32.tflite", shipped+"text_classification.tflite")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.3f million instructions", millions)
	if got, want := millions[0], 0.587; math.Abs(got-want) > 0.03*want {
		t.Errorf("voice takes %.3f million instructions; want %.3f", got, want)
	}
	if !(millions[1] > 0 && millions[1] < 0.1) {
		t.Errorf("text takes %.3f million instructions; want far below a voice's", millions[1])
	}
	if _, err := Instructions("files.go"); err == nil || !strings.Contains(err.Error(), "files.go: not a model") {
		t.Errorf("of a file that is no model: %v", err)
	}
}

func TestCheckStock(t *testing.T) {
	whole, err := os.ReadFile(shipped + "face_short_range.tflite")
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.tflite")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o640); err != nil {
		t.Fatal(err)
	}
	list, err := CheckStock(shipped+"silero_vad_f16.tflite", cut, shipped+"face_full_range_sparse.tflite")
	if err != nil {
		t.Fatal(err)
	}
	for i, sound := range []bool{true, false, true} {
		if c := list[i]; (c.Error == "") != sound || c.Difference > 1e-4 {
			t.Errorf("%+v; want sound: %v", c, sound)
		}
	}
	if _, err := CheckStock("no/such.tflite"); err == nil {
		t.Error("no error for a file that is not there")
	}
	t.Setenv("ATOLL_BUILD", "")
	if _, err := CheckStock(cut); err == nil || !strings.Contains(err.Error(), "ATOLL_BUILD is not set") {
		t.Errorf("without the build program: %v", err)
	}
}

func TestRoundTrip(t *testing.T) {
	if err := RoundTrip(shipped + "silero_vad_f32.tflite"); err != nil {
		t.Error(err)
	}
	for file, want := range map[string]string{
		shipped + "face_short_range.tflite": "others when read and written again", // TensorFlow lays files out in its own way
		"files.go":                          "files.go",
		"no/such.tflite":                    "no such file",
	} {
		if err := RoundTrip(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("RoundTrip(%s) = %v; want %q", file, err, want)
		}
	}
}
