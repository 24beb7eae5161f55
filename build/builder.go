package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"atoll/build/internal/command"
	"atoll/build/internal/fetch"
	"atoll/build/internal/hosttools"
	"atoll/build/internal/pins"
	"atoll/build/internal/progress"
	"atoll/build/internal/recipe"
)

// builder is what all commands share.
type builder struct {
	root   string // of the checkout
	cache  string
	pins   pins.Set
	run    command.Runner
	report *progress.Reporter
	fetch  *fetch.Fetcher
	host   hosttools.Host
}

func newBuilder() (*builder, error) {
	root, err := checkout()
	if err != nil {
		return nil, err
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	set, err := pins.Committed()
	if err != nil {
		return nil, err
	}
	live := term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb"
	b := &builder{
		root: root, cache: filepath.Join(user, "atoll"), pins: set, run: command.OS{},
		report: progress.New(os.Stderr, live, os.Getenv("NO_COLOR") == "", time.Now),
	}
	b.fetch = fetch.New(b.cache, b.run, set)
	b.host = hosttools.Host{Root: os.Geteuid() == 0, Has: installed, Run: b.run, Note: b.report.Note}
	return b, nil
}

// checkout is the nearest folder upwards that holds this module's go.mod.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module atoll\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not inside a checkout of atoll: no go.mod of module atoll here or above")
		}
		dir = parent
	}
}

func installed(name string) bool {
	if strings.Contains(name, "/") {
		_, err := os.Stat(name)
		return err == nil
	}
	_, err := exec.LookPath(name)
	return err == nil
}

// parse parses the flags of a command and returns the arguments after them.
func parse(name string, args []string, set ...func(*flag.FlagSet)) ([]string, error) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	for _, add := range set {
		add(f)
	}
	if err := f.Parse(args); err != nil {
		return nil, usageError{fmt.Sprintf("%s: %v", name, err)}
	}
	return f.Args(), nil
}

// flags is parse for a command that takes flags alone.
func flags(name string, args []string, set ...func(*flag.FlagSet)) error {
	rest, err := parse(name, args, set...)
	if err == nil && len(rest) > 0 {
		err = usageError{fmt.Sprintf("%s: %q is one argument too many", name, rest[0])}
	}
	return err
}

// archFlag is --arch, by default this machine's.
func archFlag(arch *string) func(*flag.FlagSet) {
	return func(f *flag.FlagSet) { f.StringVar(arch, "arch", runtime.GOARCH, "") }
}

// toolchain returns the compilers for an architecture, installed if need be.
func (b *builder) toolchain(ctx context.Context, arch string) (recipe.Toolchain, error) {
	t, err := recipe.ToolchainFor(arch, runtime.GOARCH)
	if err != nil {
		return t, usageError{err.Error()}
	}
	needs := slices.Concat(hosttools.Fetch, hosttools.Compile)
	switch {
	case t.Prefix != "" && arch == "arm64":
		needs = append(needs, hosttools.CrossARM64...)
	case t.Prefix != "":
		needs = append(needs, hosttools.CrossAMD64...)
	}
	return t, b.host.Ensure(ctx, needs)
}

// tflite returns the toolchain and the folder of TensorFlow Lite for an architecture, built if need be.
func (b *builder) tflite(ctx context.Context, arch string) (recipe.Toolchain, string, error) {
	t, err := b.toolchain(ctx, arch)
	if err != nil {
		return t, "", err
	}
	versions, err := t.Versions(ctx, b.run)
	if err != nil {
		return t, "", err
	}
	r, err := recipe.TFLite(t, b.pins, versions)
	if err != nil {
		return t, "", err
	}
	path, err := b.kitchen().Make(ctx, r)
	return t, path, err
}

func (b *builder) kitchen() *recipe.Kitchen {
	return &recipe.Kitchen{Cache: b.cache, Fetch: b.fetch.Get, Run: b.run, Report: b.report}
}
