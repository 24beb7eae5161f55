package live

import (
	"context"
	"time"

	"atoll/internal/material"
	"atoll/model"
	"atoll/pipeline/source"
)

// stage is what the players of a scene have in common.
type stage struct {
	clock source.Clock
	begin time.Duration // of the scene, on the clock; set before the players run
}

// player is the source of one of a scene's inputs: items in their time, or a camera.
type player struct {
	*stage
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
		if err := p.clock.Sleep(ctx, p.begin+from.At); err != nil {
			return err
		}
		it := out.Blank()
		it.Modality, it.Source, it.At, it.Seq, it.Text = from.Modality, p.name, p.begin+from.At, uint64(i+1), from.Text
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
		if err := p.clock.Sleep(ctx, p.begin+at); err != nil {
			return err
		}
		it := out.Blank()
		it.Modality, it.Source, it.At, it.Seq = model.Vision, p.name, p.begin+at, uint64(i+1)
		p.scene.Draw(at, &it.Image)
		if err := out.Put(ctx, it); err != nil {
			return err
		}
	}
}
