// Command benchmodels prints how much smaller and faster models become, and what that
// costs, beside what the project promises. It is run by make bench-models, from the
// root of the checkout and in the environment of the tests.
package main

import (
	"fmt"
	"os"
	"time"

	"atoll/build/internal/promise"
	"atoll/engine/worker"
	"atoll/internal/figures"
)

func main() {
	worker.Become() // it is its own worker, as atoll is
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-models:", err)
		os.Exit(1)
	}
}

// bench holds what the measures share.
type bench struct {
	*promise.Table
	began     time.Time
	dir       string                        // for the models that measures write
	written   []string                      // those models
	converted map[string]*figures.Converted // by model and way
	counted   map[string]float64            // instructions of a file, in millions
}

// sayEvery is how often long work says how far it is.
const sayEvery = 20 * time.Second

// say tells of progress, as a run takes many minutes.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.0f s  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

func run() error {
	dir, err := os.MkdirTemp("", "atoll-models-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{
		Table: promise.New(os.Stdout), began: time.Now(), dir: dir,
		converted: map[string]*figures.Converted{}, counted: map[string]float64{},
	}
	for _, measure := range []func(*bench) error{
		(*bench).footprint, // first: before this process is large
		(*bench).faces8, (*bench).voices, (*bench).sentences, (*bench).sizes, (*bench).speeds, (*bench).zeros, (*bench).layers,
		(*bench).shipped, (*bench).sound, // the last: it holds to account what the others wrote
	} {
		if err := measure(b); err != nil {
			return err
		}
	}
	fmt.Println("\nemulated, instructions: what a Cortex-A53 executes, counted under emulation. They\n" +
		"are no cycles: that processor also waits for its memory.")
	return b.Err()
}
