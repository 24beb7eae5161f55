package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"atoll/journal"
	"atoll/journal/journaltest"

	"github.com/rs/zerolog"
)

const (
	logDir   = "/state/log"
	testBoot = "0b0e7c5a-1d5e-4f4e-9a6b-3c2d1e0f9a8b"
)

// newRoot returns a root folder with the boot id in its /proc.
func newRoot(t *testing.T, boot string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "proc/sys/kernel/random")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "boot_id"), []byte(boot+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

// open begins a journal on a fake file system and clock; the changes apply last.
func open(t *testing.T, m journal.FS, changes ...func(*journal.Options)) *journal.Journal {
	t.Helper()
	o := journal.Options{Dir: logDir, FS: m, Root: newRoot(t, testBoot), Clock: journaltest.NewClock(time.Hour), FoldBurst: 1 << 20}
	for _, change := range changes {
		change(&o)
	}
	j, err := journal.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// records reads all records of a fake file system's log; lines are copied.
func records(t *testing.T, m *journaltest.FS) ([]journal.Record, journal.Summary) {
	t.Helper()
	var all []journal.Record
	sum, err := journal.ReadFS(m.Reader(logDir), func(r journal.Record) error {
		r.Line = bytes.Clone(r.Line)
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, sum
}

// number returns a field of a record, or -1. It looks for the text, because tests read very many records.
func number(t *testing.T, r journal.Record, key string) int64 {
	t.Helper()
	_, after, ok := bytes.Cut(r.Line, []byte(`"`+key+`":`))
	if !ok {
		return -1
	}
	n, err := strconv.ParseInt(string(after[:bytes.IndexAny(after, ",}")]), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", r.Line, err)
	}
	return n
}

func messages(all []journal.Record) (m []string) {
	for _, r := range all {
		m = append(m, r.Message)
	}
	return m
}

func mustClose(t *testing.T, j *journal.Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRecordFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m)
		log := j.Logger()
		time.Sleep(5 * time.Nanosecond) // fake time
		log.Info().Int("faces", 2).Msg("found")
		log.Log().Send()
		log.Warn().Str("time", "late").Int("mono", 7).Str("level", "none").Str("message", "inner").Msg(`say "hi"`)
		log.Info().RawJSON("raw", []byte("{\n\"a\":\n1}")).Msg("raw")
		mustClose(t, j)

		got, sum := records(t, m)
		want := `{"time":"2000-01-01T00:00:00.000000005Z","boot":"` + testBoot + `","mono":3600000000005,"level":"info","faces":2,"message":"found"}`
		if string(got[0].Line) != want {
			t.Errorf("line\n got %s\nwant %s", got[0].Line, want)
		}
		if want := strings.Replace(want[:strings.Index(want, `,"level"`)], "}", "", 1) + "}"; string(got[1].Line) != want {
			t.Errorf("empty event\n got %s\nwant %s", got[1].Line, want)
		}
		r := got[2]
		if r.Message != `say "hi"` || r.Level != zerolog.WarnLevel || r.Mono != time.Hour+5 || r.Boot != testBoot || r.Time.Year() != 2000 {
			t.Errorf("fields named like the stamp: got %+v", r)
		}
		if got, want := sum, (journal.Summary{Files: 1, Records: 4}); got != want {
			t.Errorf("summary %+v, want %+v", got, want)
		}
	})
}

func TestLevelAndSubLoggers(t *testing.T) {
	m := journaltest.New()
	j := open(t, m, func(o *journal.Options) { o.Level = zerolog.WarnLevel })
	log := j.Logger().With().Str("part", "engine").Logger()
	log.Info().Msg("no")
	log.Warn().Msg("yes")
	mustClose(t, j)
	got, _ := records(t, m)
	if len(got) != 1 || got[0].Message != "yes" || !strings.Contains(string(got[0].Line), `"part":"engine"`) {
		t.Errorf("got %q, want one record of part engine", messages(got))
	}
}

// durable returns what a power cut now would leave.
func durable(t *testing.T, m *journaltest.FS) []string {
	t.Helper()
	got, _ := records(t, m.Reboot(nil))
	return messages(got)
}

func TestSyncAtInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m, func(o *journal.Options) { o.SyncInterval = 3 * time.Second })
		log := j.Logger()
		log.Info().Msg("one")
		time.Sleep(3*time.Second - 1)
		synctest.Wait()
		if got := durable(t, m); len(got) != 0 {
			t.Errorf("before the interval: %q durable, want nothing", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := durable(t, m); len(got) != 1 {
			t.Errorf("after the interval: %q durable, want one", got)
		}
		calls := m.Calls()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := m.Calls(); got != calls {
			t.Errorf("%d operations while idle, want none", got-calls)
		}
	})
}

func TestErrorsAreSyncedAtOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		log  func(*zerolog.Logger)
		want int
	}{
		{"info", func(l *zerolog.Logger) { l.Info().Msg("x") }, 0},
		{"no level", func(l *zerolog.Logger) { l.Log().Msg("x") }, 0},
		{"error", func(l *zerolog.Logger) { l.Error().Msg("x") }, 1},
		{"info before error", func(l *zerolog.Logger) { l.Info().Msg("x"); l.Error().Msg("x") }, 2},
		{"panic", func(l *zerolog.Logger) {
			defer func() { _ = recover() }()
			l.Panic().Msg("x")
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := journaltest.New()
				log := open(t, m).Logger()
				c.log(&log)
				if c.name != "panic" { // synced before it unwinds
					synctest.Wait()
				}
				if got := len(durable(t, m)); got != c.want {
					t.Errorf("%d records durable, want %d", got, c.want)
				}
			})
		})
	}
}

