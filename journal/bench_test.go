package journal_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"atoll/journal"
)

// onDisk begins a journal that writes real files in a folder of the test's own.
func onDisk(tb testing.TB, burst int) *journal.Journal {
	tb.Helper()
	j, err := journal.Open(journal.Options{
		Dir: tb.TempDir(), FileBytes: 1 << 20, MaxBytes: 4 << 20, ReserveBytes: -1, FoldBurst: burst,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = j.Close() })
	return j
}

// logCases are ways to log that must not allocate.
var logCases = []struct {
	name  string
	burst int
	log   func(j *journal.Journal) func()
}{
	{"written", math.MaxInt, info},
	{"folded", 1, info},
	{"event", 1, func(j *journal.Journal) func() {
		log := j.Events()
		return func() { log.Info().Int("faces", 1).Msg("event") }
	}},
	{"error", 1, func(j *journal.Journal) func() {
		log, err := j.Logger(), errors.New("input/output error")
		return func() { log.Error().Err(err).Msg("sensor failed") }
	}},
	{"below the level", 1, func(j *journal.Journal) func() {
		log := j.Logger()
		return func() { log.Trace().Int("n", 1).Msg("inference") }
	}},
}

func info(j *journal.Journal) func() {
	log := j.Logger().With().Str("modality", "vision").Logger()
	return func() {
		log.Info().Int("n", 1).Dur("took", time.Millisecond).Float64("score", 0.92).Msg("inference")
	}
}

func TestLoggingDoesNotAllocate(t *testing.T) {
	for _, c := range logCases {
		t.Run(c.name, func(t *testing.T) {
			log := c.log(onDisk(t, c.burst))
			// The average over all goroutines; a rotation of the files, once in thousands of records, may allocate.
			if got := testing.AllocsPerRun(2000, log); got != 0 {
				t.Errorf("%v allocations per record, want 0", got)
			}
		})
	}
}

func BenchmarkLog(b *testing.B) {
	for _, c := range logCases {
		b.Run(c.name, func(b *testing.B) {
			j := onDisk(b, c.burst)
			log := c.log(j)
			b.ReportAllocs()
			for b.Loop() {
				log()
			}
			b.ReportMetric(float64(j.Stats().Lost)/float64(b.N), "lost/op")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	j, err := journal.Open(journal.Options{Dir: dir, ReserveBytes: -1, FoldBurst: math.MaxInt, QueueBytes: 4 << 20})
	if err != nil {
		b.Fatal(err)
	}
	log := info(j)
	for range 10_000 {
		log()
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := journal.Read(dir, func(journal.Record) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/record")
}
