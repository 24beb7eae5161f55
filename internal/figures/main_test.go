package figures

import (
	"os"
	"testing"

	"atoll/engine"
	"atoll/engine/worker"
	"atoll/internal/app"
	"atoll/internal/config"
	"atoll/internal/material"
)

// TestMain makes this test binary its own worker, as atoll is.
func TestMain(m *testing.M) {
	worker.Become()
	os.Exit(m.Run())
}

func testData(t testing.TB) material.Data {
	t.Helper()
	d, err := material.FindData()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func testSenses(t testing.TB) *app.Senses {
	t.Helper()
	cfg := config.Default()
	cfg.Engine.Deadline.Duration *= 20 // machines that test are busy
	s, err := app.OpenSenses(cfg, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
