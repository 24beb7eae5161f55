// Command bench prints what the project promises beside what is measured here and
// now. It is run by make bench, in the environment of the tests.
package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"atoll/build/internal/promise"
	"atoll/engine"
	"atoll/engine/worker"
	"atoll/internal/app"
	"atoll/internal/config"
	"atoll/internal/figures"
	"atoll/internal/material"
)

func main() {
	worker.Become() // it is its own worker, as atoll is
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench holds what the measures share.
type bench struct {
	*promise.Table
	data   material.Data
	senses *app.Senses
}

func run() error {
	data, err := material.FindData()
	if err != nil {
		return err
	}
	cfg := config.Default()
	cfg.Engine.Deadline.Duration *= 20
	senses, err := app.OpenSenses(cfg, engine.Options{})
	if err != nil {
		return err
	}
	defer senses.Close()
	b := &bench{promise.New(os.Stdout), data, senses}
	for _, measure := range []func(*bench) error{
		(*bench).accuracy, (*bench).voice, (*bench).fused, (*bench).engine, (*bench).malformed,
		(*bench).tracing, (*bench).scheduling, (*bench).cooling, (*bench).control, (*bench).detection, (*bench).process, (*bench).binaries,
	} {
		if err := measure(b); err != nil {
			return err
		}
	}
	fmt.Println("\nTimes are of this machine as busy as it is now; ratios are within one run.")
	return b.Err()
}

func (b *bench) accuracy() error {
	score, err := figures.AstronautScore(b.data, b.senses)
	if err != nil {
		return err
	}
	b.Row("face on astronaut.png", "0.92+-0.01", fmt.Sprintf("%.4f", score), math.Abs(score-0.92) <= 0.01)
	for _, share := range []struct{ share, must float64 }{{1, 0.99}, {0.3, 0.985}} {
		got, err := figures.FaceAccuracy(b.data, b.senses, app.Choice{}, share.share)
		if err != nil {
			return err
		}
		b.AtLeast(fmt.Sprintf("face or none, crop at %.0f %% of the frame", 100*share.share), share.must, got)
	}
	for _, set := range []struct {
		name string
		must float64
	}{{"imdb", 0.835}, {"amazon", 0.77}, {"yelp", 0.78}} {
		got, err := figures.SentimentAccuracy(b.data, b.senses, set.name)
		if err != nil {
			return err
		}
		b.AtLeast("sentiment, "+set.name, set.must, got)
	}
	return nil
}

func (b *bench) voice() error {
	full, err := figures.CompareVoice(b.data, b.senses, app.Choice{Variant: "f32"})
	if err != nil {
		return err
	}
	b.Row(fmt.Sprintf("voice f32, largest difference of %d frames", full.Frames), "<= 1e-4", fmt.Sprintf("%.1e", full.Largest), full.Largest <= 1e-4)
	half, err := figures.CompareVoice(b.data, b.senses, app.Choice{Variant: "f16"})
	if err != nil {
		return err
	}
	b.Row("voice f16, decisions changed", "0", fmt.Sprint(half.Changed), half.Changed == 0)
	return nil
}

// fusedSeeds are timelines that no rule was tuned on.
const fusedFrom, fusedTo = 1001, 1020

func (b *bench) fused() error {
	m, err := material.LoadMaterial(b.data, "imdb", "amazon", "yelp")
	if err != nil {
		return err
	}
	total, worst, err := figures.FusedEvents(b.senses, m, fusedFrom, fusedTo)
	if err != nil {
		return err
	}
	for _, kind := range []string{"presence", "speech", "engagement", "mood"} {
		c := total[kind]
		b.Row(fmt.Sprintf("%s, %d timelines: precision, recall", kind, fusedTo-fusedFrom+1), ">= 0.950",
			fmt.Sprintf("%.3f / %.3f", c.Precision(), c.Recall()), min(c.Precision(), c.Recall()) >= 0.95)
		b.Row("  worst single timeline", ">= 0.950", fmt.Sprintf("%.3f", worst[kind]), worst[kind] >= 0.95)
	}
	return nil
}

func (b *bench) engine() error {
	e, err := figures.MeasureEngine(2000)
	if err != nil {
		return err
	}
	b.Row("hop to the worker and back, median", "< 100µs", fmt.Sprint(e.HopMedian.Round(100*time.Nanosecond)), e.HopMedian < 100*time.Microsecond)
	b.Row("time in the worker over the bare invocation", "<= 1.030", fmt.Sprintf("%.3f", e.Ratio), e.Ratio <= 1.03)
	b.Row("heap allocations per inference", "0", fmt.Sprint(e.Allocs), e.Allocs == 0)
	const runs = 100_000
	grew, err := figures.MeasureLeak(runs)
	if err != nil {
		return err
	}
	b.Row("growth of the worker over 100,000 inferences", "0.5 MB", fmt.Sprintf("%d KiB", grew), grew <= 512)
	return nil
}

func (b *bench) malformed() error {
	o, err := figures.Malformed(1000, 1)
	if err != nil {
		return err
	}
	b.Row("1000 malformed models: refused", "-", fmt.Sprint(o.Refused), true)
	b.Row("  worker died and was replaced", "-", fmt.Sprint(o.Died), true)
	b.Row("  still sound (weights differ; hash tells)", "-", fmt.Sprint(o.Sound), o.SoundByHash == 0)
	b.Row("  anything else", "0", fmt.Sprint(len(o.Unexpected)), len(o.Unexpected) == 0)
	b.Row("  growth of the parent, of open files", "1 MB, 0", fmt.Sprintf("%d KiB, %d", o.GrewKB, o.GrewFiles), o.GrewKB <= 1024 && o.GrewFiles <= 0)
	return nil
}

func (b *bench) process() error {
	bin := os.Getenv("ATOLL_BIN")
	dir, err := os.MkdirTemp("", "atoll-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var first []time.Duration
	for range 9 {
		took, err := figures.FirstEvent(bin, dir, b.data)
		if err != nil {
			return err
		}
		first = append(first, took)
	}
	slices.Sort(first)
	median := first[len(first)/2]
	b.Row("start to first fused event, median of 9", "<= 300ms", fmt.Sprint(median.Round(time.Millisecond)), median <= 300*time.Millisecond)

	if err := b.memory("512x512", b.data.Path("pictures", "astronaut.png"), bin, dir); err != nil {
		return err
	}
	fullHD, err := figures.FullHD(dir, b.data)
	if err != nil {
		return err
	}
	return b.memory("1920x1080", fullHD, bin, dir)
}

// memory measures a scene of ten pictures a second once it is steady.
func (b *bench) memory(size, picture, bin, dir string) error {
	scene, err := figures.StartScene(bin, dir, picture, b.data)
	if err != nil {
		return err
	}
	defer scene.Stop()
	time.Sleep(20 * time.Second)
	m, err := figures.MemoryOf(scene.PID())
	if err != nil {
		return err
	}
	b.Row("memory of both processes, RSS, "+size, "<= 64 MB", fmt.Sprintf("%.1f MB", float64(m.RSS)*1024/1e6), m.RSS*1024 <= 64e6)
	b.Row("  shared pages counted once (PSS)", "-", fmt.Sprintf("%.1f MB", float64(m.PSS)*1024/1e6), true)
	return nil
}

func (b *bench) binaries() error {
	for _, variable := range []string{"ATOLL_BIN", "ATOLL_BIN_ARM64"} {
		path := os.Getenv(variable)
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("%s: %w", variable, err)
		}
		must, met := "-", true // it is the board's flash that is small
		if variable == "ATOLL_BIN_ARM64" {
			must, met = "<= 24 MB", info.Size() <= 24e6
		}
		b.Row("size of "+filepath.Base(path), must, fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), met)
	}
	return nil
}
