package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"atoll/model"
)

func init() {
	register("lines", kind{
		modality: model.Text,
		keys:     []string{"path", "interval"},
		stdin:    readsStdin,
		open:     openLines,
	})
}

// lines reads a file once, a line every cfg.Interval (default 1 s); or standard input (the default path), as lines come in and at
// least cfg.Interval (default 0) apart.
type lines struct{ speaker }

func readsStdin(c Config) bool { return c.Path == "" || c.Path == "-" }

func openLines(b base) (Source, error) {
	if readsStdin(b.cfg) {
		if b.env.Stdin == nil {
			return nil, errNoStdin
		}
		return &lines{speaker{base: b}}, nil
	}
	f, _, err := OpenFile(b.cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("path: %w (kind fifo reads a FIFO, kind tail follows a file)", err)
	}
	f.Close()
	if b.cfg.Interval.Duration == 0 {
		b.cfg.Interval = Duration{Duration: time.Second}
	}
	return &lines{speaker{base: b}}, nil
}

func (s *lines) Run(ctx context.Context, out *Queue) error {
	s.ctx, s.out = ctx, out
	in, release, emit, err := s.input()
	if err != nil {
		return err
	}
	defer release()
	err = readLines(ctx, in, s.newSplitter(), make([]byte, textBuffer), emit)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && !errors.Is(err, ErrClosed) {
		return fmt.Errorf("read lines: %w", err)
	}
	return err
}

// input opens what the lines come from, and says how each is delivered.
func (s *lines) input() (in io.Reader, release func(), emit func(string) error, err error) {
	if readsStdin(s.cfg) {
		in, release, err = interruptible(s.ctx, s.env.Stdin)
		return in, release, s.sayApart(), err
	}
	f, _, err := OpenFile(s.cfg.Path)
	if err != nil {
		return nil, nil, nil, err
	}
	p := s.pacer(0)
	return f, func() { f.Close() }, func(text string) error {
		at, err := p.wait(s.ctx, s.cfg.Interval.Duration)
		if err != nil {
			return err
		}
		return s.say(at, text)
	}, nil
}

// sayApart delivers lines as they come, but no closer than the interval.
func (s *lines) sayApart() func(string) error {
	next := time.Duration(0)
	return func(text string) error {
		if err := s.env.Clock.Sleep(s.ctx, next); err != nil {
			return err
		}
		next = s.env.Clock.Now() + s.cfg.Interval.Duration
		return s.sayNow(text)
	}
}
