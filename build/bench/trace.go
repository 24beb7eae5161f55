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
)

func (b *bench) tracing() error {
	t, err := figures.MeasureTrace(tracePairs, traceSeed)
	if err != nil {
		return err
	}
	by := func(s string) string { return fmt.Sprintf("traced (%s) over not: %s", t.Source, s) }
	b.ratio(by("median of a face"), t.Median[model.Vision])
	b.ratio(by("CPU time"), t.CPU)
	voice := t.Median[model.Audio] // a tenth of a millisecond: each event of its way shows
	b.row(by("median of a voice"), "-", fmt.Sprintf("%.3f (%.3f to %.3f)", voice.Median, voice.Low, voice.High), true)
	b.atLeast("  jobs whose parts are their wall time +-2 %", 0.99, t.Within)
	b.row("  jobs whose record was incomplete", "-", fmt.Sprintf("%d of %d", t.Lost, t.Jobs), true)
	if t.Source != trace.EBPF {
		return nil // causes are only seen by eBPF
	}
	planted, err := figures.PlantCauses(tracePlants)
	if err != nil {
		return err
	}
	for _, p := range planted {
		b.row(fmt.Sprintf("  planted cause is named: %v", p.Cause), fmt.Sprint(p.All), fmt.Sprint(p.Named), p.Named == p.All)
		b.row("    planted again, as the job was disturbed", "-", fmt.Sprint(p.Again), true)
	}
	return nil
}

// ratio prints one and its 95 % interval, and whether that leaves it open if the ratio is
// above.
func (b *bench) ratio(measure string, r figures.Ratio) {
	value := fmt.Sprintf("%.3f (%.3f to %.3f)", r.Median, r.Low, r.High)
	if r.Median <= 1.01 && r.High > 1.01 {
		value += " undecided"
	}
	b.row(measure, "<= 1.010", value, r.Median <= 1.01)
}
