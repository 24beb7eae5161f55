package figures

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"atoll/engine"
	"atoll/engine/tflite"
	"atoll/model"
)

const engineDeadline = 10 * time.Second

// Engine is what the way to the worker and back costs for the baseline face model,
// with its 128x128x3 float input.
type Engine struct {
	HopMedian time.Duration // a job as the caller sees it, less its time in the worker
	Hop99     time.Duration
	Ratio     float64 // median time in the worker over that of the bare invocation, in turn in one run
	Allocs    float64 // on the parent's Go heap, for an inference
}

// MeasureEngine measures over n inferences, the bare ones in this process.
func MeasureEngine(n int) (e Engine, err error) {
	list, err := baselines()
	if err != nil {
		return e, err
	}
	w, err := engine.Start(engine.Options{})
	if err != nil {
		return e, err
	}
	defer w.Close()
	m, err := w.Load("face", list[model.Vision])
	if err != nil {
		return e, err
	}
	bare, err := bareInterpreter(list[model.Vision])
	if err != nil {
		return e, err
	}
	defer bare.Close()

	var hops, inWorker, alone []time.Duration
	for i := range n + n/10 {
		took, err := m.Run(engineDeadline)
		if err != nil {
			return e, err
		}
		began := time.Now()
		if err := bare.Invoke(); err != nil {
			return e, err
		}
		if i < n/10 { // warming up
			continue
		}
		alone = append(alone, time.Since(began))
		inWorker = append(inWorker, took.Invoke)
		hops = append(hops, took.Total-took.Invoke)
	}
	e.HopMedian, e.Hop99 = quantile(hops, 0.5), quantile(hops, 0.99)
	e.Ratio = float64(quantile(inWorker, 0.5)) / float64(quantile(alone, 0.5))
	e.Allocs = testing.AllocsPerRun(n/10+1, func() { _, err = m.Run(engineDeadline) })
	return e, err
}

func bareInterpreter(data []byte) (*tflite.Interpreter, error) {
	f, err := os.CreateTemp("", "atoll-bare-*.tflite")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return nil, err
	}
	bare, err := tflite.New(f.Name(), 1)
	if err != nil {
		return nil, err
	}
	if err := bare.Allocate(); err != nil {
		bare.Close()
		return nil, fmt.Errorf("bare interpreter: %w", err)
	}
	return bare, nil
}

func quantile(list []time.Duration, q float64) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[int(q*float64(len(list)-1))]
}
