package journal_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"atoll/journal"
	"atoll/journal/journaltest"
)

// crashCase is a way of logging until the machine crashes.
type crashCase struct {
	name  string
	drops bool // the bounds make it drop old files
	size  func(*journal.Options)
}

var crashCases = []crashCase{
	{"one file", false, func(*journal.Options) {}},
	{"rotation", false, func(o *journal.Options) { o.FileBytes = 4096 }},
	{"rotation and dropping", true, func(o *journal.Options) { o.FileBytes, o.MaxBytes = 4096, 9000 }},
}

// work logs records with n from 0 on until all is done or the machine has crashed. It returns how many were acknowledged by
// a sync and how many were logged. A few runs of a process follow each other.
func (c crashCase) work(t *testing.T, m *journaltest.FS) (acked, sent int) {
	for range 3 {
		j, err := c.open(m)
		if err != nil {
			return acked, sent
		}
		for range 8 {
			numbered(j, sent, sent+3)
			sent += 3
			synctest.Wait() // so that every run has the same operations
			numbered(j, sent, sent+3)
			sent += 3
			if j.Sync(t.Context()) == nil {
				acked = sent
			}
		}
		numbered(j, sent, sent+2)
		sent += 2
		if j.Close() == nil {
			acked = sent
		}
	}
	return acked, sent
}

func (c crashCase) open(m *journaltest.FS) (*journal.Journal, error) {
	o := journal.Options{Dir: logDir, FS: m, Clock: journaltest.NewClock(time.Hour), QueueBytes: 16 << 10}
	c.size(&o)
	return journal.Open(o)
}

// check reads the log after a crash: nothing acknowledged is missing, the order is kept, nothing is there twice. It
// returns the number after the last record.
func (c crashCase) check(t *testing.T, m *journaltest.FS, acked, sent int) (next int, err error) {
	t.Helper()
	all, _ := records(t, m)
	first := -1
	for _, r := range all {
		n := int(number(t, r, "n"))
		if n < 0 {
			continue
		}
		if first < 0 {
			first, next = n, n
		}
		if n < next || (n > next && next < acked) {
			return 0, fmt.Errorf("record %d follows %d", n, next-1)
		}
		next = n + 1
	}
	if next < acked || next > sent {
		return 0, fmt.Errorf("records end before %d of %d", next, sent)
	}
	if first > 0 && acked > 0 && !c.drops {
		return 0, fmt.Errorf("records begin with %d, want 0", first)
	}
	return next, nil
}

// reuse shows that the log goes on after a crash, whatever it left.
func (c crashCase) reuse(t *testing.T, m *journaltest.FS, next int) error {
	t.Helper()
	j, err := c.open(m)
	if err != nil {
		return fmt.Errorf("open after the crash: %w", err)
	}
	numbered(j, next, next+5)
	if err := j.Close(); err != nil {
		return fmt.Errorf("close after the crash: %w", err)
	}
	all, _ := records(t, m)
	for i, r := range all[len(all)-5:] {
		if got := number(t, r, "n"); got != int64(next+i) {
			return fmt.Errorf("record %d after the crash, want %d", got, next+i)
		}
	}
	return nil
}

// A power cut at every single operation, each followed by several outcomes of what reached the disk.
func TestCrashAtEveryOperation(t *testing.T) {
	const seeds = 4
	for _, c := range crashCases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 1
				for ; c.crashAt(t, n, seeds); n++ {
				}
				t.Logf("%d crash points, %d outcomes", n-1, (n-1)*seeds)
				if n < 100 {
					t.Errorf("only %d crash points", n-1)
				}
			})
		})
	}
}

// crashAt crashes at operation n and checks some ways in which the disk may look then. Seed 0 leaves only what was
// synced. It returns false if there is no such operation.
func (c crashCase) crashAt(t *testing.T, n int, seeds uint64) bool {
	m := journaltest.New()
	m.SetFault(journaltest.CrashAt(n))
	acked, sent := c.work(t, m)
	if m.Calls() < n {
		return false
	}
	for seed := range seeds {
		var rng *rand.Rand
		if seed > 0 {
			rng = rand.New(rand.NewPCG(uint64(n), seed))
		}
		after := m.Reboot(rng)
		next, err := c.check(t, after, acked, sent)
		if err == nil {
			err = c.reuse(t, after, next)
		}
		if err == nil {
			_, err = c.check(t, after, acked, next+5)
		}
		if err != nil {
			t.Errorf("crash at operation %d, seed %d, %d acknowledged: %v", n, seed, acked, err)
		}
	}
	return true
}
