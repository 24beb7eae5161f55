package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"atoll/build/internal/command"
	"atoll/build/internal/hosttools"
)

// check is the command of this name; see verbs.
func check(ctx context.Context, b *builder, args []string) error {
	if err := flags("check", args); err != nil {
		return err
	}
	env, err := b.environment(ctx, runtime.GOARCH)
	if err != nil {
		return err
	}
	if err := b.host.Ensure(ctx, hosttools.Generate); err != nil {
		return err
	}
	b.report.Start("check", 5)
	err = b.checks(ctx, env)
	b.report.Finish(err)
	return err
}

func (b *builder) checks(ctx context.Context, env []string) error {
	b.report.Step("gofmt")
	unformatted, err := command.Output(ctx, b.run, "gofmt", "-l", b.root)
	if err != nil {
		return err
	}
	if unformatted != "" {
		return fmt.Errorf("not formatted; run gofmt -w on:\n%s", unformatted)
	}
	for _, argv := range [][]string{{"go", "vet", "./..."}, {"go", "tool", "staticcheck", "./..."}} {
		b.report.Step(strings.Join(argv, " "))
		if err := b.goRun(ctx, env, argv...); err != nil {
			return err
		}
	}
	b.report.Step("go generate")
	if err := b.checkGenerated(ctx, env); err != nil {
		return err
	}
	b.report.Step("licences")
	return b.licences(ctx, true)
}

func (b *builder) goRun(ctx context.Context, env []string, argv ...string) error {
	return b.run.Run(ctx, command.Cmd{Argv: argv, Dir: b.root, Env: env, Line: func(string) {}})
}

// checkGenerated runs go generate, and returns an error if that changes a file of the kinds that it makes. What it wrote
// stays, to be looked at.
func (b *builder) checkGenerated(ctx context.Context, env []string) error {
	before, err := generatable(b.root)
	if err != nil {
		return err
	}
	if err := b.goRun(ctx, env, "go", "generate", "./..."); err != nil {
		return err
	}
	after, err := generatable(b.root)
	if err != nil {
		return err
	}
	var errs []error
	for path, text := range after {
		if old, ok := before[path]; !ok || !bytes.Equal(old, text) {
			errs = append(errs, fmt.Errorf("%s was not what go generate makes; it is now", path))
		}
	}
	return errors.Join(errs...)
}

// generatable are Go files and the eBPF programs that are embedded.
func generatable(root string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".o" {
			return err
		}
		files[path], err = os.ReadFile(path)
		return err
	})
	return files, err
}

// fuzz is the command of this name; see verbs.
func fuzz(ctx context.Context, b *builder, args []string) error {
	var each string
	if err := flags("fuzz", args, func(f *flag.FlagSet) { f.StringVar(&each, "time", "60s", "") }); err != nil {
		return err
	}
	env, err := b.environment(ctx, runtime.GOARCH)
	if err != nil {
		return err
	}
	targets, err := b.fuzzTargets(ctx, env)
	if err != nil {
		return err
	}
	for _, t := range targets {
		// By default each input that reaches something new is shortened for a minute before the search goes on.
		argv := []string{"go", "test", "-run", "^$", "-fuzz", "^" + t.name + "$", "-fuzztime", each, "-fuzzminimizetime", "2s", t.pkg}
		if err := interactive(ctx, argv, env); err != nil {
			return err
		}
	}
	return nil
}

type fuzzTarget struct{ pkg, name string }

// fuzzTargets asks the tests of every package, which list their targets and close with "ok PACKAGE TIME".
func (b *builder) fuzzTargets(ctx context.Context, env []string) ([]fuzzTarget, error) {
	var out bytes.Buffer
	err := b.run.Run(ctx, command.Cmd{Argv: []string{"go", "test", "-list", "^Fuzz", "./..."}, Dir: b.root, Env: env, Stdout: &out})
	if err != nil {
		return nil, err
	}
	return parseFuzzList(out.String()), nil
}

func parseFuzzList(out string) []fuzzTarget {
	var all []fuzzTarget
	var names []string
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		switch {
		case len(f) == 1 && strings.HasPrefix(f[0], "Fuzz"):
			names = append(names, f[0])
		case len(f) > 1 && f[0] == "ok":
			for _, name := range names {
				all = append(all, fuzzTarget{f[1], name})
			}
			names = nil
		}
	}
	return all
}
