package journal

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Waits between attempts while writing fails: short enough to lose little, long enough to spare a disk that stays broken.
const (
	firstRetry = time.Second
	lastRetry  = 8 * time.Second
)

// complaint is how often the console hears of an outage while it lasts.
const complaint = time.Hour

// writer is the goroutine that owns the files: it alone waits for the disk.
type writer struct {
	journal  *Journal
	queue    *queue
	files    *files
	interval time.Duration // longest time a line waits for its fsync

	syncs chan chan error // requests of Sync
	stop  chan struct{}
	done  chan struct{}
	err   error // of the last attempt before done

	buffer     []byte       // what was taken from the queue
	rest       []byte       // the lines of buffer that are not on file yet
	left       atomic.Int64 // number of lines in rest
	restUrgent bool
	unsynced   int64 // lines on file that wait for fsync

	syncTimer, retryTimer *time.Timer
	syncArmed             bool
	failure               error         // why writing does not work, nil while it does
	failedAt, toldAt      time.Duration // since boot: its begin, and when the console last heard of it
	retry                 time.Duration // the next wait
}

func newWriter(j *Journal, q *queue, f *files, interval time.Duration) *writer {
	w := &writer{
		journal: j, queue: q, files: f, interval: interval,
		syncs: make(chan chan error), stop: make(chan struct{}), done: make(chan struct{}),
		buffer:    make([]byte, 0, cap(q.pending)),
		syncTimer: time.NewTimer(interval), retryTimer: time.NewTimer(firstRetry),
		retry: firstRetry,
	}
	w.syncTimer.Stop()
	w.retryTimer.Stop()
	return w
}

func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case <-w.queue.wake:
			if w.failure == nil {
				_ = w.step(false) // a failure is noted and tried again
			}
		case <-w.syncTimer.C:
			w.syncArmed = false
			if w.failure == nil {
				_ = w.step(true)
			}
		case <-w.retryTimer.C:
			_ = w.step(true)
		case reply := <-w.syncs:
			reply <- w.step(true)
		case <-w.stop:
			w.finish()
			return
		}
	}
}

// step writes what has been queued until now. It syncs it if told so or if there is an error among it.
func (w *writer) step(sync bool) error {
	err := w.write()
	if err == nil && (sync || w.restUrgent) {
		err = w.sync()
	}
	if err != nil {
		w.fail(err)
		return err
	}
	switch {
	case w.unsynced == 0:
		w.retry = firstRetry
	case !w.syncArmed:
		w.syncTimer.Reset(w.interval)
		w.syncArmed = true
	}
	return nil
}

// write brings first the rest and then one filling of the queue to the file.
func (w *writer) write() error {
	if err := w.writeRest(); err != nil {
		return err
	}
	if w.failure != nil {
		if err := w.probe(); err != nil {
			return err
		}
	}
	w.rest, w.restUrgent = w.journal.take(w.queue, w.buffer)
	w.buffer = w.rest
	w.left.Store(int64(bytes.Count(w.rest, newline)))
	return w.writeRest()
}

// writeRest writes the rest, as far as the disk takes it.
func (w *writer) writeRest() error {
	if len(w.rest) == 0 {
		return nil
	}
	n, err := w.files.append(w.rest)
	lines := int64(bytes.Count(w.rest[:n], newline))
	w.rest = w.rest[n:]
	w.left.Add(-lines)
	w.publish(lines)
	return err
}

var newline = []byte{'\n'}

// probe finds out whether the disk works again, and if so puts the outage into the gap record that take will add.
func (w *writer) probe() error {
	if err := w.sync(); err != nil {
		return err
	}
	j := w.journal
	j.mu.Lock()
	w.queue.gap.outage += j.clock.SinceBoot() - w.failedAt
	w.queue.gap.reason = w.failure.Error()
	j.stats.Err = nil
	j.mu.Unlock()
	w.failure = nil
	w.retryTimer.Stop()
	return nil
}

// sync brings what is on file through fsync. After a failed fsync nobody can tell which lines are on the disk.
func (w *writer) sync() error {
	err := w.files.sync()
	w.publish(0)
	if err != nil {
		j := w.journal
		j.mu.Lock()
		w.queue.gap.unsynced += w.unsynced
		j.stats.Unsynced += w.unsynced
		j.mu.Unlock()
		w.unsynced = 0
		return err
	}
	w.unsynced = 0
	w.syncTimer.Stop()
	w.syncArmed = false
	return nil
}

// fail notes that writing does not work and when to try again. The console hears of it, because the files cannot tell.
func (w *writer) fail(err error) {
	j := w.journal
	now := j.clock.SinceBoot()
	begins := w.failure == nil
	if begins {
		w.failedAt = now
	}
	w.failure = err
	j.mu.Lock()
	j.stats.Errors++
	j.stats.Err = err
	if begins || now-w.toldAt >= complaint {
		w.toldAt = now
		j.line = appendLevel(j.stamp(j.line[:0]), zerolog.WarnLevel)
		j.line = appendTrouble(j.line, err.Error(), w.files.dir, "log files cannot be written")
		j.tell(j.line)
	}
	j.mu.Unlock()
	w.retryTimer.Reset(w.retry)
	w.retry = min(2*w.retry, lastRetry)
}

// publish updates the statistics after a write of so many lines or a sync. Lines that went with a removed file are lost;
// the next take reports it.
func (w *writer) publish(lines int64) {
	f, j := w.files, w.journal
	w.unsynced = min(w.unsynced+lines, f.lines) // older ones were synced by a rotation or are lost
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.Written += lines
	j.stats.Bytes, j.stats.Torn = f.total, f.torn
	if f.removed {
		w.queue.lose(f.lost, errRemoved.Error())
		w.queue.signal()
		f.removed, f.lost = false, 0
	}
}

// owesGap reports whether there is a gap that no record tells of yet.
func (w *writer) owesGap() bool {
	w.journal.mu.Lock()
	defer w.journal.mu.Unlock()
	return w.queue.gap != gap{}
}

// finish writes and syncs what is left. Lines that the disk still refuses are lost, which the console hears.
func (w *writer) finish() {
	w.err = w.step(true)
	if w.err == nil && w.owesGap() { // its sync found the file removed
		w.err = w.step(true)
	}
	w.syncTimer.Stop()
	w.retryTimer.Stop()
	w.files.close()
	if w.err == nil {
		return
	}
	j := w.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	left := w.waiting()
	w.queue.lose(left, w.err.Error())
	w.queue.gap.outage += j.clock.SinceBoot() - w.failedAt
	w.tellEnd(w.queue.gap, w.err)
	if left > 0 {
		w.err = fmt.Errorf("%d lines of the log are lost: %w", left, w.err)
	}
}

// waiting returns how many lines are not on file yet. The Journal's mutex is held.
func (w *writer) waiting() int64 { return w.left.Load() + w.queue.lines }

// tellEnd tells the console what the files lack at the end. The Journal's mutex is held.
func (w *writer) tellEnd(g gap, err error) {
	g.reason = err.Error()
	j := w.journal
	j.line = appendGap(j.stamp(j.line[:0]), g, w.files.dir, "log closed with a gap")
	j.tell(j.line)
}

// request asks the goroutine to write and sync everything queued so far, and waits for the outcome.
func (w *writer) request(ctx context.Context) error {
	reply := make(chan error, 1)
	select {
	case w.syncs <- reply:
	case <-w.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
