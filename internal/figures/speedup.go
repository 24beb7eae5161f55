package figures

import (
	"fmt"
	"math/rand/v2"
	"time"

	"atoll/engine"
)

// speedupRuns are the inferences of a model in a round, after one that only warms its
// memory up: their median counts.
const speedupRuns = 5

// Speedups is how many times faster each of the other models is than the first, with one
// thread and XNNPACK in one worker. Every round runs all models in an order drawn anew, so
// that what else the machine does meets all of them alike, and gives one ratio each.
func Speedups(models [][]byte, rounds int, seed uint64) ([]Ratio, error) {
	w, err := engine.Start(engine.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	random := rand.New(rand.NewPCG(seed, 0))
	loaded := make([]*engine.Model, len(models))
	for i, data := range models {
		if loaded[i], err = w.Load(fmt.Sprintf("model %d", i), data); err != nil {
			return nil, err
		}
		fill(loaded[i], rand.New(rand.NewPCG(seed, 1))) // the same for all
	}
	ratios := make([][]float64, len(models))
	took := make([]time.Duration, len(models))
	for range rounds {
		for _, i := range random.Perm(len(models)) {
			if took[i], err = medianRun(loaded[i]); err != nil {
				return nil, err
			}
		}
		for i := range models {
			ratios[i] = append(ratios[i], float64(took[0])/float64(took[i]))
		}
	}
	list := make([]Ratio, len(models)-1)
	for i := range list {
		list[i] = ratioOf(ratios[i+1], random)
	}
	return list, nil
}

// fill draws a model's inputs from -1 to 1.
func fill(m *engine.Model, random *rand.Rand) {
	for _, in := range m.Inputs() {
		if in.Type != engine.Float32 {
			continue // the text model's words: any will do
		}
		for i := range in.Float32s() {
			in.Float32s()[i] = 2*random.Float32() - 1
		}
	}
}

// medianRun is the median time of warm inferences in the worker.
func medianRun(m *engine.Model) (time.Duration, error) {
	var times []time.Duration
	for range 1 + speedupRuns {
		t, err := m.Run(engineDeadline)
		if err != nil {
			return 0, err
		}
		times = append(times, t.Invoke)
	}
	return max(1, quantile(times[1:], 0.5)), nil // no clock is finer
}
