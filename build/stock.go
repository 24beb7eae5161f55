package main

import (
	"context"
	_ "embed" // the checker's source
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"atoll/build/internal/recipe"
	"atoll/build/internal/stock"
)

//go:embed stock/check.cc
var stockSource string

// checkedModel is what stock tells of one model.
type checkedModel struct {
	Model string `json:"model"`
	stock.Result
}

// checkStock is the command stock; see verbs.
func checkStock(ctx context.Context, b *builder, args []string) error {
	models, asJSON, err := measured("stock", args)
	if err != nil {
		return err
	}
	checked, err := b.stock(ctx, models)
	if err != nil {
		return err
	}
	if err := show(checked, asJSON, stockTable); err != nil {
		return err
	}
	var bad []error
	for _, c := range checked {
		if c.Error != "" {
			bad = append(bad, fmt.Errorf("%s: stock TensorFlow Lite: %s", c.Model, c.Error))
		}
	}
	return errors.Join(bad...)
}

// stock holds each model against stock TensorFlow Lite.
func (b *builder) stock(ctx context.Context, models []string) ([]checkedModel, error) {
	_, path, err := b.tflite(ctx, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	dir, err := b.kitchen().Make(ctx, recipe.Stock(path, stockSource))
	if err != nil {
		return nil, err
	}
	var checked []checkedModel
	for _, model := range models {
		r, err := stock.Check(ctx, b.run, filepath.Join(dir, recipe.StockFile), model)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", model, err)
		}
		checked = append(checked, checkedModel{model, r})
	}
	return checked, nil
}

// stockTable has a row for each model.
func stockTable(checked []checkedModel) string {
	var s strings.Builder
	s.WriteString("Held against stock TensorFlow Lite: flatbuffers verified, loaded, run with the\n" +
		"builtin kernels and with XNNPACK. difference: the largest between both, as a\nshare of the output's range.\n\n")
	fmt.Fprintf(&s, "%-6s %10s  %s\n", "sound", "difference", "model")
	for _, c := range checked {
		if c.Error != "" {
			fmt.Fprintf(&s, "%-6s %10s  %s\n", "no", "-", c.Model)
			continue
		}
		fmt.Fprintf(&s, "%-6s %10.1e  %s\n", "yes", c.Difference, c.Model)
	}
	return s.String()
}
