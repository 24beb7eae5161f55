// Package components tells what third-party parts a binary is made of.
package components

import (
	_ "embed" // the committed list
	"runtime"
	"strings"
)

// list is written by `go run ./build licences`.
//
//go:embed components.txt
var list string

// The linker's -X sets the versions of the libraries that the building machine's toolchain linked in.
var (
	glibc = "unknown"
	gcc   = "unknown"
)

// Component is one part that others wrote.
type Component struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Licence string `json:"licence"` // SPDX expression
	Kind    string `json:"kind"`    // c++, go, runtime or model
}

// List returns all parts, by kind and then by name.
func List() []Component {
	text := strings.NewReplacer("$GO", runtime.Version(), "$GLIBC", glibc, "$GCC", gcc).Replace(list)
	var all []Component
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		all = append(all, Component{Name: f[0], Version: f[1], Licence: f[2], Kind: f[3]})
	}
	return all
}
