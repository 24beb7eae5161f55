package journal_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"atoll/journal"
	"atoll/journal/journaltest"
)

// numbered logs records with n = from … to-1.
func numbered(j *journal.Journal, from, to int) {
	log := j.Logger()
	for n := from; n < to; n++ {
		log.Info().Int("n", n).Msg("record")
	}
}

// checkRun fails unless the records with a field n are exactly from … to-1 in order.
func checkRun(t *testing.T, all []journal.Record, from, to int64) {
	t.Helper()
	next := from
	for _, r := range all {
		n := number(t, r, "n")
		if n < 0 {
			continue
		}
		if n != next {
			t.Fatalf("record n=%d, want %d", n, next)
		}
		next++
	}
	if next != to {
		t.Errorf("records end before n=%d, want %d", next, to)
	}
}

func TestDiskFullForAMinute(t *testing.T) {
	for _, c := range []struct {
		name         string
		fault, clear func(*journaltest.FS)
		want         string
	}{
		{"no space at all", func(m *journaltest.FS) { m.SetSize(m.Used()) }, func(m *journaltest.FS) { m.SetSize(1 << 30) }, "no space left"},
		{"no space for a whole line", func(m *journaltest.FS) { m.SetSize(m.Used() + 50) }, func(m *journaltest.FS) { m.SetSize(1 << 30) }, "no space left"},
		{"writes fail", func(m *journaltest.FS) { m.SetFault(journaltest.FailAll(syscall.EIO, journaltest.Write)) }, func(m *journaltest.FS) { m.SetFault(nil) }, "input/output"},
		{"short writes", func(m *journaltest.FS) {
			m.SetFault(journaltest.FailAll(journaltest.ShortWrite{Bytes: 7, Err: syscall.EIO}, journaltest.Write))
		}, func(m *journaltest.FS) { m.SetFault(nil) }, "input/output"},
		{"read-only", func(m *journaltest.FS) { m.SetFault(journaltest.FailAll(syscall.EROFS)) }, func(m *journaltest.FS) { m.SetFault(nil) }, "read-only"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := journaltest.New()
				j := open(t, m, func(o *journal.Options) { o.ReserveBytes = -1; o.SyncInterval = time.Second })
				numbered(j, 0, 10)
				time.Sleep(2 * time.Second)
				c.fault(m)
				for s := range 60 {
					numbered(j, 10+s, 11+s)
					time.Sleep(time.Second)
				}
				if got := j.Stats(); got.Err == nil || got.Lost != 0 {
					t.Errorf("during the outage: %+v, want an error and nothing lost yet", got)
				}
				c.clear(m)
				time.Sleep(9 * time.Second)
				if got := j.Stats(); got.Err != nil {
					t.Errorf("not working again: %v", got.Err)
				}
				numbered(j, 70, 80)
				mustClose(t, j)
				all, _ := records(t, m)
				checkRun(t, all, 0, 80)
				checkGap(t, all, 0, c.want)
			})
		})
	}
}

// checkGap fails unless exactly one record of a gap says so many lost lines and the reason.
func checkGap(t *testing.T, all []journal.Record, lost int64, reason string) {
	t.Helper()
	gaps := 0
	for _, r := range all {
		if r.Message != "log gap" {
			continue
		}
		gaps++
		if got := number(t, r, "lost"); got != lost || !strings.Contains(string(r.Line), reason) {
			t.Errorf("got %s, want %d lost because of %q", r.Line, lost, reason)
		}
	}
	if gaps != 1 {
		t.Errorf("%d records of a gap, want 1", gaps)
	}
}

func TestEveryOutageIsRetriedSoonAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m)
		log := j.Logger()
		for _, outage := range []time.Duration{time.Minute, time.Millisecond} {
			m.SetFault(journaltest.FailAll(syscall.EIO, journaltest.Write))
			log.Error().Msg("cannot be written")
			time.Sleep(outage)
			if j.Stats().Err == nil {
				t.Fatal("writing works, want an outage")
			}
			m.SetFault(nil)
			time.Sleep(max(time.Second, outage/4))
			synctest.Wait()
			if err := j.Stats().Err; err != nil {
				t.Errorf("after an outage of %v: %v", outage, err)
			}
		}
	})
}

