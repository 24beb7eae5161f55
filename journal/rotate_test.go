package journal_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"atoll/journal"
	"atoll/journal/journaltest"

	"pgregory.net/rapid"
)

// Whatever is logged in whatever sizes, with restarts in between: no file and not all together exceed their bounds, and
// what is left is the newest, without a hole.
func TestBoundsHold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := journaltest.New()
		fileBytes := rapid.Int64Range(4096, 20_000).Draw(rt, "file bytes")
		maxBytes := rapid.Int64Range(2*fileBytes, 5*fileBytes).Draw(rt, "max bytes")
		n := 0
		for range rapid.IntRange(1, 4).Draw(rt, "runs") {
			j, err := journal.Open(journal.Options{
				Dir: logDir, FS: m, FileBytes: fileBytes, MaxBytes: maxBytes, QueueBytes: 1 << 20, FoldBurst: 1 << 20,
			})
			if err != nil {
				rt.Fatal(err)
			}
			log := j.Logger()
			for _, size := range rapid.SliceOfN(rapid.IntRange(0, 3500), 0, 40).Draw(rt, "sizes") {
				log.Info().Int("n", n).Str("fill", strings.Repeat("x", size)).Msg("record")
				n++
				if size%4 == 0 {
					if err := j.Sync(t.Context()); err != nil {
						rt.Fatal(err)
					}
				}
			}
			if err := j.Close(); err != nil {
				rt.Fatal(err)
			}
			if got := m.Used(); got > maxBytes || got != j.Stats().Bytes {
				rt.Fatalf("%d bytes used, statistics say %d, bound %d", got, j.Stats().Bytes, maxBytes)
			}
			entries, err := m.List(logDir)
			if err != nil {
				rt.Fatal(err)
			}
			for _, e := range entries {
				if e.Size > fileBytes {
					rt.Fatalf("%s has %d bytes, bound %d", e.Name, e.Size, fileBytes)
				}
			}
		}
		checkNewest(t, rt, m, n)
	})
}

// checkNewest fails unless the log ends with the last of n records and has no hole before it.
func checkNewest(t *testing.T, rt *rapid.T, m *journaltest.FS, n int) {
	all, sum := records(t, m)
	if sum.Torn > 0 || len(all) > n || (n > 0 && len(all) == 0) {
		rt.Fatalf("read %+v of %d records", sum, n)
	}
	for i, r := range all {
		if got, want := number(t, r, "n"), int64(n-len(all)+i); got != want {
			rt.Fatalf("record %d, want %d", got, want)
		}
	}
}

func TestOrderSurvivesClockSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		n := 0
		steps := []time.Duration{0, -30 * 365 * 24 * time.Hour, 200 * 365 * 24 * time.Hour, -time.Hour}
		for boot, step := range steps {
			clock := journaltest.NewClock(time.Duration(boot) * time.Second)
			j := open(t, m, func(o *journal.Options) {
				o.Clock, o.FileBytes = clock, 4096
				o.Root = newRoot(t, strings.Replace(testBoot, "0b", string(rune('a'+boot))+"b", 1))
			})
			for range 50 {
				numbered(j, n, n+1)
				n++
				clock.Step(step / 50)
				time.Sleep(time.Millisecond)
			}
			mustClose(t, j)
		}
		all, sum := records(t, m)
		checkRun(t, all, 0, int64(n))
		if sum.Files < 8 {
			t.Errorf("%d files, want some rotations", sum.Files)
		}
		for i := 1; i < len(all); i++ {
			if all[i].Boot == all[i-1].Boot && all[i].Mono <= all[i-1].Mono {
				t.Errorf("mono falls from %v to %v within a boot", all[i-1].Mono, all[i].Mono)
			}
		}
	})
}

func TestSmallerBoundsDropOldFiles(t *testing.T) {
	m := journaltest.New()
	size := func(file, all int64) func(*journal.Options) {
		return func(o *journal.Options) { o.FileBytes, o.MaxBytes = file, all }
	}
	j := open(t, m, size(100_000, 1_000_000))
	numbered(j, 0, 1000)
	mustClose(t, j)
	j = open(t, m, size(4096, 8192))
	numbered(j, 1000, 1001)
	mustClose(t, j)
	if got := m.Used(); got > 8192 {
		t.Errorf("%d bytes, want at most 8192", got)
	}
	all, _ := records(t, m)
	checkRun(t, all, 1000, 1001)
}

func TestManyWriters(t *testing.T) {
	m := journaltest.New()
	j := open(t, m, func(o *journal.Options) { o.FileBytes = 10_000; o.QueueBytes = 4 << 20 })
	const writers, each = 8, 500
	done := make(chan struct{})
	for w := range writers {
		go func() {
			defer func() { done <- struct{}{} }()
			log := j.Logger()
			for n := range each {
				log.Info().Int("writer", w).Int("nth", n).Msg("record")
			}
		}()
	}
	for range writers {
		<-done
	}
	mustClose(t, j)
	all, sum := records(t, m)
	if sum.Records != writers*each || sum.Torn != 0 {
		t.Fatalf("read %+v, want %d records", sum, writers*each)
	}
	var next [writers]int64
	for i, r := range all {
		w := number(t, r, "writer")
		if got := number(t, r, "nth"); got != next[w] {
			t.Fatalf("writer %d: record %d, want %d", w, got, next[w])
		}
		next[w]++
		if i > 0 && r.Mono < all[i-1].Mono {
			t.Fatalf("mono falls at record %d", i)
		}
	}
}
