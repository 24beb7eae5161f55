package figures

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"atoll/model"
	"atoll/trace"
)

// Ratio is of two measurements that were made in turn: the median over all pairs, and the
// interval that holds 95 % of the medians of pairs drawn anew.
type Ratio struct{ Median, Low, High float64 }

// slice is what a stretch of work took.
type slice struct {
	median map[model.Modality]time.Duration
	cpu    time.Duration
}

// pairs runs pairs of slices, one with tracing and one without, in an order that a seed
// says, and returns the ratios of what they took. It tells what tracing saw of each.
func (s *switchedTracer) pairs(n int, seed uint64, run func() (slice, error), saw func(trace.Snapshot)) (median map[model.Modality]Ratio, cpu Ratio, err error) {
	random := rand.New(rand.NewPCG(seed, 0))
	medians, cpus := map[model.Modality][]float64{}, []float64{}
	for range n {
		slices := map[bool]slice{}
		first := random.IntN(2) == 0
		for _, on := range []bool{first, !first} {
			if slices[on], err = s.traced(on, run, saw); err != nil {
				return nil, cpu, err
			}
		}
		for modality := range traceSlice {
			with, without := slices[true].median[modality], slices[false].median[modality]
			if min(with, without) <= 0 {
				return nil, cpu, fmt.Errorf("no %v was inferred in a slice: on a quieter machine?", modality)
			}
			medians[modality] = append(medians[modality], float64(with)/float64(without))
		}
		cpus = append(cpus, float64(slices[true].cpu)/float64(slices[false].cpu))
	}
	median = map[model.Modality]Ratio{}
	for modality, ratios := range medians {
		median[modality] = ratioOf(ratios, random)
	}
	return median, ratioOf(cpus, random), nil
}

// traced runs one slice.
func (s *switchedTracer) traced(on bool, run func() (slice, error), saw func(trace.Snapshot)) (slice, error) {
	if !on {
		return run()
	}
	s.on()
	took, err := run()
	if err != nil {
		return took, err
	}
	snapshot, err := s.off()
	if err == nil {
		saw(snapshot)
	}
	return took, err
}

// ratioOf is the median and where it lies in 95 of 100 of 2,000 draws with replacement.
func ratioOf(list []float64, random *rand.Rand) Ratio {
	medians := make([]float64, 2000)
	for k := range medians {
		draw := make([]float64, len(list))
		for i := range draw {
			draw[i] = list[random.IntN(len(list))]
		}
		medians[k] = medianOf(draw)
	}
	slices.Sort(medians)
	return Ratio{medianOf(list), medians[len(medians)*25/1000], medians[len(medians)*975/1000]}
}

func medianOf(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}
