package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"atoll/model"
	"atoll/pipeline/source/wav"
)

func init() {
	register("wav", kind{
		modality: model.Audio,
		keys:     []string{"path", "loop", "pace"},
		open:     openWAV,
	})
}

// wavFiles plays WAV files one after the other, without a pause between them.
type wavFiles struct{ player }

func openWAV(b base) (Source, error) {
	p, err := newPlayer(b, ".wav", ".wave")
	if err != nil {
		return nil, err
	}
	return &wavFiles{player: p}, nil
}

func (s *wavFiles) Run(ctx context.Context, out *Queue) error {
	p := s.pacer(chunkTime)
	return s.play(ctx, func(path string) error { return s.playOne(ctx, out, &p, path) })
}

// playOne delivers the whole chunks of one file.
func (s *wavFiles) playOne(ctx context.Context, out *Queue, p *pacer, path string) error {
	f, _, err := openFile(path)
	if err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	defer f.Close()
	r, err := wav.NewReader(f)
	if err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	name := filepath.Base(path)
	err = s.chunks(ctx, out, r, name, func() (time.Duration, error) { return p.wait(ctx, chunkTime) })
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", errBroken, err)
}

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
