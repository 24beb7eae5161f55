package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"atoll/build/internal/command"
	"atoll/build/internal/hosttools"
	"atoll/build/internal/instructions"
	"atoll/build/internal/recipe"
)

// countedModel is what instructions tells of one model.
type countedModel struct {
	Model string `json:"model"`
	instructions.Result
}

// countInstructions is the command instructions; see verbs.
func countInstructions(ctx context.Context, b *builder, args []string) error {
	models, asJSON, err := measured("instructions", args)
	if err != nil {
		return err
	}
	counted, err := b.instructions(ctx, models)
	if err != nil {
		return err
	}
	if err := show(counted, asJSON, instructionsTable); err != nil {
		return err
	}
	var bad []error
	for _, c := range counted {
		if c.Error != "" {
			bad = append(bad, fmt.Errorf("%s cannot be run: %s", c.Model, c.Error))
		}
	}
	return errors.Join(bad...)
}

// instructions counts those of an inference of each model.
func (b *builder) instructions(ctx context.Context, models []string) ([]countedModel, error) {
	kernel, err := b.kernel(ctx)
	if err != nil {
		return nil, err
	}
	program, err := b.guest(ctx)
	if err != nil {
		return nil, err
	}
	b.report.Start("instructions", 1)
	b.report.Step("run in an emulated board")
	results, err := instructions.Counter{
		Run: b.run, Kernel: kernel, Program: program,
		Done: func(n int) { b.report.Advance(n, len(models)) },
	}.Count(ctx, models)
	b.report.Finish(err)
	if err != nil {
		return nil, err
	}
	counted := make([]countedModel, len(models))
	for i, r := range results {
		counted[i] = countedModel{models[i], r}
	}
	return counted, nil
}

// kernel returns the path of the emulated board's kernel, and has QEMU installed.
func (b *builder) kernel(ctx context.Context) (string, error) {
	if err := b.host.Ensure(ctx, append(hosttools.EmulateBoard, hosttools.Fetch...)); err != nil {
		return "", err
	}
	r, err := recipe.Kernel(b.pins)
	if err != nil {
		return "", err
	}
	dir, err := b.kitchen().Make(ctx, r)
	return filepath.Join(dir, recipe.KernelFile), err
}

// guest builds the program that measures inside the emulated board.
func (b *builder) guest(ctx context.Context) (string, error) {
	t, path, err := b.tflite(ctx, "arm64")
	if err != nil {
		return "", err
	}
	out := filepath.Join(b.root, "bin", "guest-linux-arm64")
	return out, b.run.Run(ctx, command.Cmd{
		Argv: []string{"go", "build", "-buildvcs=false", "-trimpath", "-tags", staticTags, "-ldflags", staticFlags, "-o", out, "./build/guest"},
		Dir:  b.root, Env: cgo(t, path), Line: func(string) {},
	})
}

// instructionsTable has a row for each model.
func instructionsTable(counted []countedModel) string {
	var s strings.Builder
	s.WriteString("arm64 instructions an inference takes, emulated: one thread with XNNPACK\n\n")
	fmt.Fprintf(&s, "%9s  %s\n", "millions", "model")
	for _, c := range counted {
		millions := fmt.Sprintf("%.3f", c.Millions)
		if c.Error != "" {
			millions = "-"
		}
		fmt.Fprintf(&s, "%9s  %s\n", millions, c.Model)
	}
	return s.String()
}
