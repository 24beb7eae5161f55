package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"atoll/internal/figures"
	"atoll/internal/optimize"
	"atoll/internal/task"
)

// original is a model that is made smaller or faster.
type original struct {
	name, file, data string
	ways             []string // in which it may become faster and smaller
}

var (
	shortRange = original{"short range", "models/face_short_range.tflite", task.Vision, []string{"int8-dynamic", "int8", "mixed", "sparse 0.7", "sparse 0.8"}}
	fullRange  = original{"full range", "models/face_full_range.tflite", task.Vision, []string{"int8-dynamic", "int8", "mixed", "sparse 0.7"}}
	voice      = original{"voice", "models/silero_vad_f32.tflite", task.Audio, []string{"int8-dynamic", "mixed 0.002"}}
	text       = original{"text", "models/text_classification.tflite", task.Text, []string{"int8"}}
)

// ways are how atoll optimize is asked, besides --calibrate; what isn't named here is as by
// default. They were fixed before anything was measured on data that is held out.
var ways = map[string]optimize.Options{
	"f32":          {Precision: "f32"}, // to compare with: the face models come in f16
	"int8-dynamic": {Precision: "int8-dynamic"},
	"int8":         {Precision: "int8"},
	"mixed":        {Precision: "mixed"},
	"mixed 0.002":  {Precision: "mixed", MaxDrop: 0.002}, // half of it on the data of calibration
	"sparse 0.7":   {Precision: "f32", Sparsity: 0.7},
	"sparse 0.8":   {Precision: "f32", Sparsity: 0.8},
}

// convert makes a model smaller or faster in one of the ways, once.
func (b *bench) convert(m original, way string) (*figures.Converted, error) {
	key := m.name + " " + way
	if c, ok := b.converted[key]; ok {
		return c, nil
	}
	o, ok := ways[way]
	if !ok {
		return nil, fmt.Errorf("no way is called %q", way)
	}
	o.Calibrate, o.Seed = m.data, 1
	said := time.Now()
	o.Report = func(p optimize.Progress) {
		if time.Since(said) > sayEvery {
			said = time.Now()
			b.say("%s: %s: %d of %d", key, p.Doing, p.Done, p.Total)
		}
	}
	began := time.Now()
	out := filepath.Join(b.dir, strings.ReplaceAll(key, " ", "-")+".tflite")
	c, err := figures.Convert(context.Background(), m.file, out, o)
	if err != nil {
		return nil, err
	}
	c.Name = way
	b.say("%s: %v", key, time.Since(began).Round(time.Second))
	b.converted[key] = c
	b.written = append(b.written, out)
	return c, nil
}

// convertAll makes a model smaller or faster in all ways that are meant for it, beside it
// in plain float32. Where int8 loses little, mixed precision would be the same.
func (b *bench) convertAll(m original) (plain *figures.Converted, list []*figures.Converted, err error) {
	if plain, err = b.convert(m, "f32"); err != nil {
		return nil, nil, err
	}
	enough := false
	for _, way := range m.ways {
		if way == "mixed" && enough {
			continue
		}
		c, err := b.convert(m, way)
		if err != nil {
			return nil, nil, err
		}
		enough = enough || way == "int8" && usable(c)
		list = append(list, c)
	}
	return plain, list, nil
}
