package cli

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"atoll/build/components"
)

// Version is set by the build.
var Version = "unversioned"

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "version",
		Short:             "Print the version, and the licences of all that is linked in",
		Args:              wrongUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := cmd.OutOrStdout()
			if asJSON {
				return json.NewEncoder(w).Encode(struct {
					Version    string                 `json:"version"`
					Platform   string                 `json:"platform"`
					Licence    string                 `json:"licence"`
					Components []components.Component `json:"components"`
				}{Version, runtime.GOOS + "/" + runtime.GOARCH, "Apache-2.0", components.List()})
			}
			fmt.Fprintf(w, "atoll %s %s/%s (Apache-2.0)\n\n", Version, runtime.GOOS, runtime.GOARCH)
			fmt.Fprintf(w, "%-38s %-26s %s\n", "linked in", "version", "licence")
			for _, c := range components.List() {
				fmt.Fprintf(w, "%-38s %-26s %s\n", c.Name, c.Version, c.Licence)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
