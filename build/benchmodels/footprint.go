package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"atoll/internal/figures"
)

// footprintRuns are what is asked of the binary: together all steps that there are.
var footprintRuns = []struct {
	name string
	args []string
}{
	{"int8", []string{"--precision", "int8"}},
	{"sparse 0.7", []string{"--precision", "f32", "--sparsity", "0.7"}},
}

// footprint is what the binary itself takes to make the short-range model smaller and
// faster, from its start to its end. What is lost is told by other measures.
func (b *bench) footprint() error {
	var wall time.Duration
	var peak int64
	var list []figures.Footprint
	for _, run := range footprintRuns {
		b.say("short range: atoll optimize, %s", run.name)
		args := append([]string{"optimize", "--in", shortRange.file, "--calibrate", shortRange.data, "--max-drop", "1",
			"--out", filepath.Join(b.dir, "footprint.tflite")}, run.args...)
		f, err := figures.MeasureRun(context.Background(), os.Getenv("ATOLL_BIN"), args...)
		if err != nil {
			return err
		}
		list = append(list, f)
		wall += f.Wall
		peak = max(peak, f.Peak)
	}
	b.Row("short range, atoll optimize, all steps: time", "<= 60 s", fmt.Sprintf("%.0f s", wall.Seconds()), wall <= time.Minute)
	b.Row("  largest memory of all its processes", "<= 256 MB", fmt.Sprintf("%.0f MB", float64(peak)/1e6), peak <= 256e6)
	for i, f := range list {
		b.Row("  "+footprintRuns[i].name+": time, of processors, memory", "-",
			fmt.Sprintf("%.0f s, %.0f s, %.0f MB", f.Wall.Seconds(), f.CPU.Seconds(), float64(f.Peak)/1e6), true)
	}
	return nil
}