func TestFatalClosesTheJournal(t *testing.T) {
	exited := false
	zerolog.FatalExitFunc = func() { exited = true }
	defer func() { zerolog.FatalExitFunc = nil }()
	m := journaltest.New()
	j := open(t, m)
	log := j.Logger()
	log.Fatal().Msg("the end")
	if got := durable(t, m); !exited || len(got) != 1 {
		t.Errorf("exited %v with %q durable, want the record", exited, got)
	}
	if err := j.Sync(context.Background()); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Sync after Fatal: %v, want ErrClosed", err)
	}
}

func TestAfterClose(t *testing.T) {
	m := journaltest.New()
	j := open(t, m)
	log := j.Logger()
	mustClose(t, j)
	mustClose(t, j) // twice is fine
	log.Error().Msg("too late")
	if got := j.Stats(); got.Lost != 1 || got.Written != 0 {
		t.Errorf("stats %+v, want one lost", got)
	}
}

func TestLongRecordsAreCut(t *testing.T) {
	m := journaltest.New()
	j := open(t, m)
	log := j.Logger()
	log.Info().Bytes("blob", make([]byte, 1<<20)).Msg("big")
	log.Warn().Msg(strings.Repeat("ä\"", 100_000))
	mustClose(t, j)
	got, sum := records(t, m)
	if sum.Records != 2 || sum.Torn != 0 {
		t.Fatalf("summary %+v, want two records", sum)
	}
	if got[0].Message != "big" || number(t, got[0], "cut") < 1<<20 {
		t.Errorf("got %s, want the message and how much was cut", got[0].Line)
	}
	if want := strings.Repeat("ä\"", 64); got[1].Message != want || got[1].Level != zerolog.WarnLevel {
		t.Errorf("got message %q, want %q", got[1].Message, want)
	}
}

func TestModesOnDisk(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "state/log")
	j, err := journal.Open(journal.Options{Dir: dir, ReserveBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	log := j.Logger()
	log.Info().Msg("hello")
	mustClose(t, j)
	for path, want := range map[string]fs.FileMode{
		filepath.Dir(dir): fs.ModeDir | 0o750,
		dir:               fs.ModeDir | 0o750,
		filepath.Join(dir, "journal-000000000001.jsonl"): 0o640,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("mode of %s: %v, want %v", path, info.Mode(), want)
		}
	}
	sum, err := journal.Read(dir, func(r journal.Record) error {
		if r.Boot == "unknown" || r.Mono <= 0 {
			t.Errorf("%s: want this machine's boot id and time since boot", r.Line)
		}
		return nil
	})
	if want := (journal.Summary{Files: 1, Records: 1}); err != nil || sum != want {
		t.Errorf("Read: %+v, %v, want %+v", sum, err, want)
	}
}

func TestUnknownBootIsSaid(t *testing.T) {
	for name, root := range map[string]string{"missing": t.TempDir(), "strange": newRoot(t, `"},{`)} {
		t.Run(name, func(t *testing.T) {
			m := journaltest.New()
			j := open(t, m, func(o *journal.Options) { o.Root = root })
			mustClose(t, j)
			got, _ := records(t, m)
			if len(got) != 1 || got[0].Message != "boot id unknown" || got[0].Boot != "unknown" {
				t.Errorf("got %q, want a warning", messages(got))
			}
		})
	}
}

func TestOptionsOutOfBounds(t *testing.T) {
	for want, o := range map[string]journal.Options{
		"needs a folder":       {},
		"files of 100 bytes":   {Dir: "x", FileBytes: 100},
		"8191 bytes of logs":   {Dir: "x", FileBytes: 4096, MaxBytes: 8191},
		"queue of 1 bytes":     {Dir: "x", QueueBytes: 1},
		"cannot be negative":   {Dir: "x", SyncInterval: -1},
		"files of -1 bytes":    {Dir: "x", FileBytes: -1},
		"-5 bytes of logs":     {Dir: "x", MaxBytes: -5},
		"fold burst and close": {Dir: "x", FoldBurst: -1},
	} {
		o.FS = journaltest.New()
		if _, err := journal.Open(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", o, err, want)
		}
	}
}

func TestParseLevel(t *testing.T) {
	for name, want := range map[string]zerolog.Level{
		"trace": zerolog.TraceLevel, "debug": zerolog.DebugLevel, "INFO": zerolog.InfoLevel,
		"warn": zerolog.WarnLevel, "error": zerolog.ErrorLevel, "off": zerolog.Disabled,
	} {
		if got, err := journal.ParseLevel(name); err != nil || got != want {
			t.Errorf("ParseLevel(%q) = %v, %v; want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "loud", "3", "fatal"} {
		if _, err := journal.ParseLevel(name); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
			t.Errorf("ParseLevel(%q): error %v, want one that names it", name, err)
		}
	}
}
