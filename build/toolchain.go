package main

import (
	"context"
	"fmt"
	"slices"

	"atoll/build/internal/hosttools"
)

// deps is the command of this name; see verbs.
func deps(ctx context.Context, b *builder, args []string) error {
	var arch string
	if err := flags("deps", args, archFlag(&arch)); err != nil {
		return err
	}
	if _, err := b.toolchain(ctx, arch); err != nil {
		return err
	}
	if arch == "arm64" {
		return b.host.Ensure(ctx, slices.Concat(hosttools.EmulateARM64, hosttools.EmulateBoard))
	}
	return nil
}

// tflite is the command of this name; see verbs.
func tflite(ctx context.Context, b *builder, args []string) error {
	var arch string
	if err := flags("tflite", args, archFlag(&arch)); err != nil {
		return err
	}
	_, path, err := b.tflite(ctx, arch)
	if err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}
