package journal_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"atoll/journal"
	"atoll/journal/journaltest"

	"github.com/rs/zerolog"
)

// folding brings the default back, which tests of other things switch off.
func folding(o *journal.Options) { o.FoldBurst = 0 }

func TestFolding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m, func(o *journal.Options) { o.FoldBurst, o.FoldInterval = 3, time.Second })
		log := j.Logger()
		for n := range 10 {
			log.Error().Int("n", n).Msg("sensor \"a\" failed")
			log.Warn().Msg("sensor \"a\" failed") // another level: another kind
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if all, _ := records(t, m); len(all) != 8 {
			t.Errorf("%d records after the interval, want the counts among them", len(all))
		}
		log.Error().Int("n", 99).Msg("sensor \"a\" failed")
		mustClose(t, j)
		var got []string
		all, _ := records(t, m)
		for _, r := range all {
			got = append(got, fmt.Sprint(r.Level, number(t, r, "n"), number(t, r, "folded")))
			if r.Message != `sensor "a" failed` {
				t.Errorf("message %q", r.Message)
			}
		}
		want := "error 0 -1,warn -1 -1,error 1 -1,warn -1 -1,error 2 -1,warn -1 -1,error -1 7,warn -1 7,error 99 -1"
		if strings.Join(got, ",") != want {
			t.Errorf("level, n, folded\n got %s\nwant %s", strings.Join(got, ","), want)
		}
		if got := j.Stats().Folded; got != 14 {
			t.Errorf("folded %d, want 14", got)
		}
	})
}

func TestFoldedCountIsNotLostAtClose(t *testing.T) {
	m := journaltest.New()
	j := open(t, m, folding)
	log := j.Logger()
	for range 150 {
		log.Info().Msg("again")
	}
	mustClose(t, j)
	all, _ := records(t, m)
	if len(all) != 101 || number(t, all[100], "folded") != 50 {
		t.Errorf("%d records, the last %s: want 100 and one for 50", len(all), all[len(all)-1].Line)
	}
}

func TestSteadyRecordsAreNeverFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m, folding)
		log := j.Logger()
		for range 1000 { // 9 per second: 90 per interval
			log.Info().Msg("event")
			time.Sleep(time.Second / 9)
		}
		mustClose(t, j)
		if _, sum := records(t, m); sum.Records != 1000 {
			t.Errorf("%d records, want all 1000", sum.Records)
		}
	})
}

// checkSum fails unless the records of the test, written and folded, are as many as were logged.
func checkSum(t *testing.T, all []journal.Record, lost, want int64) {
	t.Helper()
	var sum int64
	for _, r := range all {
		if n := number(t, r, "folded"); n > 0 {
			sum += n
		} else if r.Message != "log gap" {
			sum++
		}
	}
	if sum+lost != want {
		t.Errorf("%d written or folded and %d lost, want %d together", sum, lost, want)
	}
}

func TestFloodOfAMillionErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m, folding)
		log := j.Logger()
		const flood = 1_000_000
		for n := range flood {
			log.Error().Int("n", n).Msg("inference failed")
			if n%1000 == 0 {
				time.Sleep(20 * time.Millisecond) // 20 s in all
			}
		}
		log.Info().Msg("still heard")
		mustClose(t, j)
		all, sum := records(t, m)
		if sum.Records > 310 || m.Used() > 100_000 {
			t.Errorf("%d records, %d bytes: want about 300", sum.Records, m.Used())
		}
		checkSum(t, all, 0, flood+1)
		if got := j.Stats(); got.Lost != 0 || got.Folded < flood-310 {
			t.Errorf("stats %+v, want nothing lost", got)
		}
		if !strings.Contains(strings.Join(messages(all), ","), "still heard") {
			t.Error("another message was lost in the flood")
		}
	})
}

func TestFloodOfManyMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m, folding)
		log := j.Logger()
		const flood = 20_000
		for n := range flood {
			level := zerolog.InfoLevel
			if n == flood/2 {
				level = zerolog.ErrorLevel
			}
			log.WithLevel(level).Msgf("message %d", n)
			if n%100 == 0 {
				synctest.Wait()
			}
		}
		mustClose(t, j)
		all, sum := records(t, m)
		if sum.Records != 256+100+1 { // kinds, burst of the others, their count
			t.Errorf("%d records, want 357", sum.Records)
		}
		last := all[len(all)-1]
		if last.Message != "other messages" || last.Level != zerolog.ErrorLevel {
			t.Errorf("last record %s, want the count at the highest level", last.Line)
		}
		checkSum(t, all, j.Stats().Lost, flood)
	})
}

// The count of a folded kind that finds the queue full is as lost as the lines it stands for.
func TestFoldedCountInAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m, func(o *journal.Options) { o.QueueBytes, o.FoldBurst, o.FoldInterval = 16<<10, 100, time.Second })
		release := hang(m, journaltest.Write)
		numbered(j, 0, 1)
		synctest.Wait()
		log := j.Logger()
		for range 1000 {
			log.Info().Msg("again")
		}
		numbered(j, 1, 200)
		time.Sleep(2 * time.Second)
		release()
		mustClose(t, j)
		all, _ := records(t, m)
		if j.Stats().Lost < 900 {
			t.Errorf("%d lost, want the folded ones too", j.Stats().Lost)
		}
		checkSum(t, all, j.Stats().Lost, 1200)
	})
}

func TestEventsAreNeverFolded(t *testing.T) {
	m := journaltest.New()
	var out bytes.Buffer
	j := open(t, m, folding, func(o *journal.Options) { o.QueueBytes, o.Console = 1<<20, &out })
	events, log := j.Events(), j.Logger()
	for n := range 500 {
		events.Info().Int("n", n).Msg("event")
		log.Info().Msg("event") // the same kind, but not the product
	}
	mustClose(t, j)
	all, _ := records(t, m)
	checkRun(t, all, 0, 500)
	if got := j.Stats(); got.Folded != 400 || got.Lost != 0 || len(all) != 601 {
		t.Errorf("%d records, stats %+v: want 500 events, 100 others and the count of 400", len(all), got)
	}
}

func TestEventsAreBoundedByTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journaltest.New()
		j := open(t, m, folding, func(o *journal.Options) { o.QueueBytes, o.Level = 16<<10, zerolog.InfoLevel })
		release := hang(m, journaltest.Write)
		events := j.Events()
		events.Debug().Msg("below the level")
		events.Info().Msg("event")
		synctest.Wait() // it hangs
		for range 999 {
			events.Info().Msg("event")
		}
		release()
		mustClose(t, j)
		all, _ := records(t, m)
		if lost := j.Stats().Lost; lost < 700 || int64(len(all)) != 1000-lost+1 {
			t.Errorf("%d records, %d lost: want together 1000 and the gap", len(all), lost)
		}
		checkGap(t, all, j.Stats().Lost, "queue full")
	})
}
