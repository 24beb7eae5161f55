package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// splitter cuts a stream of bytes into lines. It holds no more than max bytes of one, however long it is.
type splitter struct {
	max  int
	line []byte
	over bool   // the line is longer than what is held
	cut  func() // called for each line that was cut
}

// feed takes in b and calls emit for every line that it completes.
func (s *splitter) feed(b []byte, emit func(string) error) error {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			s.hold(b)
			return nil
		}
		s.hold(b[:i])
		if err := s.flush(emit); err != nil {
			return err
		}
		b = b[i+1:]
	}
}

// hold adds b to the line as far as there is room: max bytes and the CR of a CRLF.
func (s *splitter) hold(b []byte) {
	n := min(len(b), s.max+1-len(s.line))
	s.line = append(s.line, b[:n]...)
	s.over = s.over || n < len(b)
}

// flush calls emit for the line so far, as if it ended here. A blank line is skipped.
func (s *splitter) flush(emit func(string) error) error {
	line := s.line
	if !s.over {
		line = bytes.TrimSuffix(line, []byte("\r"))
	}
	cut := s.over || len(line) > s.max
	if cut {
		line = wholeRunes(line[:s.max])
	}
	text := strings.ToValidUTF8(string(line), "\uFFFD")
	if len(text) > s.max { // U+FFFD takes three bytes
		cut = true
		text = string(wholeRunes([]byte(text[:s.max])))
	}
	s.line, s.over = s.line[:0], false
	if cut {
		s.cut()
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return emit(text)
}

// wholeRunes removes a rune that was cut in two from the end of b.
func wholeRunes(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		tail := b[len(b)-i:]
		if utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// speaker delivers lines of text. It is safe for concurrent use, for sources with several writers.
type speaker struct {
	base
	mu  sync.Mutex
	ctx context.Context // of the run
	out *Queue
}

func (s *speaker) newSplitter() *splitter {
	return &splitter{max: MaxTextBytes, cut: func() { s.env.Counters.Cut.Add(1) }}
}

// say delivers one line taken at a time.
func (s *speaker) say(at time.Duration, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.item(s.out, "")
	it.At, it.Text = at, text
	return s.put(s.ctx, s.out, it)
}

// sayNow delivers one line taken now.
func (s *speaker) sayNow(text string) error { return s.say(s.env.Clock.Now(), text) }

// readLines feeds r to split until r ends, and then what is left as a last line. Its error is r's or emit's, nil for io.EOF.
func readLines(ctx context.Context, r io.Reader, split *splitter, buf []byte, emit func(string) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buf)
		if err := split.feed(buf[:n], emit); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF):
			return split.flush(emit)
		case err != nil:
			return err
		}
	}
}

// textBuffer is how much text is read at once.
const textBuffer = 16 << 10
