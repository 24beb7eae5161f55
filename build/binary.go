package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"atoll/build/internal/artifact"
	"atoll/build/internal/command"
	"atoll/build/internal/recipe"
)

// budgets are how many bytes a binary may have. Boards get arm64's; amd64's, with the
// kernels for several generations of vector units, only keeps an eye on growth.
var budgets = map[string]int64{"arm64": 24_000_000, "amd64": 26_000_000}

// What makes the go command link a program statically, without its symbols.
const (
	staticTags  = "netgo osusergo"
	staticFlags = `-s -w -linkmode external -extldflags "-static"`
)

// binary is where the atoll binary for an architecture belongs.
func (b *builder) binary(arch string) string {
	if arch == runtime.GOARCH {
		return filepath.Join(b.root, "bin", "atoll")
	}
	return filepath.Join(b.root, "bin", "atoll-linux-"+arch)
}

// makeAtoll is the command atoll; see verbs.
func makeAtoll(ctx context.Context, b *builder, args []string) error {
	var arch, out string
	if err := flags("atoll", args, archFlag(&arch), func(f *flag.FlagSet) { f.StringVar(&out, "out", "", "") }); err != nil {
		return err
	}
	if out == "" {
		out = b.binary(arch)
	}
	return b.atoll(ctx, arch, out)
}

// atoll builds the binary and refuses one that is not what a board needs.
func (b *builder) atoll(ctx context.Context, arch, out string) error {
	t, path, err := b.tflite(ctx, arch)
	if err != nil {
		return err
	}
	if err := b.models(ctx); err != nil {
		return err
	}
	linked, err := b.runtimeVersions(ctx, t)
	if err != nil {
		return err
	}
	b.report.Start(filepath.Base(out), 1)
	b.report.Step("go build")
	err = b.run.Run(ctx, command.Cmd{
		Argv: []string{
			"go", "build", "-buildvcs=false", "-trimpath", "-tags", staticTags,
			"-ldflags", staticFlags + ` -X atoll/internal/cli.Version=` + b.version(ctx) + linked,
			"-o", out, ".",
		},
		Dir: b.root, Env: cgo(t, path), Line: func(string) {},
	})
	b.report.Finish(err)
	if err != nil {
		return err
	}
	info, err := artifact.Check(out, arch)
	if err != nil {
		return err
	}
	budget := budgets[arch]
	b.report.Note(fmt.Sprintf("%s: %s, static, stripped, %.1f MB of %d MB", out, arch, float64(info.Bytes)/1e6, budget/1e6))
	if info.Bytes > budget {
		return fmt.Errorf("%s is %d bytes over its budget of %d", out, info.Bytes-budget, budget)
	}
	return nil
}

// runtimeVersions are the linker's options that tell package components which C library and compiler runtime are linked in.
func (b *builder) runtimeVersions(ctx context.Context, t recipe.Toolchain) (string, error) {
	gcc, err := command.Output(ctx, b.run, t.Prefix+"gcc", "-dumpfullversion")
	if err != nil {
		return "", err
	}
	var glibc strings.Builder
	err = b.run.Run(ctx, command.Cmd{
		Argv:  []string{t.Prefix + "gcc", "-E", "-P", "-"},
		Stdin: strings.NewReader("#include <features.h>\n__GLIBC__.__GLIBC_MINOR__\n"), Stdout: &glibc,
	})
	if err != nil {
		return "", err
	}
	const pkg = " -X atoll/build/components."
	return pkg + "gcc=" + gcc + pkg + "glibc=" + strings.Join(strings.Fields(glibc.String()), ""), nil
}

// version names the commit; a tree without git is "unknown".
func (b *builder) version(ctx context.Context) string {
	if _, err := os.Stat(filepath.Join(b.root, ".git")); err != nil {
		return "unknown"
	}
	v, err := command.Output(ctx, b.run, "git", "-C", b.root, "describe", "--always", "--dirty")
	if err != nil || v == "" || strings.ContainsAny(v, " \t\n") {
		return "unknown"
	}
	return v
}
