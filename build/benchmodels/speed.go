package main

import (
	"fmt"
	"os"

	"atoll/internal/figures"
)

// Bounds of how much faster the best variant is, on this machine and in instructions.
const (
	mustSpeedup = 1.5
	rounds      = 60
)

// speeds holds every variant of the face models against plain float32.
func (b *bench) speeds() error {
	for _, m := range []original{shortRange, fullRange} {
		plain, list, err := b.convertAll(m)
		if err != nil {
			return err
		}
		if err := b.speedup(m, plain, list); err != nil {
			return err
		}
		if err := b.instructions(m, plain, list); err != nil {
			return err
		}
	}
	return nil
}

// speedup measures here.
func (b *bench) speedup(m original, plain *figures.Converted, list []*figures.Converted) error {
	var files [][]byte
	for _, c := range append([]*figures.Converted{plain}, list...) {
		data, err := os.ReadFile(c.File)
		if err != nil {
			return err
		}
		files = append(files, data)
	}
	b.say("%s: speed of %d variants", m.name, len(list))
	ratios, err := figures.Speedups(files, rounds, 1)
	if err != nil {
		return err
	}
	b.best(m.name+": faster than float32 here", list, func(i int) float64 { return ratios[i].Median })
	for i, c := range list {
		r := ratios[i]
		b.Row(fmt.Sprintf("  %s, loses %.3f", c.Name, c.Drop()), "-", fmt.Sprintf("%.2f (%.2f to %.2f)", r.Median, r.Low, r.High), true)
	}
	return nil
}

// instructions counts in the emulated board.
func (b *bench) instructions(m original, plain *figures.Converted, list []*figures.Converted) error {
	files := []string{plain.File}
	for _, c := range list {
		files = append(files, c.File)
	}
	b.say("%s: instructions of %d variants", m.name, len(list))
	if err := b.count(files...); err != nil {
		return err
	}
	before := b.counted[plain.File]
	b.best(m.name+": fewer instructions, emulated", list, func(i int) float64 { return before / b.counted[list[i].File] })
	b.Row("  emulated, instructions, millions: float32", "-", fmt.Sprintf("%.1f", before), true)
	for _, c := range list {
		b.Row("  "+c.Name, "-", fmt.Sprintf("%.1f", b.counted[c.File]), true)
	}
	return nil
}

// best prints the variant that gains most of those that lose little.
func (b *bench) best(measure string, list []*figures.Converted, gain func(int) float64) {
	name, most := "none loses little", 1.0
	for i, c := range list {
		if usable(c) && gain(i) > most {
			name, most = c.Name, gain(i)
		}
	}
	b.Row(measure, fmt.Sprintf(">= %.2f", mustSpeedup), fmt.Sprintf("%.2f, %s", most, name), most >= mustSpeedup)
}