// A process killed before it could sync leaves it to the next one, which must also care for the names it did not make.
func TestSyncCoversTheKilledProcess(t *testing.T) {
	m := journaltest.New()
	j := open(t, m)
	m.SetFault(journaltest.FailAll(syscall.EIO, journaltest.Sync, journaltest.SyncDir))
	numbered(j, 0, 3)
	if err := j.Close(); err == nil {
		t.Fatal("closed in order, want no sync")
	}
	m.SetFault(nil)
	j = open(t, m)
	if err := j.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, _ := records(t, m.Reboot(nil))
	checkRun(t, all, 0, 3)
}

func TestLostLinesAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m, func(o *journal.Options) { o.QueueBytes = 16 << 10 })
		m.SetFault(journaltest.FailAll(syscall.ENOSPC, journaltest.Write))
		const sent = 1000
		numbered(j, 0, 1)
		synctest.Wait() // it is tried, and waits
		numbered(j, 1, sent)
		log := j.Logger()
		log.Error().Msg("fits into the last quarter")
		lost := j.Stats().Lost
		if lost == 0 || lost > sent-50 {
			t.Errorf("%d of %d lost, want those that do not fit into the queue", lost, sent)
		}
		m.SetFault(nil)
		time.Sleep(10 * time.Second)
		mustClose(t, j)
		all, _ := records(t, m)
		checkRun(t, all, 0, sent-lost) // the new ones were refused
		checkGap(t, all, lost, "no space left")
		if got := messages(all); got[len(got)-2] != "fits into the last quarter" {
			t.Errorf("the records end with %q, want the error and the gap", got[len(got)-2:])
		}
	})
}

func TestErrorsOverflowToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m, func(o *journal.Options) { o.QueueBytes = 16 << 10 })
		m.SetFault(journaltest.FailAll(syscall.ENOSPC, journaltest.Write))
		log := j.Logger()
		log.Error().Msg("error")
		synctest.Wait()
		for n := range 999 {
			log.Error().Int("n", n).Msg("error")
		}
		if got := j.Stats().Lost; got < 800 {
			t.Errorf("%d lost, want a bounded queue", got)
		}
		if err := j.Close(); !errors.Is(err, syscall.ENOSPC) || j.Stats().Lost != 1000 {
			t.Errorf("Close: %v with %d lost, want ENOSPC and all lost", err, j.Stats().Lost)
		}
	})
}

func TestFailedSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m)
		numbered(j, 0, 3)
		m.SetFault(journaltest.FailAll(syscall.EIO, journaltest.Sync))
		if err := j.Sync(t.Context()); !errors.Is(err, syscall.EIO) {
			t.Errorf("Sync: %v, want EIO", err)
		}
		m.SetFault(nil)
		if err := j.Sync(t.Context()); err != nil {
			t.Errorf("Sync once the disk works: %v", err)
		}
		all, _ := records(t, m.Reboot(nil))
		checkRun(t, all, 0, 3)
		checkGap(t, all, 0, `"unsynced":3`)
		if got := j.Stats(); got.Unsynced != 3 || got.Errors != 1 || got.Err != nil {
			t.Errorf("stats %+v, want 3 unsynced, 1 error", got)
		}
	})
}

// A disk whose fsync never works must not fill the log with its own complaints.
func TestSyncThatNeverWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m)
		m.SetFault(journaltest.FailAll(syscall.EIO, journaltest.Sync))
		numbered(j, 0, 1)
		time.Sleep(time.Hour)
		all, _ := records(t, m)
		if got := j.Stats(); got.Err == nil || len(all) > 10 || got.Errors > 500 {
			t.Errorf("%d records, %d attempts in an hour and error %v, want few and EIO", len(all), got.Errors, got.Err)
		}
	})
}

