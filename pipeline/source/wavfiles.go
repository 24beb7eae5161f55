package source

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"atoll/model"
	"atoll/pipeline/source/wav"
)

func init() {
	register("wav", kind{
		modality: model.Audio,
		keys:     []string{"path", "loop"},
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

// playOne delivers the whole chunks of one file, also of one that is cut short.
func (s *wavFiles) playOne(ctx context.Context, out *Queue, p *pacer, path string) error {
	f, _, err := OpenFile(path)
	if err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	defer f.Close()
	r, err := wav.NewReader(f)
	if err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	name, before := filepath.Base(path), s.seq
	err = s.chunks(ctx, out, r, name, func() (time.Duration, error) { return p.wait(ctx, chunkTime) })
	if ctx.Err() != nil || errors.Is(err, ErrClosed) {
		return err
	}
	if err == nil && s.seq == before {
		err = fmt.Errorf("recording is shorter than %v", chunkTime)
	}
	if errors.Is(err, wav.ErrTruncated) && s.seq > before {
		s.warn(path, err, "a file is cut short: played up to there")
		err = nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	return nil
}
