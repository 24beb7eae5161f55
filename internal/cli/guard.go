package cli

import (
	"github.com/spf13/cobra"

	"atoll/thermal/actuator"
)

// newGuard is the process that puts clocks and fans back when atoll is killed.
// atoll starts it by itself; people have no use for it.
func newGuard() *cobra.Command {
	return &cobra.Command{
		Use:    "guard ROOT RECORD",
		Hidden: true,
		Args:   wrongUsage(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return actuator.Guard(args[0], args[1], cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}
