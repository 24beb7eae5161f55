package main

import (
	"fmt"

	"atoll/internal/figures"
	"atoll/model"
	"atoll/trace"
)

// Of the measures of tracing: enough pairs for the interval to be narrow on a quiet
// machine, each in about a second.
const (
	tracePairs  = 100
	traceSeed   = 2026
	tracePlants = 20

	tracedPipelinePairs = 30 // of eight seconds each
)

func (b *bench) tracing() error {
	t, err := figures.MeasureTrace(tracePairs, traceSeed)
	if err != nil {
		return err
	}
	p, err := figures.MeasureTracedPipeline(b.data, tracedPipelinePairs, traceSeed)
	if err != nil {
		return err
	}
	b.Row(fmt.Sprintf("traced (%s) over not: pipeline", t.Source), "-", "", true)
	b.costs(p.Median, p.CPU)
	b.Row("  the engine alone, on one CPU", "-", "", true)
	b.costs(t.Median, t.CPU)
	b.AtLeast("  jobs whose parts are their wall time +-2 %", 0.99, t.Within)
	b.Row("  jobs whose record was incomplete", "-", fmt.Sprintf("%d of %d", t.Lost, t.Jobs), true)
	if t.Source != trace.EBPF {
		return nil // causes are only seen by eBPF
	}
	planted, err := figures.PlantCauses(tracePlants)
	if err != nil {
		return err
	}
	for _, p := range planted {
		b.Row(fmt.Sprintf("  planted cause is named: %v", p.Cause), fmt.Sprint(p.All), fmt.Sprint(p.Named), p.Named == p.All)
		b.Row("    planted again, as the job was disturbed", "-", fmt.Sprint(p.Again), true)
	}
	return nil
}

// costs of tracing. A voice takes a tenth of a millisecond: each event of its way shows.
func (b *bench) costs(median map[model.Modality]figures.Ratio, cpu figures.Ratio) {
	b.ratio("    CPU time", cpu)
	b.ratio("    median of a face", median[model.Vision])
	b.ratio("    median of a voice", median[model.Audio])
}

// ratio prints one and its 95 % interval, and whether that leaves it open if the ratio is
// above.
func (b *bench) ratio(measure string, r figures.Ratio) {
	value := fmt.Sprintf("%.3f (%.3f to %.3f)", r.Median, r.Low, r.High)
	if r.Median <= 1.01 && r.High > 1.01 {
		value += " undecided"
	}
	b.Row(measure, "<= 1.010", value, r.Median <= 1.01)
}
