package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	maxHeaderLines = 64
	headerBuffer   = 4 << 10 // also the longest header line
)

var errNoBoundary = errors.New("no boundary between pictures")

// partReader takes a multipart/x-mixed-replace body apart (RFC 2046, section 5.1) as cameras really send it: with or without
// Content-Length, or with a wrong one; the boundary announced with its dashes or sent without them, or not announced at all; no line
// end between a picture and the boundary.
type partReader struct {
	r      *bufio.Reader
	token  []byte // the boundary without dashes around it; nil: that of the first line that begins with two
	limit  int    // bytes of a part
	inside bool   // the boundary before the next part has been read
}

func newPartReader(r io.Reader, boundary string, limit int) *partReader {
	return &partReader{r: bufio.NewReaderSize(r, headerBuffer), token: []byte(strings.Trim(boundary, "-")), limit: limit}
}

// boundaryOf returns the boundary a Content-Type announces, "" if none. It takes what mime.ParseMediaType refuses, like an unquoted
// boundary with a slash.
func boundaryOf(contentType string) string {
	_, params, _ := strings.Cut(contentType, ";")
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(key), "boundary") {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// next reads the next part's body into buf's memory and returns it, grown if need be. An empty body is possible.
func (p *partReader) next(buf []byte) ([]byte, error) {
	if !p.inside {
		if err := p.seek(); err != nil {
			return buf, err
		}
	}
	p.inside = false
	length, err := p.header()
	if err != nil {
		return buf, err
	}
	if length < 0 {
		return p.untilBoundary(buf[:0])
	}
	if length > p.limit {
		return buf, fmt.Errorf("part of %d bytes: at most %d are read", length, p.limit)
	}
	if cap(buf) < length {
		buf = make([]byte, length)
	}
	buf = buf[:length]
	_, err = io.ReadFull(p.r, buf)
	return buf, unexpected(err)
}

// seek skips to the next boundary, through what a wrong Content-Length left unread.
func (p *partReader) seek() error {
	skipped := 0
	for {
		line, err := p.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if len(p.token) == 0 && bytes.HasPrefix(line, []byte("--")) {
			p.token = bytes.Clone(trimDashes(line))
		}
		if p.boundary(line) >= 0 {
			return nil
		}
		if skipped += len(line); skipped > p.limit {
			return fmt.Errorf("%w %q in %d bytes", errNoBoundary, p.token, skipped)
		}
	}
}

// header reads up to the empty line and returns the Content-Length, or -1 if there is none that can be used.
func (p *partReader) header() (length int, err error) {
	length = -1
	for range maxHeaderLines {
		line, err := p.r.ReadSlice('\n')
		if err != nil {
			return 0, fmt.Errorf("read a part's header: %w", unexpected(err))
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			return length, nil
		}
		key, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(bytes.TrimSpace(key), []byte("Content-Length")) {
			continue
		}
		if n, err := strconv.Atoi(string(bytes.TrimSpace(value))); err == nil && n > 0 {
			length = n
		}
	}
	return 0, fmt.Errorf("a part's header has more than %d lines", maxHeaderLines)
}

// untilBoundary appends to buf up to the next boundary.
func (p *partReader) untilBoundary(buf []byte) ([]byte, error) {
	start := 0 // of the line being read
	for {
		piece, err := p.r.ReadSlice('\n')
		if len(buf)+len(piece) > p.limit {
			return buf, fmt.Errorf("%w %q in %d bytes", errNoBoundary, p.token, p.limit)
		}
		buf = append(buf, piece...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if at := p.boundary(buf[start:]); at >= 0 {
			p.inside = true
			return trimLineEnd(buf[:start+at]), nil
		}
		if err != nil {
			return buf, unexpected(err)
		}
		start = len(buf)
	}
}

// boundary returns where in line, the last line read, the boundary begins, or -1. It counts only at the start of a line or right
// after the end of a JPEG, and to the end of the line: anything else is picture.
func (p *partReader) boundary(line []byte) int {
	if len(p.token) == 0 {
		return -1
	}
	text := bytes.TrimRight(bytes.TrimRight(line, "\r\n \t"), "-")
	head, ok := bytes.CutSuffix(text, p.token)
	if !ok {
		return -1
	}
	head = bytes.TrimRight(head, "-")
	if len(head) == 0 || bytes.HasSuffix(head, []byte{0xFF, 0xD9}) {
		return len(head)
	}
	return -1
}

func trimDashes(line []byte) []byte { return bytes.Trim(bytes.TrimSpace(line), "-") }

// trimLineEnd removes the line end that belongs to the boundary after it.
func trimLineEnd(b []byte) []byte {
	b, _ = bytes.CutSuffix(b, []byte("\n"))
	b, _ = bytes.CutSuffix(b, []byte("\r"))
	return b
}
