package encode_test

import (
	"os"
	"testing"

	"atoll/engine/worker"
)

// TestMain makes this test binary its own worker, as atoll is.
func TestMain(m *testing.M) {
	worker.Become()
	os.Exit(m.Run())
}
