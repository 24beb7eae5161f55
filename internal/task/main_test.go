package task

import (
	"os"
	"testing"

	"atoll/engine"
	"atoll/engine/enginetest"
	"atoll/engine/worker"
	"atoll/model"
	"atoll/models/modelstest"
)

// TestMain makes this test binary its own worker, as atoll is.
func TestMain(m *testing.M) {
	worker.Become()
	os.Exit(m.Run())
}

// load loads a built-in model into a worker of its own.
func load(t testing.TB, m model.Modality, variant string) *engine.Model {
	t.Helper()
	loaded, err := enginetest.Start(t).Load(variant, modelstest.Data(t, m, variant))
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
