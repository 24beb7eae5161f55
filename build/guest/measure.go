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
	seed = 2026
	page = 4096

	// The first run faults pages in and is not counted; later ones of a large model differ by less than one in 1,000.
	fewest, most = 11, 61
	enough       = 1000 * time.Millisecond // of instructions, a million each
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
	took, err := repeat(n.Invoke)
	if err != nil {
		return r, err
	}
	return instructions.Result{Millions: float64(middle(took)) / float64(time.Millisecond), Runs: len(took)}, nil
}

// repeat times a function after one run that warms up.
func repeat(run func() error) (took []time.Duration, err error) {
	if err := run(); err != nil {
		return nil, err
	}
	for spent := time.Duration(0); len(took) < fewest || len(took) < most && spent < enough; {
		began := time.Now()
		if err := run(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		spent += took[len(took)-1]
	}
	return took, nil
}

// middle is the mean of the half of a list that lies in the middle: small models alternate between two figures, of which a
// median would take either.
func middle(list []time.Duration) time.Duration {
	list = slices.Sorted(slices.Values(list))
	list = list[len(list)/4 : len(list)-len(list)/4]
	sum := time.Duration(0)
	for _, d := range list {
		sum += d
	}
	return sum / time.Duration(len(list))
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
