package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"atoll/model"
)

func init() {
	register("raw", kind{
		modality: model.Vision,
		keys:     []string{"format", "width", "height"},
		stdin:    func(Config) bool { return true },
		open:     openRaw,
	})
}

// raw sees frames without headers on standard input: cfg.Width x cfg.Height pixels in cfg.Format (default rgb24).
type raw struct {
	base
	format rawFormat
	frame  []byte
}

// rawFormat is one way to store a frame. Planes follow each other without padding; names are ffmpeg's.
type rawFormat struct {
	half    int                             // bytes per two pixels
	evenX   bool                            // width must be even
	evenY   bool                            // height must be even
	convert func(dst, src []byte, w, h int) // to RGB; nil: it is RGB
}

var rawFormats = map[string]rawFormat{
	"rgb24": {half: 6},
	"bgr24": {half: 6, convert: fromBGR},
	"gray8": {half: 2, convert: fromGray},
	"yuyv":  {half: 4, evenX: true, convert: fromYUYV},
	"nv12":  {half: 3, evenX: true, evenY: true, convert: fromNV12},
	"i420":  {half: 3, evenX: true, evenY: true, convert: fromI420},
}

func openRaw(b base) (Source, error) {
	if b.env.Stdin == nil {
		return nil, errNoStdin
	}
	if b.cfg.Format == "" {
		b.cfg.Format = "rgb24"
	}
	f, ok := rawFormats[b.cfg.Format]
	if !ok {
		return nil, fmt.Errorf("unknown format %q: use %s", b.cfg.Format, strings.Join(slices.Sorted(maps.Keys(rawFormats)), ", "))
	}
	w, h := b.cfg.Width, b.cfg.Height
	if err := checkSize(w, h, MaxPixels); err != nil {
		return nil, fmt.Errorf("width and height: %w", err)
	}
	if f.evenX && w%2 != 0 || f.evenY && h%2 != 0 {
		return nil, fmt.Errorf("%s frames of %dx%d pixels: two pixels share their colour, so the size must be even", b.cfg.Format, w, h)
	}
	return &raw{base: b, format: f}, nil
}

func (s *raw) Run(ctx context.Context, out *Queue) error {
	in, release, err := interruptible(ctx, s.env.Stdin)
	if err != nil {
		return err
	}
	defer release()
	s.frame = make([]byte, s.cfg.Width*s.cfg.Height*s.format.half/2)
	for {
		n, err := io.ReadFull(in, s.frame)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			s.env.Counters.Broken.Add(1)
			s.log.Warn().Int("bytes", n).Int("want", len(s.frame)).
				Msg("the last frame on standard input is short: check width, height and format")
			return nil
		case err != nil:
			return fmt.Errorf("read frames from standard input: %w", err)
		}
		it := s.item(out, "")
		it.At = s.env.Clock.Now()
		it.Image.Resize(s.cfg.Width, s.cfg.Height)
		if s.format.convert == nil {
			copy(it.Image.Pix, s.frame)
		} else {
			s.format.convert(it.Image.Pix, s.frame, s.cfg.Width, s.cfg.Height)
		}
		if err := s.put(ctx, out, it); err != nil {
			return err
		}
	}
}

func fromBGR(dst, src []byte, _, _ int) {
	for i := 0; i+3 <= len(src); i += 3 {
		dst[i], dst[i+1], dst[i+2] = src[i+2], src[i+1], src[i]
	}
}

func fromGray(dst, src []byte, _, _ int) {
	for i, v := range src {
		p := dst[3*i:][:3]
		p[0], p[1], p[2] = v, v, v
	}
}

func fromYUYV(dst, src []byte, _, _ int) {
	for ; len(src) >= 4; src, dst = src[4:], dst[6:] {
		u, v := int32(src[1]), int32(src[3])
		videoRange(dst, int32(src[0]), u, v)
		videoRange(dst[3:], int32(src[2]), u, v)
	}
}

// fromNV12 reads luma, then interleaved chroma of half the size.
func fromNV12(dst, src []byte, w, h int) {
	chroma := src[w*h:]
	fromPlanes(dst, src, chroma, chroma[1:], w, h, 2)
}

// fromI420 reads luma, then U, then V of half the size.
func fromI420(dst, src []byte, w, h int) {
	u := src[w*h:]
	fromPlanes(dst, src, u, u[w*h/4:], w, h, 1)
}

// fromPlanes reads 4:2:0 video; step is the distance of one chroma sample from the next.
func fromPlanes(dst, luma, u, v []byte, w, h, step int) {
	for y := range h {
		row := luma[y*w:][:w]
		c := y / 2 * (w / 2) * step
		for x := 0; x < w; x += 2 {
			at := 3 * (y*w + x)
			cb, cr := int32(u[c]), int32(v[c])
			videoRange(dst[at:], int32(row[x]), cb, cr)
			videoRange(dst[at+3:], int32(row[x+1]), cb, cr)
			c += step
		}
	}
}
