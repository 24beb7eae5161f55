package engine_test

import (
	"os"
	"testing"
	"time"

	"atoll/engine"
)

const deadline = 5 * time.Second

func readModel(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../models/" + name)
	if err != nil {
		t.Fatalf("%v: run make models", err)
	}
	return data
}

func start(t testing.TB, opts engine.Options) *engine.Worker {
	t.Helper()
	w, err := engine.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func load(t testing.TB, w *engine.Worker, name string) *engine.Model {
	t.Helper()
	m, err := w.Load(name, readModel(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRunsEveryModel(t *testing.T) {
	for _, name := range []string{"face_short_range.tflite", "face_full_range.tflite", "face_full_range_sparse.tflite",
		"silero_vad_f32.tflite", "silero_vad_f16.tflite", "text_classification.tflite"} {
		t.Run(name, func(t *testing.T) {
			m := load(t, start(t, engine.Options{Threads: 1}), name)
			for range 3 {
				took, err := m.Run(deadline)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%+v", took)
			}
			for _, x := range append(m.Inputs(), m.Outputs()...) {
				t.Logf("%+v %v", x.TensorSpec, x.Float32s()[0])
			}
		})
	}
}
