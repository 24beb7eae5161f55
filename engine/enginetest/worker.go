package enginetest

import (
	"testing"
	"time"

	"atoll/engine"
	"atoll/model"
)

// Start starts a real worker for a test, which ends it. The test binary must be its own
// worker: see worker.Become.
func Start(t testing.TB) *engine.Worker {
	t.Helper()
	w, err := engine.Start(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// Answer runs a model once in a worker of its own and returns its outputs, one after the
// other. All must be float32.
func Answer(t testing.TB, m *model.Model, fill func(inputs []engine.Tensor)) (all []float32) {
	t.Helper()
	data, err := m.Write()
	if err != nil {
		t.Fatal(err)
	}
	w, err := engine.Start(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	loaded, err := w.Load("model", data)
	if err != nil {
		t.Fatal(err)
	}
	fill(loaded.Inputs())
	if _, err := loaded.Run(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	for _, out := range loaded.Outputs() {
		all = append(all, out.Float32s()...)
	}
	return all
}
