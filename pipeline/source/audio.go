package source

import (
	"context"
	"errors"
	"io"
	"time"

	"atoll/pipeline/source/wav"
)

// chunks cuts a recording into items until it ends; what is left at the end and shorter than a chunk is left out. when says when an
// item was taken.
func (b *base) chunks(ctx context.Context, out *Queue, r *wav.Reader, name string, when func() (time.Duration, error)) error {
	stream, err := wav.NewStream(r)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		it := b.item(out, name)
		if cap(it.Audio) < ChunkSamples {
			it.Audio = make([]float32, ChunkSamples)
		}
		it.Audio = it.Audio[:ChunkSamples]
		it.Reset = first
		if _, err = stream.Read(it.Audio); err == nil {
			it.At, err = when()
		}
		if err != nil {
			out.Recycle(it)
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := b.put(ctx, out, it); err != nil {
			return err
		}
	}
}
