package journal

import (
	"time"

	"github.com/rs/zerolog"
)

// gapRoom is what a queue keeps free beyond its bound for the record of a gap.
const gapRoom = 1 << 10

// queue holds the lines on their way to one sink. The Journal's mutex guards it.
type queue struct {
	least   zerolog.Level // records below it are not for this sink
	dir     string        // folder of the sink, empty for the console
	pending []byte
	bound   int           // bytes
	lines   int64         // in pending
	urgent  bool          // pending has a record of level error or above
	gap     gap           // not yet reported
	lost    int64         // lines refused or given up since the journal was opened
	wake    chan struct{} // tells the sink that there is something to take
}

// gap is what a sink has to confess once it works again.
type gap struct {
	lost     int64
	unsynced int64
	outage   time.Duration
	reason   string
}

func newQueue(bound int) *queue {
	return &queue{bound: bound, pending: make([]byte, 0, bound+gapRoom), wake: make(chan struct{}, 1)}
}

// urgent reports whether records of the level are synced at once and have the last quarter of the queue to themselves.
func urgent(level zerolog.Level) bool {
	return level >= zerolog.ErrorLevel && level <= zerolog.PanicLevel
}

// push adds a line, or refuses it when the queue is full: then the records that it stands for are lost.
func (q *queue) push(level zerolog.Level, line []byte, stands int64) {
	bound := q.bound
	if !urgent(level) {
		bound -= bound / 4
	}
	if len(q.pending)+len(line) > bound {
		q.lose(stands, "queue full")
		return
	}
	q.pending = append(q.pending, line...)
	q.lines++
	q.urgent = q.urgent || urgent(level)
	q.signal()
}

// lose counts n lines as lost. The first reason of a gap is the one reported.
func (q *queue) lose(n int64, reason string) {
	q.lost += n
	q.gap.lost += n
	if q.gap.reason == "" {
		q.gap.reason = reason
	}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take swaps the pending lines for an empty buffer, after adding a record of the gap if there was one: report, the end of lines.
func (q *queue) take(empty []byte, stamp func([]byte) []byte) (lines, report []byte, urgent bool) {
	if q.gap != (gap{}) {
		start := len(q.pending)
		q.pending = appendGap(stamp(q.pending), q.gap, q.dir, "log gap")
		report = q.pending[start:]
		q.gap = gap{}
	}
	lines, urgent = q.pending, q.urgent
	q.pending, q.lines, q.urgent = empty[:0], 0, false
	return lines, report, urgent
}

// appendGap writes what is missing after a stamp.
func appendGap(dst []byte, g gap, dir, message string) []byte {
	dst = appendLevel(dst, zerolog.WarnLevel)
	dst = appendInt(dst, "lost", g.lost)
	if g.unsynced > 0 {
		dst = appendInt(dst, "unsynced", g.unsynced)
	}
	if g.outage > 0 {
		dst = appendSeconds(dst, "outage_s", g.outage)
	}
	return appendTrouble(dst, g.reason, dir, message)
}

// appendTrouble ends a warning with its cause and, if there is one, the folder.
func appendTrouble(dst []byte, reason, dir, message string) []byte {
	dst = appendText(dst, "error", reason)
	if dir != "" {
		dst = appendText(dst, "dir", dir)
	}
	return appendMessage(dst, []byte(message))
}
