package source

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"atoll/model"
)

func init() {
	register("pictures", kind{
		modality: model.Vision,
		keys:     []string{"path", "interval", "loop"},
		open:     openPictures,
	})
}

// pictures shows JPEG and PNG files one after the other, each for cfg.Interval (default 1 s).
type pictures struct {
	player
	data []byte // of the current file, reused
}

func openPictures(b base) (Source, error) {
	p, err := newPlayer(b, ".jpg", ".jpeg", ".png")
	if err != nil {
		return nil, err
	}
	if p.cfg.Interval.Duration == 0 {
		p.cfg.Interval = Duration{Duration: time.Second}
	}
	return &pictures{player: p}, nil
}

func (s *pictures) Run(ctx context.Context, out *Queue) error {
	p := s.pacer(0)
	return s.play(ctx, func(path string) error { return s.show(ctx, out, &p, path) })
}

// show delivers one picture.
func (s *pictures) show(ctx context.Context, out *Queue, p *pacer, path string) error {
	it := s.item(out, filepath.Base(path))
	if err := s.load(path, &it.Image); err != nil {
		out.Recycle(it)
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	at, err := p.wait(ctx, s.cfg.Interval.Duration)
	if err != nil {
		out.Recycle(it)
		return err
	}
	it.At = at
	return s.put(ctx, out, it)
}

func (s *pictures) load(path string, into *Image) error {
	f, info, err := OpenFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	size := info.Size()
	if size > MaxPictureBytes {
		return fmt.Errorf("picture is larger than %d MiB", MaxPictureBytes>>20)
	}
	if int64(cap(s.data)) < size {
		s.data = make([]byte, size)
	}
	s.data = s.data[:size]
	if _, err := io.ReadFull(f, s.data); err != nil {
		return fmt.Errorf("read picture: %w", unexpected(err))
	}
	return decodePicture(s.data, into)
}
