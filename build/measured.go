package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

// measured parses the arguments of a command that measures models: their files, and whether to tell in JSON.
func measured(name string, args []string) (models []string, asJSON bool, err error) {
	models, err = parse(name, args, func(f *flag.FlagSet) { f.BoolVar(&asJSON, "json", false, "") })
	if err == nil && len(models) == 0 {
		err = usageError{fmt.Sprintf("%s: no model: %s [--json] MODEL...", name, name)}
	}
	for _, model := range models { // before anything takes time
		if err == nil {
			_, err = os.Stat(model)
		}
	}
	return models, asJSON, err
}

// show prints one row for each model, as one line of JSON or as a table.
func show[T any](rows []T, asJSON bool, table func([]T) string) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(rows)
	}
	_, err := os.Stdout.WriteString(table(rows))
	return err
}
