package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"atoll/internal/figures"
	"atoll/model"
	"atoll/sparsity"
)

// prunedModels are those whose layers are pruned, with the seeds. Wide layers take a
// second each and more, so that the large models get one: seeds hardly matter.
var prunedModels = []struct {
	modality model.Modality
	variant  string
	seeds    []uint64
}{
	{model.Vision, "short", []uint64{1, 2, 3}},
	{model.Vision, "full", []uint64{1}},
	{model.Audio, "f32", []uint64{1}},
}

var prunedShares = []float64{0.5, 0.7, 0.8, 0.9}

// layers holds annealed layers against those that were pruned in simpler ways.
func (b *bench) layers() error {
	errs := make([][][]figures.LayerError, len(prunedShares)) // by share and layer
	for _, m := range prunedModels {
		list, err := figures.Matrices(m.modality, m.variant)
		if err != nil {
			return err
		}
		for k, share := range prunedShares {
			bySeed, err := b.prune(list, share, m.seeds)
			if err != nil {
				return err
			}
			errs[k] = append(errs[k], bySeed.Worst()...)
			if len(m.seeds) > 1 {
				mean, half := bySeed.Mean()
				b.Row(fmt.Sprintf("%.0f %% zeros, %s range: mean error, %d seeds (95 %%)", 100*share, m.variant, len(m.seeds)), "-", fmt.Sprintf("%.6f +- %.6f", mean, half), true)
			}
		}
	}
	for k, share := range prunedShares {
		for _, unseen := range []bool{false, true} {
			b.contest(share, errs[k], unseen)
		}
	}
	return nil
}

// prune prunes a model's layers with each seed.
func (b *bench) prune(list []figures.Matrix, share float64, seeds []uint64) (bySeed figures.Seeds, err error) {
	said := time.Now()
	for _, seed := range seeds {
		var errs [][]figures.LayerError
		for i, m := range list {
			if time.Since(said) > sayEvery {
				said = time.Now()
				b.say("layers at %.0f %%, seed %d: %s, %d of %d", 100*share, seed, m.Name, i, len(list))
			}
			one, err := figures.LayerErrors(context.Background(), m, share, figures.Duel, sparsity.Options{Seed: seed})
			if err != nil {
				return nil, err
			}
			errs = append(errs, one)
		}
		bySeed = append(bySeed, errs)
	}
	return bySeed, nil
}

// contest prints how the annealed layers do against the others.
func (b *bench) contest(share float64, errs [][]figures.LayerError, unseen bool) {
	inputs := "seen"
	if unseen {
		inputs = "unseen"
	}
	obs := len(figures.Rivals) - 1
	low := figures.Compare(errs, 0, unseen)
	for way := range obs {
		if v := figures.Compare(errs, way, unseen); v.Lost+v.Equal > low.Lost+low.Equal {
			low = v
		}
	}
	b.lower(fmt.Sprintf("%.0f %% zeros, %s inputs: below magnitude, Wanda", 100*share, inputs), 1, low)
	v := figures.Compare(errs, obs, unseen)
	b.lower("  below OBS", 0.9, v)
	b.Row("  error over that of OBS (95 %)", "-", fmt.Sprintf("%.3f (%.3f to %.3f)", v.Ratio, v.Low, v.High), true)
}

// lower prints on how many layers the error is lower.
func (b *bench) lower(measure string, share float64, v figures.Versus) {
	must := int(math.Ceil(share * float64(v.Layers)))
	got := fmt.Sprintf("%d of %d", v.Lower, v.Layers)
	if v.Equal > 0 {
		got += fmt.Sprintf(", %d equal", v.Equal)
	}
	if v.Free > 0 {
		got += fmt.Sprintf(", %d free", v.Free)
	}
	b.Row(measure, fmt.Sprintf(">= %d", must), got, v.Lower >= must)
}
