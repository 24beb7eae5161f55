package main

import (
	"fmt"

	"atoll/internal/figures"
)

// mostDrop is how much accuracy a variant that is called usable may lose.
const mostDrop = 0.02

// faces8 is what the short-range model in 8 bits loses.
func (b *bench) faces8() error {
	c, err := b.convert(shortRange, "int8")
	if err != nil {
		return err
	}
	before, after := c.Card.Before.Score, c.Card.After.Score
	for i, p := range after.Parts {
		b.keeps("short range, int8, face or none "+p.Name, before.Parts[i].Accuracy(), p.Accuracy(), 0.01)
	}
	b.keeps("  both", before.Accuracy, after.Accuracy, 0.01)
	return nil
}

// keeps prints an accuracy that may be less than another by so much.
func (b *bench) keeps(measure string, before, after, most float64) {
	const rounding = 1e-9 // of decimal fractions
	b.Row(measure, fmt.Sprintf(">= %.3f", before-most), fmt.Sprintf("%.3f, float %.3f", after, before), before-after <= most+rounding)
}

// Bounds of the voice model: decisions changed, and size.
const (
	voiceChanged = 0.001
	voiceSize    = 0.45
)

// voices is what Silero in 8 bits gets wrong, and how small it is. One of the ways must
// keep to both bounds.
func (b *bench) voices() error {
	kept := "none"
	for _, way := range voice.ways {
		c, err := b.convert(voice, way)
		if err != nil {
			return err
		}
		s, share := c.Card.After.Score, size(c)/float64(c.Card.Before.Bytes)
		b.Row(fmt.Sprintf("  %s: of %d decisions changed", way, s.N), "-", fmt.Sprint(s.Changed), true)
		b.Row("    expected by the differences, in a thousand", "-", fmt.Sprintf("%.2f", 1000*s.Risk), true)
		b.Row("    size, of the float32 file's", "-", fmt.Sprintf("%.3f", share), true)
		if kept == "none" && float64(s.Changed) <= voiceChanged*float64(s.N) && share <= voiceSize {
			kept = way
		}
	}
	must := fmt.Sprintf("<= %.3f, %.2f", voiceChanged, voiceSize)
	b.Row("voice: changed and size both kept", must, kept, kept != "none")
	return nil
}

// sentences is what the text model in 8 bits loses, and how small it is.
func (b *bench) sentences() error {
	c, err := b.convert(text, "int8")
	if err != nil {
		return err
	}
	b.keeps(fmt.Sprintf("text, int8, %d sentences", c.Card.After.Score.N), *c.Card.Before.Accuracy, *c.Card.After.Accuracy, 0.005)
	b.AtMost("  size, of the float32 file's", 0.30, size(c)/float64(c.Card.Before.Bytes))
	return nil
}

func size(c *figures.Converted) float64 { return float64(c.Card.After.Bytes) }

// sizes holds the smallest files that lose little against the models in float32.
func (b *bench) sizes() error {
	for _, set := range []struct {
		measure string
		must    float64
		models  []original
	}{
		{"short range, voice, text: smaller than float32", 2.49, []original{shortRange, voice, text}},
		{"full range, voice, text: smaller than float32", 2.49, []original{fullRange, voice, text}},
	} {
		var plain, shipped, small float64
		for _, m := range set.models {
			whole, list, err := b.convertAll(m)
			if err != nil {
				return err
			}
			best := smallest(append(list, whole))
			plain += size(whole)
			shipped += float64(whole.Card.Before.Bytes)
			small += size(best)
			b.Row(fmt.Sprintf("  %s, %s: bytes", m.name, best.Name), "-", fmt.Sprintf("%d to %d", whole.Card.After.Bytes, best.Card.After.Bytes), true)
		}
		b.Row(set.measure, fmt.Sprintf(">= %.2f", set.must), fmt.Sprintf("%.2f times", plain/small), plain/small >= set.must)
		b.Row("  smaller than as shipped, faces in float16", "-", fmt.Sprintf("%.2f times", shipped/small), true)
	}
	return nil
}

// smallest is the smallest of a model's variants that lose little, the last if all lose
// more.
func smallest(list []*figures.Converted) *figures.Converted {
	best := list[len(list)-1]
	for _, c := range list {
		if usable(c) && size(c) < size(best) {
			best = c
		}
	}
	return best
}

func usable(c *figures.Converted) bool { return c.Drop() <= mostDrop+1e-9 }
