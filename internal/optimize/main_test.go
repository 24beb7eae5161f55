package optimize

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

// builtIn reads the file of a built-in model.
func builtIn(t testing.TB, modality model.Modality, variant string) []byte {
	t.Helper()
	manifest, err := models.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	v, err := manifest.Variant(modality, variant)
	if err != nil {
		t.Fatal(err)
	}
	data, err := models.Open(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func start(t testing.TB) *engine.Worker {
	t.Helper()
	w, err := engine.Start(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}
