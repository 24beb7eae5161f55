package journal_test

import (
	"bytes"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"atoll/journal"
	"atoll/journal/journaltest"
)

const unwritable = "WRN log files cannot be written"

// screen is a console that can be read while it is written.
type screen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// checkShown fails unless the console shows a line with all parts exactly n times.
func checkShown(t *testing.T, console string, n int, parts ...string) {
	t.Helper()
	got := 0
	for line := range strings.Lines(console) {
		has := true
		for _, part := range parts {
			has = has && strings.Contains(line, part)
		}
		if has {
			got++
		}
	}
	if got != n {
		t.Errorf("%d lines with %q, want %d, in\n%s", got, parts, n, console)
	}
}

// pass lets fake time pass and the journal do what is due.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestConsoleHearsOfAnOutage(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault journaltest.Fault
		want  string
	}{
		{"full", journaltest.FailAll(syscall.ENOSPC, journaltest.Write), "no space left"},
		{"read-only", journaltest.FailAll(syscall.EROFS), "read-only"},
		{"fsync fails", journaltest.FailAll(syscall.EIO, journaltest.Sync), "input/output"},
		{"cannot tell whether it is linked", journaltest.FailAll(syscall.EIO, journaltest.Stat), "input/output"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out screen
				m := journaltest.New()
				j := open(t, m, func(o *journal.Options) { o.Console, o.ConsoleLevel = &out, zerolog.WarnLevel })
				numbered(j, 0, 5)
				pass(time.Minute)
				m.SetFault(c.fault)
				numbered(j, 5, 10)
				pass(10 * time.Second)
				checkShown(t, out.String(), 1, unwritable, c.want, "dir="+logDir)
				pass(150 * time.Minute)
				checkShown(t, out.String(), 3, unwritable) // two hours more
				checkShown(t, out.String(), 0, "log gap")
				m.SetFault(nil)
				pass(10 * time.Second)
				checkShown(t, out.String(), 3, unwritable)
				checkShown(t, out.String(), 1, "WRN log gap", c.want, "lost=0", "dir="+logDir)
				m.SetFault(c.fault)
				numbered(j, 10, 11)
				pass(10 * time.Second)
				checkShown(t, out.String(), 4, unwritable)
				m.SetFault(nil)
				mustClose(t, j)
				all, _ := records(t, m)
				checkRun(t, all, 0, 11)
				if got := strings.Join(messages(all), ","); strings.Contains(got, "cannot be written") {
					t.Errorf("the files hold %s, want the warning on the console only", got)
				}
			})
		})
	}
}

func TestConsoleHearsOfADiskFullAtOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		m := journaltest.New()
		m.SetFault(journaltest.FailAll(syscall.ENOSPC, journaltest.Mkdir))
		j := open(t, m, func(o *journal.Options) { o.Console = &out })
		synctest.Wait()
		checkShown(t, out.String(), 1, unwritable, "no space left", "dir="+logDir)
		m.SetFault(nil)
		mustClose(t, j)
		checkShown(t, out.String(), 1, "WRN log gap")
	})
}

func TestConsoleLevelHoldsForOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		m := journaltest.New()
		m.SetFault(journaltest.FailAll(syscall.ENOSPC, journaltest.Write))
		j := open(t, m, func(o *journal.Options) { o.Console, o.ConsoleLevel = &out, zerolog.ErrorLevel })
		numbered(j, 0, 5)
		pass(time.Minute)
		if j.Close() == nil || out.String() != "" {
			t.Errorf("console shows %q, want no warnings", out.String())
		}
	})
}

func TestConsoleHearsOfRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		m := journaltest.New()
		j := open(t, m, func(o *journal.Options) { o.Console = &out })
		numbered(j, 0, 5)
		synctest.Wait()
		m.Delete(logDir)
		pass(6 * time.Second)
		checkShown(t, out.String(), 1, "WRN log gap", "lost=5", "was removed")
		checkShown(t, out.String(), 0, unwritable)
		mustClose(t, j)
	})
}

func TestCloseTellsOfLostLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		m := journaltest.New()
		j := open(t, m, func(o *journal.Options) { o.Console, o.QueueBytes = &out, 16<<10 })
		m.SetFault(journaltest.FailAll(syscall.ENOSPC, journaltest.Write))
		numbered(j, 0, 1)
		synctest.Wait()
		numbered(j, 1, 200) // the queue holds about half
		pass(time.Minute)
		if j.Close() == nil {
			t.Error("closed in order, want ENOSPC")
		}
		checkShown(t, out.String(), 1, unwritable)
		checkShown(t, out.String(), 1, "WRN log closed with a gap", "lost=200", "no space left", "outage_s=6", "dir="+logDir)
		if got := j.Stats(); got.Lost != 200 {
			t.Errorf("stats %+v, want 200 lost", got)
		}
	})
}

func TestCloseTellsOfAHungDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		m := journaltest.New()
		j := open(t, m, func(o *journal.Options) { o.Console = &out })
		release := hang(m, journaltest.Write)
		numbered(j, 0, 2)
		synctest.Wait()
		numbered(j, 2, 5)
		start := time.Now()
		if err := j.Close(); err == nil || !strings.Contains(err.Error(), "after 1.5s") {
			t.Errorf("Close: %v, want that it took too long", err)
		}
		if got := time.Since(start); got != 1500*time.Millisecond {
			t.Errorf("Close took %v, want its deadline less what it leaves to the console", got)
		}
		checkShown(t, out.String(), 1, "WRN log closed with a gap", "lost=5", "not on disk after 1.5s")
		release()
		synctest.Wait()
	})
}

func TestCloseInOrderTellsNothing(t *testing.T) {
	var out screen
	j := open(t, journaltest.New(), func(o *journal.Options) { o.Console = &out })
	numbered(j, 0, 5)
	mustClose(t, j)
	checkShown(t, out.String(), 0, "WRN")
}
