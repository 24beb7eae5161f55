package cli

import (
	"github.com/spf13/cobra"

	"atoll/engine/worker"
)

// newWorker is the process that holds TensorFlow Lite. atoll starts it by
// itself; people have no use for it.
func newWorker() *cobra.Command {
	return &cobra.Command{
		Use:    "worker",
		Hidden: true,
		Args:   wrongUsage(cobra.NoArgs),
		RunE:   func(*cobra.Command, []string) error { return worker.Main() },
	}
}
