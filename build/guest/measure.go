package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"atoll/build/internal/instructions"
	"atoll/engine"
	"atoll/engine/tflite"
)

const (
	runs = 60 // the first handful fault pages in and take twice as long
	seed = 2026
	page = 4096
)

// measure times a model on inputs that are the same each time.
func measure(path string) (r instructions.Result, err error) {
	n, err := tflite.New(path, 1)
	if err != nil {
		return r, err
	}
	defer n.Close()
	t, err := n.Tensors()
	if err != nil {
		return r, err
	}
	var inputs, outputs []uint64
	size := uint64(0)
	for _, x := range t.Inputs {
		inputs, size = append(inputs, size), size+roundUp(x.Bytes)
	}
	for _, x := range t.Outputs {
		outputs, size = append(outputs, size), size+roundUp(x.Bytes)
	}
	memory, err := unix.Mmap(-1, 0, int(max(size, page)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return r, fmt.Errorf("%d bytes for inputs and outputs: %w", size, err)
	}
	defer unix.Munmap(memory)
	random := rand.New(rand.NewPCG(seed, 0))
	for i, x := range t.Inputs {
		fill(memory[inputs[i]:][:x.Bytes], engine.TensorType(x.Type), random)
	}
	if err := n.Bind(memory, t, inputs, outputs); err != nil {
		return r, err
	}
	took := make([]time.Duration, runs)
	for i := range took {
		began := time.Now()
		if err := n.Invoke(); err != nil {
			return r, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return instructions.Result{Millions: float64(took[runs/2-1]+took[runs/2]) / 2 / 1e6, Runs: runs}, nil
}

func roundUp(n uint64) uint64 { return (n + page - 1) / page * page }

// fill writes what a model is fed: floats from -1 to 1, any bytes where those are small numbers, and otherwise zeros, as other
// integers are mostly indices of what is unknown here.
func fill(to []byte, kind engine.TensorType, random *rand.Rand) {
	switch kind {
	case engine.Float32:
		for i := 0; i+4 <= len(to); i += 4 {
			binary.LittleEndian.PutUint32(to[i:], math.Float32bits(2*random.Float32()-1))
		}
	case engine.Int8, engine.Uint8:
		for i := range to {
			to[i] = byte(random.Uint32())
		}
	}
}
