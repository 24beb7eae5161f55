package live

import (
	"context"
	"time"

	"atoll/internal/material"
	"atoll/model"
	"atoll/pipeline/source"
)

// player is the source of one of a scene's inputs: items in their time, or a camera.
type player struct {
	clock source.Clock
	lead  time.Duration
	name  string
	items []source.Item
	scene *material.Scene // nil: items
}

// Run implements source.Source.
func (p player) Run(ctx context.Context, out *source.Queue) error {
	if p.scene != nil {
		return p.film(ctx, out)
	}
	for i := range p.items {
		from := &p.items[i]
		if err := p.clock.Sleep(ctx, p.lead+from.At); err != nil {
			return err
		}
		it := out.Blank()
		it.Modality, it.Source, it.At, it.Seq, it.Text = from.Modality, p.name, p.lead+from.At, uint64(i+1), from.Text
		it.Audio = append(it.Audio, from.Audio...)
		if err := out.Put(ctx, it); err != nil {
			return err
		}
	}
	return nil
}

func (p player) film(ctx context.Context, out *source.Queue) error {
	for i := 0; ; i++ {
		at := time.Duration(i) * material.FramePeriod
		if at >= p.scene.For {
			return nil
		}
		if err := p.clock.Sleep(ctx, p.lead+at); err != nil {
			return err
		}
		it := out.Blank()
		it.Modality, it.Source, it.At, it.Seq = model.Vision, p.name, p.lead+at, uint64(i+1)
		p.scene.Draw(at, &it.Image)
		if err := out.Put(ctx, it); err != nil {
			return err
		}
	}
}
