package journal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"atoll/journal"
	"atoll/journal/journaltest"

	"github.com/rs/zerolog"
)

const goodLine = `{"time":"2026-01-02T03:04:05.000000006Z","boot":"b-1","mono":7,"level":"error","n":1,"message":"a\tb"}` + "\n"

func TestReadSkipsDamage(t *testing.T) {
	for name, line := range map[string]string{
		"empty line":        "\n",
		"no stamp":          `{"message":"x"}` + "\n",
		"stamp only begun":  `{"time":"2026-01-02T03:04:05.000000006Z"}` + "\n",
		"not a time":        strings.Replace(goodLine, "2026-01", "2026-13", 1),
		"short time":        strings.Replace(goodLine, ".000000006", ".006", 1),
		"strange boot":      strings.Replace(goodLine, "b-1", `b\"`, 1),
		"no mono":           strings.Replace(goodLine, `"mono":7,`, "", 1),
		"mono not a number": strings.Replace(goodLine, `:7`, `:"7"`, 1),
		"mono too large":    strings.Replace(goodLine, `:7`, `:99999999999999999999`, 1),
		"zeros inside":      strings.Replace(goodLine, "a", "\x00", 1),
		"marked":            goodLine[:len(goodLine)-1] + "#torn\n",
		"unfinished":        goodLine[:20] + "\n",
		"two in one":        goodLine[:20] + goodLine,
		"long before one":   strings.Repeat("x", 64<<10) + goodLine,
		"longer than any":   strings.Replace(goodLine, `"n":1`, `"n":`+strings.Repeat("1", 70_000), 1),
	} {
		t.Run(name, func(t *testing.T) {
			m := journaltest.New()
			m.Put(logDir+"/journal-000000000001.jsonl", []byte(goodLine+line+goodLine))
			got, sum := records(t, m)
			if sum.Records != 2 || sum.Torn != 1 {
				t.Fatalf("read %+v, want 2 records and 1 torn", sum)
			}
			want := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
			if r := got[1]; !r.Time.Equal(want) || r.Boot != "b-1" || r.Mono != 7 || r.Level != zerolog.ErrorLevel || r.Message != "a\tb" {
				t.Errorf("after the damage: %+v", r)
			}
		})
	}
}

func TestReadInSequence(t *testing.T) {
	m := journaltest.New()
	for name, message := range map[string]string{"000000000010": "third", "000000000002": "first", "000000000009": "second"} {
		m.Put(logDir+"/journal-"+name+".jsonl", []byte(strings.Replace(goodLine, `a\tb`, message, 1)))
	}
	got, sum := records(t, m)
	if s := strings.Join(messages(got), ","); s != "first,second,third" || sum.Files != 3 {
		t.Errorf("read %s from %d files", s, sum.Files)
	}
}

func TestReadStopsAtTheCallersError(t *testing.T) {
	m := journaltest.New()
	m.Put(logDir+"/journal-000000000001.jsonl", []byte(goodLine+goodLine))
	enough := errors.New("enough")
	sum, err := journal.ReadFS(m.Reader(logDir), func(journal.Record) error { return enough })
	if !errors.Is(err, enough) || sum.Records != 1 {
		t.Errorf("read %+v, %v; want to stop after one record", sum, err)
	}
}

func TestReadOfNothing(t *testing.T) {
	if _, err := journal.Read(filepath.Join(t.TempDir(), "missing"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing folder: %v, want that it does not exist", err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "journal-000000000001.jsonl"), 0o750); err != nil {
		t.Fatal(err)
	}
	if sum, err := journal.Read(dir, nil); err != nil || sum != (journal.Summary{}) {
		t.Errorf("a folder named like a log: %+v, %v; want nothing", sum, err)
	}
}

// vanishing is a folder whose files are listed and then gone, as when a writer drops the oldest; broken ones fail to open.
type vanishing struct {
	fstest.MapFS
	err error
}

func (v vanishing) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, "journal-") {
		return nil, v.err
	}
	return v.MapFS.Open(name)
}

func TestReadWhileFilesAreDropped(t *testing.T) {
	files := fstest.MapFS{"journal-000000000001.jsonl": {Data: []byte(goodLine)}}
	if sum, err := journal.ReadFS(vanishing{files, fs.ErrNotExist}, nil); err != nil || sum.Files != 0 {
		t.Errorf("dropped file: %+v, %v; want to go on", sum, err)
	}
	if _, err := journal.ReadFS(vanishing{files, fs.ErrPermission}, nil); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("unreadable file: %v, want that", err)
	}
}

func addSeeds(f *testing.F) {
	f.Add([]byte(goodLine))
	f.Add([]byte(goodLine + goodLine[:40]))
	f.Add([]byte(goodLine[:len(goodLine)-1] + "#torn\n" + goodLine))
	for _, c := range tails {
		f.Add([]byte(c.tail))
	}
}

// Whatever is in a file: every line is a valid record or counted as torn.
func FuzzRead(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		files := fstest.MapFS{"journal-000000000001.jsonl": {Data: data}}
		sum, err := journal.ReadFS(files, func(r journal.Record) error {
			if !json.Valid(r.Line) || !bytes.Contains(data, r.Line) || bytes.Contains(r.Line, []byte("\n")) {
				t.Errorf("not a line of the file: %q", r.Line)
			}
			return nil
		})
		lines := int64(bytes.Count(data, []byte("\n")))
		if len(data) > 0 && data[len(data)-1] != '\n' {
			lines++
		}
		if err != nil || sum.Records+sum.Torn != lines {
			t.Errorf("%+v, %v; want %d lines", sum, err, lines)
		}
	})
}

// Whatever a power cut left in the last file: the next start goes on behind it and loses nothing that could be read.
func FuzzOpen(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := journaltest.New()
		m.Put(logDir+"/journal-000000000001.jsonl", data)
		before, _ := records(t, m)
		j, err := journal.Open(journal.Options{
			Dir: logDir, FS: m, FileBytes: 4096, MaxBytes: 1 << 30, QueueBytes: 16 << 10, Clock: journaltest.NewClock(0),
		})
		if err != nil {
			t.Fatal(err)
		}
		log := j.Logger()
		log.Info().Msg("after")
		mustClose(t, j)
		after, _ := records(t, m)
		for i, r := range before {
			if !bytes.Equal(after[i].Line, r.Line) {
				t.Fatalf("record %d was %q, is %q", i, r.Line, after[i].Line)
			}
		}
		news := after[len(before):]
		if len(news) == 0 || len(news) > 2 || news[len(news)-1].Message != "after" {
			t.Errorf("new records %q, want the one logged and at most one on the torn line", messages(news))
		}
	})
}
