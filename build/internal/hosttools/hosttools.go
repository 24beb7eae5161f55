// Package hosttools makes sure that the programs which the build calls are there: root has them installed by apt, anyone else
// is told in one line what to install.
package hosttools

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"atoll/build/internal/command"
)

// Need is a program or file and the Debian package that has it.
type Need struct {
	Name    string // of a program on PATH; with a slash, the path of a file
	Package string
}

// Sets of needs, by what they are for.
var (
	Fetch = []Need{
		{"npm", "npm"}, {"tar", "tar"}, {"xz", "xz-utils"}, {"bzip2", "bzip2"}, {"dpkg-deb", "dpkg"},
		{"/usr/lib/apt/apt-helper", "apt"}, {"/etc/ssl/certs/ca-certificates.crt", "ca-certificates"},
	}
	Compile = []Need{
		{"cmake", "cmake"}, {"ninja", "ninja-build"}, {"python3", "python3"},
		{"gcc", "gcc"}, {"g++", "g++"}, {"ar", "binutils"},
	}
	CrossARM64 = []Need{
		{"aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"}, {"aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu"},
	}
	CrossAMD64 = []Need{
		{"x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"}, {"x86_64-linux-gnu-g++", "g++-x86-64-linux-gnu"},
	}
	Generate     = []Need{{"clang-14", "clang-14"}, {"llvm-strip-14", "llvm-14"}}
	EmulateARM64 = []Need{{"qemu-aarch64-static", "qemu-user-static"}}
	EmulateBoard = []Need{{"qemu-system-aarch64", "qemu-system-arm"}}
)

// Host is the machine, as far as this package looks at it.
type Host struct {
	Root bool
	Has  func(name string) bool
	Run  command.Runner
	Note func(string)
}

// MissingError is tools that are missing and cannot be installed from here.
type MissingError struct{ Needs []Need }

// Error is one line with the command that installs them.
func (e *MissingError) Error() string {
	var names []string
	for _, n := range e.Needs {
		names = append(names, n.Name)
	}
	return fmt.Sprintf("missing: %s; install with: sudo apt-get install -y %s", strings.Join(names, " "), strings.Join(packages(e.Needs), " "))
}

// Ensure returns nil once all needs are met.
func (h Host) Ensure(ctx context.Context, needs []Need) error {
	missing := h.missing(needs)
	if len(missing) == 0 {
		return nil
	}
	if !h.Root {
		return &MissingError{missing}
	}
	names := packages(missing)
	h.Note("installing " + strings.Join(names, " "))
	quiet := []string{"DEBIAN_FRONTEND=noninteractive"}
	for _, argv := range [][]string{
		{"apt-get", "update", "-q"},
		append([]string{"apt-get", "install", "-q", "-y", "--no-install-recommends"}, names...),
	} {
		if err := h.Run.Run(ctx, command.Cmd{Argv: argv, Env: quiet, Line: func(string) {}}); err != nil {
			return fmt.Errorf("install tools: %w", err)
		}
	}
	if missing = h.missing(needs); len(missing) > 0 {
		return fmt.Errorf("still missing after apt installed %s: %w", strings.Join(names, " "), &MissingError{missing})
	}
	return nil
}

func (h Host) missing(needs []Need) []Need {
	return slices.DeleteFunc(slices.Clone(needs), func(n Need) bool { return h.Has(n.Name) })
}

func packages(needs []Need) []string {
	var names []string
	for _, n := range needs {
		names = append(names, n.Package)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
