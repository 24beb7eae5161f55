package task

import (
	"os"
	"testing"

	"atoll/engine"
	"atoll/engine/worker"
	"atoll/model"
	"atoll/models"
)

// TestMain makes this test binary its own worker, as atoll is.
func TestMain(m *testing.M) {
	worker.Become()
	os.Exit(m.Run())
}

// load loads a built-in model into a worker of its own.
func load(t testing.TB, m model.Modality, variant string) *engine.Model {
	t.Helper()
	manifest, err := models.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	v, err := manifest.Variant(m, variant)
	if err != nil {
		t.Fatal(err)
	}
	data, err := models.Open(v)
	if err != nil {
		t.Fatal(err)
	}
	w, err := engine.Start(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	loaded, err := w.Load(variant, data)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func open(t testing.TB, where string, reference Model) *Task {
	t.Helper()
	task, err := Open(where, reference)
	if err != nil {
		t.Fatal(err)
	}
	return task
}
