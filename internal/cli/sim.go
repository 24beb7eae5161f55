package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func newSim() *cobra.Command {
	return group("sim", "Simulate what can't be tried on a board",
		"Sim runs parts of atoll against simulated boards and scenes.", newSimThermal(), newSimSched())
}

// choosePolicies checks the values of --policy; without it, it returns all there are.
func choosePolicies(cmd *cobra.Command, chosen, all []string) ([]string, error) {
	if !cmd.Flags().Changed("policy") {
		return all, nil
	}
	if len(chosen) == 0 {
		return nil, usagef("--policy names none: there are %s", strings.Join(all, ", "))
	}
	for i, name := range chosen {
		if !slices.Contains(all, name) {
			return nil, usagef("--policy: no policy %q: there are %s", name, strings.Join(all, ", "))
		}
		if slices.Contains(chosen[:i], name) {
			return nil, usagef("--policy names %s twice", name)
		}
	}
	return chosen, nil
}

// printJSON writes v as one line. Main sees when that fails.
func printJSON(w io.Writer, v any) error {
	object, err := json.Marshal(v)
	if err == nil {
		fmt.Fprintf(w, "%s\n", object)
	}
	return err
}
