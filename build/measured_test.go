package main

import (
	"errors"
	"io/fs"
	"testing"

	"atoll/build/internal/instructions"
	"atoll/build/internal/stock"
)

func TestMeasured(t *testing.T) {
	models, asJSON, err := measured("stock", []string{"--json", "main.go", "stock.go"})
	if len(models) != 2 || !asJSON || err != nil {
		t.Errorf("measured = %q, %v, %v; want two files, in JSON", models, asJSON, err)
	}
	for _, command := range []string{"instructions", "stock"} {
		if err := run(t.Context(), []string{command, "main.go", "no/such.tflite"}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v; want that there is no such file", command, err)
		}
	}
}

func TestInstructionsTable(t *testing.T) {
	got := instructionsTable([]countedModel{
		{"a.tflite", instructions.Result{Millions: 89.80372, Runs: 12}},
		{"bad.tflite", instructions.Result{Error: "no model"}},
		{"c.tflite", instructions.Result{Millions: 0.0327, Runs: 61}},
	})
	want := `arm64 instructions an inference takes, emulated: one thread with XNNPACK

 millions  model
   89.804  a.tflite
        -  bad.tflite
    0.033  c.tflite
`
	if got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}

func TestStockTable(t *testing.T) {
	got := stockTable([]checkedModel{
		{"a.tflite", stock.Result{Outputs: 2, Difference: 1.27e-6}},
		{"bad.tflite", stock.Result{Error: "refused"}},
	})
	want := `Held against stock TensorFlow Lite: flatbuffers verified, loaded, run with the
builtin kernels and with XNNPACK. difference: the largest between both, as a
share of the output's range.

sound  difference  model
yes       1.3e-06  a.tflite
no              -  bad.tflite
`
	if got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}
