package sim

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// traceVersion is that of trace files: JSON, a header on the first line and an arrival
// on each of the others, in order of time.
const traceVersion = 1

// maxLine bounds a line of a trace file, in bytes.
const maxLine = 1 << 20

// fileHeader is the first line.
type fileHeader struct {
	Trace int `json:"trace"` // version
	Header
}

// TraceWriter writes a trace while it is recorded. It keeps one line in memory.
type TraceWriter struct {
	w      *bufio.Writer
	course course
	line   []byte
}

// NewTraceWriter begins a file. It refuses a header that ReadTrace would.
func NewTraceWriter(w io.Writer, h Header) (*TraceWriter, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	line, err := json.Marshal(fileHeader{traceVersion, h})
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	if len(line) > maxLine {
		return nil, fmt.Errorf("trace: a header of %d bytes: up to %d", len(line), maxLine)
	}
	t := &TraceWriter{w: bufio.NewWriterSize(w, 64<<10), course: course{header: &h}}
	_, err = t.w.Write(append(line, '\n'))
	return t, err
}

// Arrival writes what arrives next, and allocates nothing. It refuses what ReadTrace
// would, and goes on after that. What fails to be written fails from then on.
func (t *TraceWriter) Arrival(a Arrival) error {
	if err := t.course.check(a); err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	line := append(t.line[:0], `{"at_ns":`...)
	line = strconv.AppendInt(line, int64(a.At), 10)
	line = append(line, `,"source":`...)
	line = strconv.AppendInt(line, int64(a.Source), 10)
	if len(a.Features) > 0 {
		line = append(line, `,"features":"`...)
		line = base64.StdEncoding.AppendEncode(line, a.Features)
		line = append(line, '"')
	}
	t.line = append(line, "}\n"...)
	_, err := t.w.Write(t.line)
	return err
}

// Flush hands on what is buffered: to be called at the end.
func (t *TraceWriter) Flush() error { return t.w.Flush() }

// WriteTrace writes a whole trace.
func WriteTrace(w io.Writer, t Trace) error {
	out, err := NewTraceWriter(w, t.Header)
	if err != nil {
		return err
	}
	for _, a := range t.Arrivals {
		if err := out.Arrival(a); err != nil {
			return err
		}
	}
	return out.Flush()
}

// ReadTrace reads a trace file, strictly. Its errors name the line.
func ReadTrace(r io.Reader) (t Trace, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	number := 0
	course := course{header: &t.Header}
	for lines.Scan() {
		number++
		if number == 1 {
			err = t.readHeader(lines.Bytes())
		} else {
			var a Arrival
			if err = decode(lines.Bytes(), &a); err == nil {
				err = course.check(a)
			}
			t.Arrivals = append(t.Arrivals, a)
		}
		if err != nil {
			return Trace{}, fmt.Errorf("trace, line %d: %w", number, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return Trace{}, fmt.Errorf("trace, line %d: longer than %d bytes", number+1, maxLine)
	case err != nil:
		return Trace{}, fmt.Errorf("trace, after line %d: %w", number, err)
	case len(t.Arrivals) == 0:
		return Trace{}, errors.New("trace: nothing arrives")
	}
	t.end()
	return t, nil
}

func (t *Trace) readHeader(line []byte) error {
	h := fileHeader{Header: Header{Work: 1}}
	if err := decode(line, &h); err != nil {
		return err
	}
	if h.Trace != traceVersion {
		return fmt.Errorf(`no trace of this version: the first line must begin with {"trace":%d`, traceVersion)
	}
	t.Header = h.Header
	return t.Header.check()
}

// end gives a trace that does not say how long it takes the time of its last arrival.
func (t *Trace) end() {
	if t.For > 0 {
		return
	}
	t.For = t.Arrivals[len(t.Arrivals)-1].At + 1
	var begun []Event
	for _, e := range t.Events {
		if e.Start < t.For {
			e.End = min(e.End, t.For)
			begun = append(begun, e)
		}
	}
	t.Events = begun
}

// decode reads one line of JSON and nothing else.
func decode(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("no line of a trace: %w", err)
	}
	if rest := line[d.InputOffset():]; len(bytes.TrimSpace(rest)) > 0 {
		return fmt.Errorf("no line of a trace: %.20q after its end", rest)
	}
	return nil
}
