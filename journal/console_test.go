package journal_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"atoll/journal"
	"atoll/journal/journaltest"
)

// consoleOnly begins a journal without files.
func consoleOnly(t *testing.T, w io.Writer) *journal.Journal {
	t.Helper()
	return open(t, nil, func(o *journal.Options) { o.Dir, o.FS, o.Console = "", nil, w })
}

func TestConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		j := consoleOnly(t, &out)
		log := j.Logger()
		time.Sleep(1500 * time.Millisecond)
		log.Info().Str("file", "a b.png").Int("faces", 1).Msg("found")
		log.Error().Err(errors.New("it \x1b[31mbroke")).Msg("bad \x1b[2J\nnews")
		if err := j.Sync(t.Context()); err != nil {
			t.Errorf("Sync without files: %v", err)
		}
		mustClose(t, j)
		want := "00:00:01.500 INF found faces=1 file=\"a b.png\"\n" +
			"00:00:01.500 ERR \"bad \\x1b[2J\\nnews\" error=\"it \\x1b[31mbroke\"\n"
		if got := out.String(); got != want {
			t.Errorf("console\n got %q\nwant %q", got, want)
		}
		if got := j.Stats(); got != (journal.Stats{}) {
			t.Errorf("stats %+v, want none", got)
		}
	})
}

func TestConsoleAndFiles(t *testing.T) {
	var out bytes.Buffer
	m := journaltest.New()
	j := open(t, m, func(o *journal.Options) { o.Console = &out })
	log := j.Logger()
	log.Warn().Msg("both")
	mustClose(t, j)
	if all, _ := records(t, m); len(all) != 1 || !strings.Contains(out.String(), "WRN both") {
		t.Errorf("file %q, console %q: want the record on both", messages(all), out.String())
	}
}

func TestColourOnlyOnATerminalThatWantsIt(t *testing.T) {
	for _, c := range []struct {
		name, noColor, term string
		terminal, want      bool
	}{
		{"terminal", "", "xterm", true, true},
		{"NO_COLOR", "1", "xterm", true, false},
		{"dumb terminal", "", "dumb", true, false},
		{"pipe", "", "xterm", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", c.noColor)
			t.Setenv("TERM", c.term)
			show, read := newPipe(t)
			if c.terminal {
				show, read = newTerminal(t)
			}
			j := consoleOnly(t, show)
			log := j.Logger()
			log.Info().Msg("hello")
			mustClose(t, j)
			if got := strings.Contains(read(), "\x1b["); got != c.want {
				t.Errorf("coloured %v, want %v", got, c.want)
			}
		})
	}
}

func newPipe(t *testing.T) (w *os.File, read func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	return w, func() string { return readSome(t, r) }
}

func readSome(t *testing.T, r io.Reader) string {
	t.Helper()
	b := make([]byte, 1000)
	n, err := r.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// stuck is a console that nobody reads until it is released.
type stuck struct {
	gate chan struct{}
	mu   sync.Mutex
	buf  bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.gate
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func TestStuckConsoleHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{gate: make(chan struct{})}
		m := journaltest.New()
		j := open(t, m, func(o *journal.Options) { o.Console = out; o.QueueBytes = 1 << 20 })
		numbered(j, 0, 1)
		synctest.Wait()
		numbered(j, 1, 2000)
		if err := j.Sync(t.Context()); err != nil {
			t.Errorf("Sync: %v", err)
		}
		start := time.Now()
		mustClose(t, j)
		if got := time.Since(start); got != 2*time.Second {
			t.Errorf("Close took %v, want its deadline", got)
		}
		all, _ := records(t, m)
		checkRun(t, all, 0, 2000)
		lost := j.Stats().ConsoleLost
		if lost < 1000 || j.Stats().Lost != 0 {
			t.Errorf("stats %+v, want losses on the console only", j.Stats())
		}
		close(out.gate)
		synctest.Wait()
		if got := strings.Count(out.buf.String(), "INF record"); int64(got) != 2000-lost {
			t.Errorf("%d shown, want %d", got, 2000-lost)
		}
		if !strings.Contains(out.buf.String(), "WRN log gap") {
			t.Error("the console does not tell of its gap")
		}
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestBrokenConsoleIsCounted(t *testing.T) {
	j := consoleOnly(t, broken{})
	numbered(j, 0, 5)
	mustClose(t, j)
	if got := j.Stats().ConsoleLost; got < 5 {
		t.Errorf("%d lost, want all 5", got)
	}
}

func TestConsoleLevel(t *testing.T) {
	var shown bytes.Buffer
	dir := t.TempDir()
	j, err := journal.Open(journal.Options{Dir: dir, Console: &shown, ConsoleLevel: zerolog.WarnLevel})
	if err != nil {
		t.Fatal(err)
	}
	log := j.Logger()
	log.Info().Msg("quiet")
	log.Warn().Msg("loud")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if got := shown.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "loud") {
		t.Errorf("console shows %q, want warnings only", got)
	}
	var logged []string
	if _, err := journal.Read(dir, func(r journal.Record) error { logged = append(logged, r.Message); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(logged, []string{"quiet", "loud"}) {
		t.Errorf("files hold %q, want both", logged)
	}
}
