package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	"atoll/model"
	"atoll/pipeline/source/wav"
)

func init() {
	register("pcm", kind{
		modality: model.Audio,
		keys:     []string{"format", "rate", "channels"},
		stdin:    func(Config) bool { return true },
		open:     openPCM,
	})
}

// pcm hears headerless sound on standard input: cfg.Format s16le (default) or f32le, cfg.Rate (default 16000 Hz), cfg.Channels
// (default 1).
type pcm struct {
	base
	format wav.Format
}

func openPCM(b base) (Source, error) {
	if b.env.Stdin == nil {
		return nil, errNoStdin
	}
	f := wav.Format{Encoding: wav.S16, Rate: SampleRate, Channels: 1}
	switch b.cfg.Format {
	case "", "s16le":
	case "f32le":
		f.Encoding = wav.F32
	default:
		return nil, fmt.Errorf("unknown format %q: use s16le or f32le", b.cfg.Format)
	}
	if b.cfg.Rate != 0 {
		f.Rate = b.cfg.Rate
	}
	if b.cfg.Channels != 0 {
		f.Channels = b.cfg.Channels
	}
	if err := f.Check(); err != nil {
		return nil, err
	}
	return &pcm{base: b, format: f}, nil
}

func (s *pcm) Run(ctx context.Context, out *Queue) error {
	in, release, err := interruptible(ctx, s.env.Stdin)
	if err != nil {
		return err
	}
	defer release()
	r, err := wav.NewPCM(in, s.format)
	if err != nil {
		return err
	}
	err = s.chunks(ctx, out, r, "", func() (time.Duration, error) { return s.env.Clock.Now(), nil })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && !errors.Is(err, ErrClosed) {
		return fmt.Errorf("read sound from standard input: %w", err)
	}
	return err
}
