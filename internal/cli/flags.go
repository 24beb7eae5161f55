package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// values says what a flag takes, by the name that pflag has for its type.
var values = map[string]string{
	"bool":     "true or false",
	"duration": "a time such as 90s or 5m",
	"float64":  "a number",
	"int":      "a whole number",
	"uint64":   "a whole number, 0 or more",
}

// flagError says in plain words which value a flag can't have.
func flagError(err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	flag := bad.GetFlag()
	must, ok := values[flag.Value.Type()]
	switch {
	case !ok:
		return err
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("--%s %s: is out of range", flag.Name, bad.GetValue())
	}
	return fmt.Errorf("--%s %s: must be %s", flag.Name, bad.GetValue(), must)
}

// completeList completes the last word of a list with commas by those that are not in
// it yet.
func completeList(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) (list []string, _ cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		for _, word := range words {
			if !slices.Contains(strings.Split(before, ","), word) {
				list = append(list, before+word)
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
