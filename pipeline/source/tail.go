package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"atoll/model"
)

func init() {
	register("tail", kind{
		modality: model.Text,
		live:     true,
		keys:     []string{"path", "from_start"},
		open:     openTail,
	})
}

// tail follows a file that others append to: from its end, or with cfg.FromStart from its beginning. It follows the name, so a log
// that is rotated is read on in its successor, and one that is cut to nothing from its new start. The file may come into being later.
// The name, and any folder in it, may be a symbolic link: it is followed to where it leads by now. A folder that is no link and
// renamed is noticed only if it is the one that the file, or a link on the way to it, lies in.
type tail struct {
	speaker
	split *splitter
	buf   []byte
	file  *os.File    // nil while there is none
	info  os.FileInfo // of file, or of the last one
	at    int64       // how far file has been read
	begun bool        // a file that appears from now on is new: read from its start
}

func openTail(b base) (Source, error) {
	if b.cfg.Path == "" {
		return nil, errors.New("path is missing: name the file to follow")
	}
	if info, err := os.Stat(b.cfg.Path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file (kind fifo reads a FIFO)", b.cfg.Path)
	}
	if err := checkParent(b.cfg.Path); err != nil {
		return nil, err
	}
	return &tail{speaker: speaker{base: b}, begun: b.cfg.FromStart, buf: make([]byte, textBuffer)}, nil
}

func (s *tail) Run(ctx context.Context, out *Queue) error {
	s.ctx, s.out = ctx, out
	s.split = s.newSplitter()
	return s.retry(ctx, func(working func()) error {
		err := s.follow(ctx, working)
		if err != nil && !errors.Is(err, ErrClosed) {
			return fmt.Errorf("follow %s: %w", s.cfg.Path, err)
		}
		return err
	})
}

// follow reads what is appended until something fails.
func (s *tail) follow(ctx context.Context, working func()) error {
	w, err := newWatcher(s.cfg.Path)
	if err != nil {
		return err
	}
	defer w.f.Close()
	defer expire(ctx, w.f)()
	defer s.leave()
	for gone := false; ; {
		if err := s.catchUp(ctx, w); err != nil {
			return err
		}
		switch {
		case !w.gone && gone:
			s.log.Info().Msg("source works again")
		case w.gone && !gone:
			s.env.Counters.Retries.Add(1)
			s.log.Warn().Str("path", s.cfg.Path).Msg("the folder of the followed file is gone; it is read on once that is there again")
		}
		if !w.gone {
			working()
		}
		gone = w.gone
		if err := w.wait(); err != nil {
			return err
		}
	}
}

// catchUp reads all there is, in the file so far and in those that took its place.
func (s *tail) catchUp(ctx context.Context, w *watcher) error {
	for {
		if s.file != nil {
			if err := s.read(ctx); err != nil {
				return err
			}
		}
		info, err := os.Stat(s.cfg.Path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			s.begun = true
			return s.missing() // the folder's watch tells of the next
		case err != nil:
			return err
		case s.file != nil && os.SameFile(info, s.info):
			return nil
		}
		if s.file != nil { // what its writer added between the read and the rename
			if err := s.read(ctx); err != nil {
				return err
			}
		}
		if err := s.enter(w); err != nil {
			return err
		}
	}
}

// missing closes the file if it has been deleted and not just renamed: while it is open its folder lives on, and the kernel does not
// tell of the folder's end.
func (s *tail) missing() error {
	if s.file == nil {
		return nil
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if info.Sys().(*syscall.Stat_t).Nlink == 0 {
		s.leave()
		s.info = nil // its inode number may return as another file's
	}
	return nil
}

// enter goes over to the file that now lies at the path.
func (s *tail) enter(w *watcher) error {
	f, info, err := OpenFile(s.cfg.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // gone again
	}
	if err != nil {
		return err
	}
	last := s.info
	s.leave()
	if last == nil || !os.SameFile(last, info) {
		if err := s.split.flush(s.sayNow); err != nil { // the last line of the file before
			f.Close()
			return err
		}
		s.at = 0
		if !s.begun {
			s.at = info.Size()
		}
	}
	s.begun, s.file, s.info = true, f, info
	// Watched after it was opened and before it is read: no change is missed, and if the path leads to yet another file by now,
	// catchUp sees that.
	if err := w.watch(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// read delivers what was added to the file since the last time, or all of it if it was cut short.
func (s *tail) read(ctx context.Context) error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < s.at {
		s.at = 0
		if err := s.split.flush(s.sayNow); err != nil {
			return err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := s.file.ReadAt(s.buf, s.at)
		s.at += int64(n)
		if err := s.split.feed(s.buf[:n], s.sayNow); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// leave closes the file.
func (s *tail) leave() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}
