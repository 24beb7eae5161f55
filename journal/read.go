package journal

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/rs/zerolog"
)

// Record is one line of the log.
type Record struct {
	Time    time.Time // wall clock, UTC
	Boot    string    // boot id
	Mono    time.Duration
	Level   zerolog.Level // NoLevel if it has none
	Message string
	Line    []byte // the whole object, without line feed; valid until the callback returns
}

// Summary counts what Read found.
type Summary struct {
	Files   int
	Records int64
	Torn    int64 // lines skipped: torn, damaged or not the journal's
}

// Read hands all records in a folder of logs to each, in the order in which they were written: by boot and, within
// a boot, by rising Mono. It may run while a Journal writes there; a line being written counts as torn then. It ends with the first
// error of each.
func Read(dir string, each func(Record) error) (Summary, error) {
	return ReadFS(os.DirFS(dir), each)
}

// ReadFS is Read for the root folder of a file system.
func ReadFS(fsys fs.FS, each func(Record) error) (Summary, error) {
	var sum Summary
	found, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return sum, fmt.Errorf("list logs: %w", err)
	}
	var seqs []int64
	for _, d := range found {
		if seq, ok := parseName(d.Name()); ok && d.Type().IsRegular() {
			seqs = append(seqs, seq)
		}
	}
	slices.SortFunc(seqs, cmp.Compare[int64])
	buffer := bufio.NewReaderSize(nil, maxLine)
	for _, seq := range seqs {
		f, err := fsys.Open(fileName(seq))
		if errors.Is(err, fs.ErrNotExist) {
			continue // made room for newer ones since
		}
		if err != nil {
			return sum, fmt.Errorf("open log: %w", err)
		}
		sum.Files++
		buffer.Reset(f)
		err = sum.read(buffer, each)
		_ = f.Close()
		if err != nil {
			return sum, fmt.Errorf("read %s: %w", fileName(seq), err)
		}
	}
	return sum, nil
}

// read hands on the records of one file.
func (s *Summary) read(r *bufio.Reader, each func(Record) error) error {
	for {
		line, err := r.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull) // longer than any record
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = r.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			if long || len(line) > 0 {
				s.Torn++
			}
			return nil
		}
		if err != nil {
			return err
		}
		record, ok := parseLine(line)
		if long || !ok {
			s.Torn++
			continue
		}
		s.Records++
		if err := each(record); err != nil {
			return err
		}
	}
}

// parseLine reads a record. The stamp is taken from its fixed place, so that fields of the same name cannot pose as it.
func parseLine(line []byte) (r Record, ok bool) {
	r.Line = bytes.TrimSuffix(line, newline)
	stamp, rest, ok := cutField(r.Line, `{"time":"`, '"')
	if !ok {
		return r, false
	}
	var err error
	if r.Time, err = time.Parse(timeLayout, string(stamp)); err != nil {
		return r, false
	}
	boot, rest, ok := cutField(rest, `,"boot":"`, '"')
	if r.Boot = string(boot); !ok || !validBoot(r.Boot) {
		return r, false
	}
	digits, ok := bytes.CutPrefix(rest, []byte(`,"mono":`))
	end := bytes.IndexAny(digits, ",}")
	if !ok || end < 0 {
		return r, false
	}
	mono, err := strconv.ParseInt(string(digits[:end]), 10, 64)
	if err != nil {
		return r, false
	}
	r.Mono = time.Duration(mono)
	r.Level = zerolog.NoLevel
	if name, _, ok := cutField(digits[end:], `,"level":"`, '"'); ok {
		if level, err := zerolog.ParseLevel(string(name)); err == nil {
			r.Level = level
		}
	}
	if !json.Valid(r.Line) {
		return r, false
	}
	if message := messageOf(line); message != nil {
		quoted := line[len(line)-len(message)-len("\"\"}\n") : len(line)-len("}\n")]
		err = json.Unmarshal(quoted, &r.Message)
	}
	return r, err == nil
}

// cutField splits what stands between prefix and end from what follows.
func cutField(b []byte, prefix string, end byte) (value, rest []byte, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte(prefix))
	if !ok {
		return nil, nil, false
	}
	i := bytes.IndexByte(b, end)
	if i < 0 {
		return nil, nil, false
	}
	return b[:i], b[i+1:], true
}
