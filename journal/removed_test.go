package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"atoll/journal"
	"atoll/journal/journaltest"

	"pgregory.net/rapid"
)

const firstFile = logDir + "/journal-000000000001.jsonl"

func TestRemovedWhileRunning(t *testing.T) {
	for _, gone := range []string{firstFile, logDir, "/state"} {
		t.Run(gone, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := journaltest.New()
				j := open(t, m, func(o *journal.Options) { o.SyncInterval = time.Second })
				numbered(j, 0, 10)
				time.Sleep(2 * time.Second)
				numbered(j, 10, 15)
				synctest.Wait()
				m.Delete(gone)
				numbered(j, 15, 20) // to the removed file, between two syncs
				time.Sleep(time.Second)
				synctest.Wait()
				numbered(j, 20, 30)
				if err := j.Sync(t.Context()); err != nil {
					t.Fatal(err)
				}
				all, _ := records(t, m.Reboot(nil))
				checkRun(t, all, 20, 30)
				checkGap(t, all, 20, "was removed")
				if got := j.Stats(); got.Lost != 20 || got.Unsynced != 0 || got.Err != nil {
					t.Errorf("stats %+v, want 20 lost", got)
				}
				if _, err := m.Lock(logDir); !errors.Is(err, journal.ErrBusy) {
					t.Errorf("lock on the new folder: %v, want ErrBusy", err)
				}
			})
		})
	}
}

// Removed while nothing is logged: the first record after that is safe, and nobody looks before.
func TestRemovedWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m)
		numbered(j, 0, 3)
		time.Sleep(time.Minute)
		m.Delete(logDir)
		calls := m.Calls()
		time.Sleep(time.Hour)
		if got := m.Calls(); got != calls {
			t.Errorf("%d operations while idle, want none", got-calls)
		}
		log := j.Logger()
		log.Error().Msg("first")
		synctest.Wait()
		if got := strings.Join(durable(t, m), ","); !strings.HasPrefix(got, "first") {
			t.Errorf("durable: %s, want the error", got)
		}
		mustClose(t, j)
		all, _ := records(t, m)
		checkGap(t, all, 3, "was removed")
	})
}

// What was removed before Close is told even if nothing was logged since.
func TestRemovedBeforeClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m)
		numbered(j, 0, 7)
		synctest.Wait()
		m.Delete(firstFile)
		mustClose(t, j)
		all, _ := records(t, m)
		checkGap(t, all, 7, "was removed")
	})
}

func TestOnlyTheCurrentFileRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m, func(o *journal.Options) { o.FileBytes = 4096 })
		numbered(j, 0, 60)
		synctest.Wait()
		before, sum := records(t, m)
		if sum.Files != 3 {
			t.Fatalf("%d files, want 3", sum.Files)
		}
		m.Delete(logDir + "/journal-000000000003.jsonl")
		kept, _ := records(t, m)
		numbered(j, 60, 200) // rotates at once
		mustClose(t, j)
		all, sum := records(t, m)
		lost := j.Stats().Lost
		checkGap(t, all, lost, "was removed")
		if lost < int64(len(before)-len(kept)) || j.Stats().Written-lost != sum.Records || sum.Torn != 0 {
			t.Errorf("stats %+v, read %+v: want what is not there counted", j.Stats(), sum)
		}
		checkRun(t, all[:len(kept)], 0, int64(len(kept)))
	})
}

// The folder is gone and cannot be made again for a while.
func TestRemovedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m, func(o *journal.Options) { o.SyncInterval = time.Second })
		numbered(j, 0, 5)
		synctest.Wait()
		m.Delete("/state")
		m.SetFault(journaltest.FailAll(syscall.EROFS, journaltest.Mkdir))
		time.Sleep(time.Minute)
		numbered(j, 5, 10)
		synctest.Wait()
		if got := j.Stats(); !errors.Is(got.Err, syscall.EROFS) || got.Lost != 5 || got.Unsynced != 0 {
			t.Errorf("stats %+v, want EROFS, 5 lost, none of them unsynced too", got)
		}
		m.SetFault(nil)
		time.Sleep(10 * time.Second)
		mustClose(t, j)
		all, _ := records(t, m)
		checkRun(t, all, 5, 10)
		checkGap(t, all, 5, "read-only")
	})
}

// A folder removed while a failure has the file closed is found missing as well.
func TestRemovedDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m)
		numbered(j, 0, 5)
		time.Sleep(10 * time.Second)
		m.SetFault(journaltest.FailAll(syscall.EIO, journaltest.Write))
		numbered(j, 5, 10)
		time.Sleep(time.Minute)
		m.Delete(logDir)
		m.SetFault(nil)
		time.Sleep(10 * time.Second)
		mustClose(t, j)
		all, _ := records(t, m)
		checkRun(t, all, 5, 10)
		checkGap(t, all, 5, "input/output")
	})
}

// Whatever is removed whenever: each line that was written is in the file or counted as lost.
func TestRemovedLinesAreCounted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := journaltest.New()
		j, err := journal.Open(journal.Options{Dir: logDir, FS: m, QueueBytes: 1 << 20, FoldBurst: 1 << 20})
		if err != nil {
			rt.Fatal(err)
		}
		steps := map[string]func(*rapid.T){
			"log": func(rt *rapid.T) { numbered(j, 0, rapid.IntRange(1, 20).Draw(rt, "lines")) },
			"sync": func(rt *rapid.T) {
				if err := j.Sync(t.Context()); err != nil {
					rt.Fatal(err)
				}
			},
			"remove": func(rt *rapid.T) {
				if err := j.Sync(t.Context()); err != nil { // or it may happen within an append
					rt.Fatal(err)
				}
				m.Delete(rapid.SampledFrom([]string{firstFile, logDir, "/state"}).Draw(rt, "what"))
			},
		}
		rt.Repeat(steps)
		if err := j.Close(); err != nil {
			rt.Fatal(err)
		}
		_, sum := records(t, m)
		if got := j.Stats(); got.Written-got.Lost != sum.Records || got.Unsynced != 0 {
			rt.Fatalf("stats %+v with %d records in the file", got, sum.Records)
		}
	})
}

func TestRealRemoval(t *testing.T) {
	for name, remove := range map[string]func(dir, file string) error{
		"file removed":   func(_, file string) error { return os.Remove(file) },
		"file moved":     func(dir, file string) error { return os.Rename(file, filepath.Join(filepath.Dir(dir), "away")) },
		"folder removed": func(dir, _ string) error { return os.RemoveAll(dir) },
		"folder moved":   func(dir, _ string) error { return os.Rename(dir, dir+".old") },
		"parent removed": func(dir, _ string) error { return os.RemoveAll(filepath.Dir(dir)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state", "log")
			j, err := journal.Open(journal.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			numbered(j, 0, 4)
			if err := j.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := remove(dir, filepath.Join(dir, "journal-000000000001.jsonl")); err != nil {
				t.Fatal(err)
			}
			numbered(j, 4, 6)
			mustClose(t, j)
			var got []string
			_, err = journal.Read(dir, func(r journal.Record) error { got = append(got, r.Message); return nil })
			slices.Sort(got)
			if want := []string{"log gap", "record", "record"}; err != nil || !slices.Equal(got, want) {
				t.Errorf("read %q, %v, want %q", got, err, want)
			}
			if got := j.Stats().Lost; got != 4 {
				t.Errorf("%d lost, want 4", got)
			}
		})
	}
}