// hang blocks operations of a kind until the returned function is called.
func hang(m *journaltest.FS, op journaltest.Op) (release func()) {
	gate := make(chan struct{})
	m.SetFault(func(c journaltest.Call) error {
		if c.Op == op {
			<-gate
		}
		return nil
	})
	return func() { m.SetFault(nil); close(gate) }
}

func TestHungDiskBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m)
		release := hang(m, journaltest.Sync)
		log := j.Logger()
		log.Error().Msg("makes it sync")
		synctest.Wait()
		start := time.Now()
		numbered(j, 0, 10_000)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := j.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Sync: %v, want the deadline", err)
		}
		if err := j.Close(); err == nil || !strings.Contains(err.Error(), "after 2s") {
			t.Errorf("Close: %v, want that it took too long", err)
		}
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("all took %v, want the two deadlines", got)
		}
		release()
		synctest.Wait()
		all, _ := records(t, m)
		checkGap(t, all, j.Stats().Lost, "queue full")
		checkRun(t, all, 0, 10_000-j.Stats().Lost)
	})
}

func TestReserveStopsGrowth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		m.SetSize(500_000) // the reserve is less than an eighth
		m.Put("/ballast", make([]byte, 400_000))
		j := open(t, m, func(o *journal.Options) {
			o.FileBytes, o.MaxBytes, o.ReserveBytes = 8192, 90_000, 60_000
		})
		write := func(from, to int) {
			for n := from; n < to; n += 50 {
				numbered(j, n, n+50)
				synctest.Wait()
			}
		}
		write(0, 1000)
		before := m.Used() - 400_000
		if before > 40_000 || before < 30_000 {
			t.Errorf("%d bytes used, want the 40000 beside the reserve", before)
		}
		m.Put("/other", make([]byte, 55_000)) // another program fills the disk
		write(1000, 1200)
		if got := m.Used() - 455_000; got > before || got < before-2*8192 {
			t.Errorf("%d bytes of logs, before %d: want new lines in place of old ones", got, before)
		}
		if got := j.Stats(); got.Lost != 0 || got.Err != nil {
			t.Errorf("stats %+v, want all written", got)
		}
		mustClose(t, j)
		all, _ := records(t, m)
		if last := number(t, all[len(all)-1], "n"); last != 1199 {
			t.Errorf("last record %d, want 1199", last)
		}
	})
}

// The default reserve is larger than this disk: an eighth of it stays free instead.
func TestReserveOnASmallDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 16 << 20
		m := journaltest.New()
		m.SetSize(size)
		j := open(t, m, func(o *journal.Options) { o.FileBytes, o.QueueBytes = 1<<20, 2<<20 })
		n := 0
		for ; n < 150_000; n += 1000 { // about 19 MB
			numbered(j, n, n+1000)
			synctest.Wait()
		}
		mustClose(t, j)
		if got := m.Used(); got > size*7/8 || got < size*7/8-2<<20 {
			t.Errorf("%d bytes used, want all but an eighth of %d", got, size)
		}
		all, _ := records(t, m)
		if got := number(t, all[len(all)-1], "n"); got != int64(n-1) || j.Stats().Lost != 0 {
			t.Errorf("last record %d, stats %+v: want %d and nothing lost", got, j.Stats(), n-1)
		}
	})
}

func TestReserveWithOneFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		m.SetSize(500_000)
		j := open(t, m, func(o *journal.Options) { o.ReserveBytes = 60_000 })
		numbered(j, 0, 10)
		synctest.Wait()
		m.Put("/other", make([]byte, 450_000))
		used := m.Used()
		numbered(j, 10, 20)
		time.Sleep(time.Minute)
		if got := j.Stats(); !errors.Is(got.Err, journal.ErrReserve) || m.Used() != used {
			t.Errorf("error %v, %d bytes more: want ErrReserve and no growth", got.Err, m.Used()-used)
		}
		m.Delete("/other")
		time.Sleep(10 * time.Second)
		mustClose(t, j)
		all, _ := records(t, m)
		checkRun(t, all, 0, 20)
		checkGap(t, all, 0, "reserve")
	})
}
