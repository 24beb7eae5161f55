package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"atoll/build/internal/command"
	"atoll/build/internal/recipe"
)

// cgo is the environment in which the go command builds against a TensorFlow Lite at path.
func cgo(t recipe.Toolchain, path string) []string {
	include := "-I" + filepath.Join(path, "include")
	env := []string{
		"CGO_ENABLED=1", "GOOS=linux", "GOARCH=" + t.Arch,
		"CGO_CFLAGS=-O2 " + include,
		"CGO_CXXFLAGS=" + recipe.CXXFlags + " " + include,
		"CGO_LDFLAGS=-L" + filepath.Join(path, "lib") + " " + recipe.LinkFlags,
	}
	if t.Prefix != "" {
		env = append(env, "CC="+t.Prefix+"gcc", "CXX="+t.Prefix+"g++")
	}
	return env
}

// environment builds all that the code and its tests need besides the binaries, and returns the variables that lead to it.
func (b *builder) environment(ctx context.Context, arch string) ([]string, error) {
	t, path, err := b.tflite(ctx, arch)
	if err != nil {
		return nil, err
	}
	if err := b.models(ctx); err != nil {
		return nil, err
	}
	data, err := b.data(ctx)
	if err != nil {
		return nil, err
	}
	return append(cgo(t, path),
		"ATOLL_DATA="+data,
		"ATOLL_BIN="+b.binary(runtime.GOARCH),
		"ATOLL_BIN_ARM64="+filepath.Join(b.root, "bin", "atoll-linux-arm64"),
		"ATOLL_BUILD="+filepath.Join(b.root, "bin", "build"),
	), nil
}

// printEnv is the command env; see verbs.
func printEnv(ctx context.Context, b *builder, args []string) error {
	var arch string
	if err := flags("env", args, archFlag(&arch)); err != nil {
		return err
	}
	env, err := b.environment(ctx, arch)
	if err != nil {
		return err
	}
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		fmt.Printf("export %s=%s\n", name, quote(value))
	}
	return nil
}

// quote makes one word of a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// execCommand is the command exec; see verbs.
func execCommand(ctx context.Context, b *builder, args []string) error {
	var arch string
	argv, err := parse("exec", args, archFlag(&arch))
	if err != nil {
		return err
	}
	if len(argv) == 0 {
		return usageError{"exec: no command: exec [--arch A] -- CMD..."}
	}
	env, err := b.environment(ctx, arch)
	if err != nil {
		return err
	}
	return interactive(ctx, argv, env)
}

// interactive runs a program on the user's own streams; how it ends is how this program ends.
func interactive(ctx context.Context, argv, env []string) error {
	status, err := command.Interactive(ctx, argv, env)
	return errors.Join(err, exitStatus(status))
}

func exitStatus(status int) error {
	if status == 0 {
		return nil
	}
	return exitError(status)
}
