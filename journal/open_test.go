package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"atoll/journal"
	"atoll/journal/journaltest"
)

func TestFolderThatCannotBeWritten(t *testing.T) {
	for _, c := range []struct {
		name string
		op   journaltest.Op
		err  error
		want string // of the hint
	}{
		{"read-only root", journaltest.Mkdir, syscall.EROFS, "mount it writable"},
		{"no right to make it", journaltest.Mkdir, syscall.EACCES, "give this user the right"},
		{"no right to list it", journaltest.List, syscall.EPERM, "give this user the right"},
		{"no right to write", journaltest.Append, syscall.EACCES, "give this user the right"},
		{"a file in the way", journaltest.List, syscall.ENOTDIR, "move away the file"},
		{"in use", journaltest.Lock, journal.ErrBusy, "stop the other process"},
		{"anything else", journaltest.List, syscall.ELOOP, "choose another"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := journaltest.New()
			m.SetFault(journaltest.FailAll(c.err, c.op))
			_, err := journal.Open(journal.Options{Dir: logDir, FS: m})
			var dir *journal.DirError
			if !errors.As(err, &dir) || !errors.Is(err, c.err) {
				t.Fatalf("error %v, want a DirError that wraps %v", err, c.err)
			}
			if dir.Dir != logDir || !strings.Contains(dir.Error(), c.want) || !strings.Contains(dir.Error(), logDir) {
				t.Errorf("error %v, want one that names the folder and says %q", err, c.want)
			}
			m.SetFault(nil)
			if j, err := journal.Open(journal.Options{Dir: logDir, FS: m}); err != nil {
				t.Errorf("open after the cause is gone: %v", err)
			} else {
				mustClose(t, j)
			}
		})
	}
}

func TestRealFolderErrors(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var want *journal.DirError
	for _, d := range []string{blocked, filepath.Join(blocked, "log")} {
		if _, err := journal.Open(journal.Options{Dir: d}); !errors.As(err, &want) || !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("Open(%s): %v, want a DirError for ENOTDIR", d, err)
		}
	}
	link := filepath.Join(dir, "log", "journal-000000000001.jsonl")
	if err := errors.Join(os.Mkdir(filepath.Dir(link), 0o750), os.Symlink(blocked, link)); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(journal.Options{Dir: filepath.Dir(link)}); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("log file is a link: %v, want ELOOP", err)
	}
}

func TestOneWriterPerFolder(t *testing.T) {
	dir := t.TempDir()
	first, err := journal.Open(journal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(journal.Options{Dir: dir}); !errors.Is(err, journal.ErrBusy) {
		t.Errorf("second writer: %v, want ErrBusy", err)
	}
	mustClose(t, first)
	second, err := journal.Open(journal.Options{Dir: dir})
	if err != nil {
		t.Fatalf("after the first has closed: %v", err)
	}
	mustClose(t, second)
}

// A disk that is full or failing at the start is no reason not to start.
func TestOpenOnFailingDisk(t *testing.T) {
	for _, op := range []journaltest.Op{journaltest.Mkdir, journaltest.Lock, journaltest.List, journaltest.Append, journaltest.SyncDir} {
		for _, errno := range []error{syscall.ENOSPC, syscall.EIO} {
			t.Run(string(op)+" "+errno.Error(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := journaltest.New()
					m.SetFault(journaltest.FailAll(errno, op))
					j := open(t, m)
					log := j.Logger()
					log.Info().Msg("kept")
					time.Sleep(30 * time.Second)
					if got := j.Stats(); !errors.Is(got.Err, errno) || got.Lost != 0 {
						t.Errorf("stats %+v, want the error and nothing lost", got)
					}
					m.SetFault(nil)
					time.Sleep(10 * time.Second)
					synctest.Wait()
					if got := j.Stats(); got.Err != nil {
						t.Errorf("still failing: %v", got.Err)
					}
					if got := strings.Join(durable(t, m), ","); got != "kept,log gap" {
						t.Errorf("durable: %s, want the record and the gap", got)
					}
				})
			})
		}
	}
}

// tails are ends of a log file and how many records and torn lines a reader finds after the next start.
var tails = []struct {
	name, tail    string
	records, torn int64
}{
	{"whole", `{"time":"2000-01-01T00:00:00.000000000Z","boot":"b","mono":1}` + "\n", 1, 0},
	{"half a line", `{"time":"2000-01-01T00:00:00.0`, 0, 1},
	{"line feed missing", `{"time":"2000-01-01T00:00:00.000000000Z","boot":"b","mono":1}`, 0, 1},
	{"zeros", strings.Repeat("\x00", 600), 0, 1},
	{"half a mark", `{"time":"20#to`, 0, 1},
	{"zeros in a line", `{"time":"2000-01-01T00:00:00.000000000Z","boot":"b","mono":1,"a":"` + "\x00\x00" + `"}` + "\n", 0, 1},
	{"too long for a mark", strings.Repeat("x", 4090), 0, 1},
	{"longer than a file", strings.Repeat("x", 70_000), 0, 1},
	{"empty", "", 0, 0},
}

func TestTornTailIsClosed(t *testing.T) {
	for _, c := range tails {
		t.Run(c.name, func(t *testing.T) {
			m := journaltest.New()
			m.Put(logDir+"/journal-000000000007.jsonl", []byte(c.tail))
			j := open(t, m, func(o *journal.Options) { o.FileBytes, o.MaxBytes = 4096, 80_000 })
			log := j.Logger()
			log.Info().Msg("after")
			mustClose(t, j)
			got, sum := records(t, m)
			unfinished := int64(0)
			if c.tail != "" && !strings.HasSuffix(c.tail, "\n") {
				unfinished = 1
			}
			if n := j.Stats().Torn; n != unfinished {
				t.Errorf("%d torn lines closed, want %d", n, unfinished)
			}
			if sum.Records != c.records+1+unfinished || sum.Torn != c.torn { // one more says so
				t.Errorf("read %+v, want %d records, %d torn", sum, c.records+1+unfinished, c.torn)
			}
			if last := got[len(got)-1]; last.Message != "after" {
				t.Errorf("last record %q, want the new one", last.Message)
			}
			if unfinished > 0 && got[len(got)-2].Message != "log was cut off" {
				t.Errorf("records %q, want one that tells of the torn line", messages(got))
			}
		})
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	m := journaltest.New()
	names := []string{"journal-1.jsonl", "journal-000000000003.jsonl.bak", "notes.txt", "journal-00000000000x.jsonl", "journal-+00000000001.jsonl"}
	for _, name := range names {
		m.Put(logDir+"/"+name, make([]byte, 100_000))
	}
	j := open(t, m, func(o *journal.Options) { o.FileBytes, o.MaxBytes = 4096, 8192 })
	log := j.Logger()
	for range 100 {
		log.Info().Msg("fill the files and drop the oldest")
	}
	mustClose(t, j)
	for _, name := range names {
		if f, err := m.Reader(logDir).Open(name); err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			_ = f.Close()
		}
	}
	if _, sum := records(t, m); sum.Files > 2 || sum.Torn != 0 {
		t.Errorf("read %+v, want at most 2 files", sum)
	}
}

func TestLastSequenceNumber(t *testing.T) {
	m := journaltest.New()
	m.Put(logDir+"/journal-999999999999.jsonl", make([]byte, 5000))
	_, err := journal.Open(journal.Options{Dir: logDir, FS: m, FileBytes: 4096, MaxBytes: 8192})
	if err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("error %v, want what to do", err)
	}
}
