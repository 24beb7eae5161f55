package journal

import (
	"context"

	"github.com/rs/zerolog"
)

// entry is where zerolog hands over its events: the producers' side of a Journal.
type entry struct {
	*Journal
	whole bool // never folded
}

// Write takes an event without a level.
func (e entry) Write(event []byte) (int, error) { return e.WriteLevel(zerolog.NoLevel, event) }

// WriteLevel stamps an event and queues it, or folds it. It neither fails nor waits for a sink; only a panic, which may
// be the last thing to happen, is synced first. (Fatal closes the journal.)
func (e entry) WriteLevel(level zerolog.Level, event []byte) (int, error) {
	e.log(level, event, e.whole)
	if level == zerolog.PanicLevel {
		ctx, cancel := context.WithTimeout(context.Background(), e.timeout)
		defer cancel()
		_ = e.Sync(ctx) // Stats tells
	}
	return len(event), nil
}

func (j *Journal) log(level zerolog.Level, event []byte, whole bool) {
	message := messageOf(event)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		for _, q := range j.queues {
			q.lose(1, ErrClosed.Error())
		}
		return
	}
	mono := j.clock.SinceBoot()
	if mono >= j.fold.until {
		j.fold.roll(mono, j.sayFolded)
	}
	if !whole {
		write, first := j.fold.admit(level, message)
		if first {
			j.foldTimer.Reset(j.fold.until - mono)
		}
		if !write {
			return
		}
	}
	j.line = appendStamp(j.line[:0], j.clock.Now(), j.boot, mono)
	if len(j.line)+len(event) <= j.limit {
		j.line = appendEvent(j.line, event)
	} else {
		j.line = appendLevel(j.line, level)
		j.line = appendInt(j.line, "cut", int64(len(event)))
		j.line = appendMessage(j.line, cutEscaped(message, maxMessage))
	}
	j.push(level, 1)
}

// push queues j.line, which stands for so many records, for all sinks that want its level.
func (j *Journal) push(level zerolog.Level, stands int64) {
	for _, q := range j.queues {
		if level >= q.least {
			q.push(level, j.line, stands)
		}
	}
}

// stamp begins a record of the journal itself.
func (j *Journal) stamp(dst []byte) []byte {
	return appendStamp(dst, j.clock.Now(), j.boot, j.clock.SinceBoot())
}

// take empties a queue into a sink's hands. The console hears of the gaps of the files as well.
func (j *Journal) take(q *queue, empty []byte) (lines []byte, urgent bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines, report, urgent := q.take(empty, j.stamp)
	if j.console != nil && q != j.console.queue && len(report) > 0 {
		j.tell(report)
	}
	return lines, urgent
}

// tell queues a warning for the console alone.
func (j *Journal) tell(line []byte) {
	if j.console != nil && zerolog.WarnLevel >= j.console.queue.least {
		j.console.queue.push(zerolog.WarnLevel, line, 1)
	}
}

// rollFold ends an interval of folding after which no record came.
func (j *Journal) rollFold() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	if mono := j.clock.SinceBoot(); mono < j.fold.until { // a record came first, or the clocks differ
		j.foldTimer.Reset(j.fold.until - mono)
	} else {
		j.fold.roll(mono, j.sayFolded)
	}
}

// sayFolded queues the record that stands for n folded ones of a kind.
func (j *Journal) sayFolded(k *kind, n int64) {
	j.line = appendLevel(j.stamp(j.line[:0]), k.level)
	j.line = appendInt(j.line, "folded", n)
	j.line = appendMessage(j.line, k.message[:k.length])
	j.push(k.level, n)
}

// report tells what Open found.
func (j *Journal) report(bootErr error) {
	if bootErr != nil {
		j.warn("boot id unknown", bootErr.Error())
	}
	if n := j.Stats().Torn; n > 0 {
		j.warn("log was cut off", "the last line was torn, probably by a power cut: it is marked and skipped")
	}
}

func (j *Journal) warn(message, reason string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.line = appendLevel(j.stamp(j.line[:0]), zerolog.WarnLevel)
	j.line = appendText(j.line, "error", reason)
	j.line = appendMessage(j.line, []byte(message))
	j.push(zerolog.WarnLevel, 1)
}
