// Command benchmodels prints how much smaller and faster models become, and what that
// costs, beside what the project promises. It is run by make bench-models, from the
// root of the checkout and in the environment of the tests.
package main

import (
	"fmt"
	"os"

	"atoll/build/internal/promise"
	"atoll/engine/worker"
	"atoll/internal/material"
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
	data    material.Data
	dir     string             // for the models that measures write
	written []string           // those models
	counted map[string]float64 // instructions of a file, in millions
}

func run() error {
	data, err := material.FindData()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "atoll-models-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{Table: promise.New(os.Stdout), data: data, dir: dir, counted: map[string]float64{}}
	for _, measure := range []func(*bench) error{
		(*bench).sparseReference, (*bench).converted,
		(*bench).sound, // the last: it holds to account what the others wrote
	} {
		if err := measure(b); err != nil {
			return err
		}
	}
	fmt.Println("\nemulated, instructions: what a Cortex-A53 executes, counted under emulation. They\n" +
		"are no cycles: that processor also waits for its memory.")
	return b.Err()
}
