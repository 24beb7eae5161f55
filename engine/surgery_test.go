package engine_test

import (
	"math"
	"testing"

	"atoll/engine"
	"atoll/model"
	"atoll/model/graph"
)

// TestSurgeryKeepsAnswers: without DEQUANTIZE, DENSIFY and all that is not needed, with
// shapes inferred anew, TensorFlow Lite runs the models as before. Sums may be taken
// in another order.
func TestSurgeryKeepsAnswers(t *testing.T) {
	const tolerance = 1e-4
	w := start(t, engine.Options{})
	for _, name := range []string{
		"face_short_range.tflite", "face_full_range.tflite", "face_full_range_sparse.tflite", "silero_vad_f16.tflite",
	} {
		m, err := model.Read(readModel(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := graph.FoldConstants(m); n == 0 || err != nil {
			t.Fatalf("%s: %d operators folded, error %v", name, n, err)
		}
		if err := graph.Infer(m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		graph.ShareBuffers(m)
		graph.Clean(m)
		data, err := m.Write()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		changed, err := w.Load(name+" changed", data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, got := answers(t, load(t, w, name)), answers(t, changed)
		for i := range want {
			if d := math.Abs(float64(got[i] - want[i])); !(d <= tolerance*max(1, math.Abs(float64(want[i])))) {
				t.Fatalf("%s: value %d is %v, want %v", name, i, got[i], want[i])
			}
		}
	}
}
