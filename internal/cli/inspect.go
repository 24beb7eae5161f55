package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"atoll/internal/app"
	"atoll/model"
	"atoll/model/graph"
)

// maxInspect bounds a model to look at, in bytes.
const maxInspect = 256 << 20

func newInspect() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect MODEL.tflite",
		Short: "Show a model's tensors, operators, precision and sparsity",
		Long: `Inspect reads a .tflite file, checks that it is sound and shows what is in it.
It runs nothing, so it is safe on files from anywhere.

What could be left out without a change of the results is told at the top:
  foldable   operators that only make constants of constants
  dead       what no result needs
  equal      buffers that repeat another one

A star marks constants that are stored sparse. Their levels are listed at the
end: "d0 8, d1 csr 12, b1 4" are 8 rows, 12 blocks in them, and 4 elements of
dimension 1 in each block.

With --json all of it is one object: "reducible" has the lines above,
"tensors" the scales, zero points and sparse levels of each tensor.`,
		Args: wrongUsage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := app.ReadFile(args[0], maxInspect)
			if err != nil {
				return err
			}
			m, err := model.Read(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			report := graph.Inspect(m, int64(len(data)))
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(report)
			}
			return report.WriteText(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
