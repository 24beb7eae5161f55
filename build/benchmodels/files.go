package main

import (
	"fmt"
	"os"
	"path/filepath"

	"atoll/internal/figures"
)

// fewerInstructions prints by how much fewer arm64 instructions the model in one file
// takes than that in another; with must 0 as something to compare with.
func (b *bench) fewerInstructions(measure string, must float64, before, after string) error {
	if err := b.count(before, after); err != nil {
		return err
	}
	ratio := b.counted[before] / b.counted[after]
	bound := "-"
	if must > 0 {
		bound = fmt.Sprintf(">= %.2f", must)
	}
	b.Row(measure+": fewer", bound, fmt.Sprintf("%.2f times", ratio), ratio >= must)
	b.Row("  emulated, instructions, millions", "-", fmt.Sprintf("%.1f to %.1f", b.counted[before], b.counted[after]), true)
	return nil
}

// count counts the instructions of files that were not counted yet.
func (b *bench) count(files ...string) error {
	var fresh []string
	for _, f := range files {
		if _, ok := b.counted[f]; !ok {
			fresh = append(fresh, f)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	millions, err := figures.Instructions(fresh...)
	for i := range millions {
		b.counted[fresh[i]] = millions[i]
	}
	return err
}

// shipped adds the models that the converter wrote, which the build makes.
func (b *bench) shipped() error {
	for _, name := range []string{"silero_vad_f32.tflite", "silero_vad_f16.tflite"} {
		b.written = append(b.written, filepath.Join("models", name))
	}
	return nil
}

// sound holds every file that was written against stock TensorFlow Lite, and against
// our own reader and writer.
func (b *bench) sound() error {
	checked, err := figures.CheckStock(b.written...)
	if err != nil {
		return err
	}
	sound, same, largest := 0, 0, 0.0
	for _, c := range checked {
		if c.Error == "" {
			sound++
			largest = max(largest, c.Difference)
		} else {
			fmt.Fprintf(os.Stderr, "%s: %s\n", c.File, c.Error)
		}
		if err := figures.RoundTrip(c.File); err != nil {
			fmt.Fprintln(os.Stderr, err)
		} else {
			same++
		}
	}
	all := fmt.Sprint(len(b.written))
	b.Row("written files: verified, run in stock TFLite", all, fmt.Sprint(sound), sound == len(b.written))
	b.Row("  largest difference with XNNPACK from without", "-", fmt.Sprintf("%.1e of the range", largest), true)
	b.Row("  the same when read and written again", all, fmt.Sprint(same), same == len(b.written))
	return nil
}
