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
	var list []*figures.Converted
	kept := "none"
	for _, way := range voice.ways {
		c, err := b.convert(voice, way)
		if err != nil {
			return err
		}
		s := c.Card.After.Score
		if kept == "none" && float64(s.Changed) <= voiceChanged*float64(s.N) && shrunk(c) <= voiceSize {
			kept = way
		}
		list = append(list, c)
	}
	b.Row(fmt.Sprintf("voice: changed <= %.3f and size <= %.2f", voiceChanged, voiceSize), "one", kept, kept != "none")
	for _, c := range list {
		s := c.Card.After.Score
		b.Row(fmt.Sprintf("  %s: of %d decisions changed", c.Name, s.N), "-", fmt.Sprint(s.Changed), true)
		b.Row("    expected by the differences, in a thousand", "-", fmt.Sprintf("%.2f", 1000*s.Risk), true)
		b.Row("    size, of the float32 file's", "-", fmt.Sprintf("%.3f", shrunk(c)), true)
	}
	return nil
}

// sentences is what the text model in 8 bits loses, and how small it is.
func (b *bench) sentences() error {
	c, err := b.convert(text, "int8")
	if err != nil {
		return err
	}
	b.keeps(fmt.Sprintf("text, int8, %d sentences", c.Card.After.Score.N), *c.Card.Before.Accuracy, *c.Card.After.Accuracy, 0.005)
	b.AtMost("  size, of the float32 file's", 0.30, shrunk(c))
	return nil
}

// shrunk is a file's size as a share of that it was made from.
func shrunk(c *figures.Converted) float64 {
	return float64(c.Card.After.Bytes) / float64(c.Card.Before.Bytes)
}

// mustShrink is how many times smaller the models are together.
const mustShrink = 2.49

// sizes holds the smallest files that lose little against the models in float32.
func (b *bench) sizes() error {
	for _, face := range []original{shortRange, fullRange} {
		var plain, shipped, small int64
		var best []*figures.Converted
		models := []original{face, voice, text}
		for _, m := range models {
			whole, list, err := b.convertAll(m)
			if err != nil {
				return err
			}
			c := smallest(append(list, whole))
			plain += whole.Card.After.Bytes
			shipped += c.Card.Before.Bytes
			small += c.Card.After.Bytes
			best = append(best, c)
		}
		gain := float64(plain) / float64(small)
		b.Row(face.name+", voice, text: smaller than float32", fmt.Sprintf(">= %.2f", mustShrink), fmt.Sprintf("%.2f times", gain), gain >= mustShrink)
		for i, c := range best {
			b.Row(fmt.Sprintf("  %s, %s: bytes, as shipped", models[i].name, c.Name), "-", fmt.Sprintf("%d, %d", c.Card.After.Bytes, c.Card.Before.Bytes), true)
		}
		b.Row("  smaller than as shipped, faces in float16", "-", fmt.Sprintf("%.2f times", float64(shipped)/float64(small)), true)
	}
	return nil
}

// smallest is the smallest of a model's variants that lose little, the last if all lose
// more.
func smallest(list []*figures.Converted) *figures.Converted {
	best := list[len(list)-1]
	for _, c := range list {
		if usable(c) && c.Card.After.Bytes < best.Card.After.Bytes {
			best = c
		}
	}
	return best
}

func usable(c *figures.Converted) bool { return c.Drop() <= mostDrop+1e-9 }
