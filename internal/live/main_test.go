package live

import (
	"fmt"
	"os"
	"testing"

	"atoll/engine/worker"
)

// TestMain makes this test binary its own worker, as atoll is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		if err := worker.Main(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
