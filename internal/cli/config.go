package cli

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"

	"atoll/internal/app"
	"atoll/internal/config"
	"atoll/sensors"
)

func newConfig(g *globals) *cobra.Command {
	return group("config", "Show and check configurations",
		"Config shows and checks the TOML file that fixes what atoll run does.",
		&cobra.Command{
			Use:               "default",
			Short:             "Print the default configuration, with comments",
			Long:              "Default prints the configuration that holds where none says otherwise, with\ncomments.\n\n" + sensorHelp(),
			Args:              wrongUsage(cobra.NoArgs),
			ValidArgsFunction: cobra.NoFileCompletions,
			RunE: func(cmd *cobra.Command, _ []string) error {
				_, err := fmt.Fprint(cmd.OutOrStdout(), config.DefaultTOML())
				return err
			},
		},
		&cobra.Command{
			Use:   "check FILE",
			Short: "Check a configuration; silent if it is sound",
			Long: `Check reads a configuration as atoll run would and makes sure that each of its
sources and sensors can be opened on this machine. It is silent and its status 0
if all is well.`,
			Args: wrongUsage(cobra.ExactArgs(1)),
			RunE: func(_ *cobra.Command, args []string) error {
				c, err := config.Load(args[0])
				if err != nil {
					return err
				}
				if err := app.CheckSources(c); err != nil {
					return err
				}
				return app.CheckSensors(c)
			},
		},
		&cobra.Command{
			Use:   "show [FILE]",
			Short: "Print the configuration that a run would use, complete",
			Args:  wrongUsage(cobra.MaximumNArgs(1)),
			RunE: func(cmd *cobra.Command, args []string) error {
				path := ""
				if len(args) == 1 {
					path = args[0]
				}
				c, err := loadConfig(path, g.state)
				if err != nil {
					return err
				}
				return toml.NewEncoder(cmd.OutOrStdout()).Encode(c)
			},
		},
	)
}

// sensorHelp lists the kinds of sensor: those for [[sensor]] tables, and those that are
// found without.
func sensorHelp() string {
	var configured, found strings.Builder
	for _, p := range sensors.Parts() {
		list, about := &found, p.Summary+"; "+p.Where
		if p.Open != nil {
			list, about = &configured, about+"; keys: "+strings.Join(p.Keys, ", ")
		}
		for i, line := range wrap(about, helpWidth-16) {
			name := ""
			if i == 0 {
				name = p.Kind
			}
			fmt.Fprintf(list, "  %-13s %s\n", name, line)
		}
	}
	return "Kinds for [[sensor]] tables, which have a name and a place beside these keys:\n\n" +
		configured.String() + "\nFound without one:\n\n" + strings.TrimSuffix(found.String(), "\n")
}
