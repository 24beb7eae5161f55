package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"atoll/board"
)

func newDetect() *cobra.Command {
	var asJSON bool
	var root, capture string
	cmd := &cobra.Command{
		Use:   "detect",
		Short: "Tell which board this is and what of it can be used",
		Long: `Detect tells what it runs on: board and CPU, Edge TPUs, cameras, microphones,
temperature and power sensors, clocks, buses, watchdogs, and what the kernel
offers. Under everything that is there but can't be used stands a line that
begins with "!": why, and beneath it what to do.

It only reads /proc and /sys, asks for access rights and hands the kernel eBPF
programs that nothing runs, to see whether it takes them. It opens no device and
changes nothing.

A captured tree holds what detection read on one machine, so that others can
repeat it. Serial numbers, hardware addresses and UUIDs are not in it.`,
		Example: `  atoll detect                           what is this, and what is wrong
  atoll detect --json | jq .edge_tpus    for programs
  atoll detect --capture board.txtar     capture a tree to send in
  atoll detect --root board.txtar        look at a captured tree`,
		Args:              wrongUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tree := board.Live()
			if cmd.Flags().Changed("root") {
				var err error
				if tree, err = board.OpenTree(root); err != nil {
					return fmt.Errorf("--root: %w", err)
				}
			}
			recorder := board.Capture(tree)
			found := board.Detect(recorder)
			if cmd.Flags().Changed("capture") {
				if err := writeFile(capture, recorder.Archive()); err != nil {
					return fmt.Errorf("--capture: %w", err)
				}
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(found)
			}
			return found.WriteText(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().StringVar(&root, "root", "", "look at a captured tree: a folder or .txtar file")
	cmd.Flags().StringVar(&capture, "capture", "", "write what was read to this .txtar file")
	cmd.MarkFlagFilename("root", "txtar")
	cmd.MarkFlagFilename("capture", "txtar")
	return cmd
}
