package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Bounds of Options.
const (
	minFileBytes  = 4 << 10
	minQueueBytes = 16 << 10
	consoleBytes  = 64 << 10 // queue of the console
)

// Options say where and how to log. Zero values stand for the defaults.
type Options struct {
	Dir     string        // folder of the log files, made if missing; empty: no files
	Console io.Writer     // people read along here; coloured if it is a terminal and NO_COLOR is not set; nil: nobody
	Level   zerolog.Level // least level that is logged; the zero value is zerolog.DebugLevel

	ConsoleLevel zerolog.Level // least level that the console shows of what is logged; the zero value shows all

	MaxBytes     int64         // bound of all files together, default 64 MiB, at least twice FileBytes
	FileBytes    int64         // bound of one file, default 4 MiB, at least 4 KiB
	ReserveBytes int64         // free space below which the files do not grow, default 32 MiB, at most an eighth of the file system; negative: none
	SyncInterval time.Duration // longest time until a record below level error is synced, default 5 s
	QueueBytes   int           // bound of what waits for the disk, default 256 KiB, at least 16 KiB
	FoldBurst    int           // records of a kind that are written before the rest is folded, default 100
	FoldInterval time.Duration // default 10 s
	CloseTimeout time.Duration // longest time that Close waits for the sinks, default 2 s

	FS    FS     // default: the operating system's
	Clock Clock  // default: the system's
	Root  string // root folder of /proc, default "/"
}

// Stats counts since Open. Lines are records.
type Stats struct {
	Written     int64 // lines that reached a file
	Lost        int64 // lines refused by a full queue, given up by Close or in a file that somebody removed
	Unsynced    int64 // lines written, but their fsync failed
	Folded      int64 // lines counted instead of written
	Torn        int64 // torn lines found at the end of a file and closed
	ConsoleLost int64 // lines not shown on the console
	Errors      int64 // failed attempts to write or sync
	Bytes       int64 // all files together
	Err         error // why writing does not work now; nil while it does
}

// Journal writes records to files and a console. Its methods may be called from any goroutine.
type Journal struct {
	clock   Clock
	boot    string
	level   zerolog.Level
	timeout time.Duration
	limit   int // bytes of a line

	writer    *writer  // nil without files
	console   *console // nil without console
	closeOnce sync.Once
	closeErr  error

	mu        sync.Mutex // guards all below and the queues
	queues    []*queue
	fold      *folder
	foldTimer *time.Timer
	line      []byte // the record being made
	stats     Stats
	closed    bool
}

// Open begins a journal. A folder that cannot be written for good is a *DirError; a full or failing disk is not an
// error: records wait until it works again. Close it when done.
func Open(o Options) (*Journal, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	j := &Journal{
		clock: o.Clock, level: o.Level, timeout: o.CloseTimeout,
		limit: int(min(maxLine, o.FileBytes, int64(o.QueueBytes/4))),
		fold:  newFolder(o.FoldBurst, o.FoldInterval),
	}
	j.line = make([]byte, 0, j.limit)
	boot, bootErr := bootID(o.Root)
	j.boot = boot
	var log *files
	var logErr error
	if o.Dir != "" {
		log = &files{fs: o.FS, dir: o.Dir, fileBytes: o.FileBytes, maxBytes: o.MaxBytes, reserve: o.ReserveBytes}
		if logErr = log.open(); logErr != nil && !passing(logErr) {
			log.close()
			return nil, dirError(o.Dir, logErr)
		}
	}
	j.start(o, log, logErr)
	j.report(bootErr)
	return j, nil
}

// start begins the goroutines of the sinks, which Close ends. logErr is why log cannot be written yet.
func (j *Journal) start(o Options, log *files, logErr error) {
	j.foldTimer = time.AfterFunc(o.FoldInterval, j.rollFold)
	j.foldTimer.Stop()
	if o.Console != nil { // first, because the writer tells it of failures
		q := newQueue(consoleBytes)
		q.least = o.ConsoleLevel
		j.queues = append(j.queues, q)
		j.console = newConsole(j, q, o.Console)
		go j.console.run()
	}
	if log != nil {
		q := newQueue(o.QueueBytes)
		q.dir = o.Dir
		j.queues = append(j.queues, q)
		j.writer = newWriter(j, q, log, o.SyncInterval)
		j.stats.Bytes, j.stats.Torn = log.total, log.torn
		if logErr != nil {
			j.writer.fail(logErr)
		}
		go j.writer.run()
	}
}

func (o *Options) complete() error {
	if o.Dir == "" && o.Console == nil {
		return errors.New("a journal needs a folder, a console or both")
	}
	def(&o.MaxBytes, 64<<20)
	def(&o.FileBytes, 4<<20)
	def(&o.ReserveBytes, 32<<20)
	def(&o.SyncInterval, 5*time.Second)
	def(&o.QueueBytes, 256<<10)
	def(&o.FoldBurst, 100)
	def(&o.FoldInterval, 10*time.Second)
	def(&o.CloseTimeout, 2*time.Second)
	def(&o.Root, "/")
	if o.FS == nil {
		o.FS = osFS{}
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	switch {
	case o.FileBytes < minFileBytes:
		return fmt.Errorf("log files of %d bytes are too small: allow at least %d", o.FileBytes, minFileBytes)
	case o.MaxBytes/2 < o.FileBytes:
		return fmt.Errorf("%d bytes of logs are too few for files of %d: allow at least twice as many", o.MaxBytes, o.FileBytes)
	case o.QueueBytes < minQueueBytes:
		return fmt.Errorf("a log queue of %d bytes is too small: allow at least %d", o.QueueBytes, minQueueBytes)
	case o.SyncInterval < 0 || o.FoldInterval < 0 || o.CloseTimeout < 0 || o.FoldBurst < 0:
		return errors.New("sync interval, fold interval, fold burst and close timeout of the log cannot be negative")
	}
	return nil
}

// def sets a default.
func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// ParseLevel returns the level of a name: trace, debug, info, warn, error or off.
func ParseLevel(name string) (zerolog.Level, error) {
	switch level := strings.ToLower(name); level {
	case "trace", "debug", "info", "warn", "error":
		return zerolog.ParseLevel(level)
	case "off":
		return zerolog.Disabled, nil
	}
	return zerolog.NoLevel, fmt.Errorf("unknown log level %q: use trace, debug, info, warn, error or off", name)
}

// Logger returns a logger that writes to the journal.
func (j *Journal) Logger() zerolog.Logger {
	return zerolog.New(entry{Journal: j}).Level(j.level)
}

// Events returns a logger whose records are never folded, for records that are the product itself and whose rate their
// maker bounds. They share the queues with all others, so a flood of them is still refused and counted.
func (j *Journal) Events() zerolog.Logger {
	return zerolog.New(entry{Journal: j, whole: true}).Level(j.level)
}

// Stats returns the counters.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	s.Folded = j.fold.total
	if j.writer != nil {
		s.Lost = j.writer.queue.lost
	}
	if j.console != nil {
		s.ConsoleLost = j.console.queue.lost
	}
	return s
}

// Sync writes all records logged before the call to the disk and waits until fsync has returned, or ctx ends. Records
// already counted as lost are no error. Without files it does nothing.
func (j *Journal) Sync(ctx context.Context) error {
	if j.writer == nil {
		return nil
	}
	return j.writer.request(ctx)
}

// Close writes and syncs what is queued and ends the journal. It waits at most Options.CloseTimeout; a disk that still
// hangs then is left to finish by itself. Records logged after Close count as lost.
func (j *Journal) Close() error {
	j.closeOnce.Do(func() { j.closeErr = j.close() })
	return j.closeErr
}

func (j *Journal) close() error {
	j.foldTimer.Stop()
	j.mu.Lock()
	j.fold.roll(0, j.sayFolded)
	j.closed = true
	j.mu.Unlock()
	deadline := time.After(j.timeout)
	err := j.closeWriter()
	if j.console != nil { // last, because it tells what is missing in the files
		close(j.console.stop)
		select {
		case <-j.console.done:
		case <-deadline: // what people do not see is on file
		}
	}
	return err
}

// closeWriter ends the writer. With a console it leaves a quarter of the time to tell that the disk hangs.
func (j *Journal) closeWriter() error {
	w := j.writer
	if w == nil {
		return nil
	}
	patience := j.timeout
	if j.console != nil {
		patience -= j.timeout / 4
	}
	close(w.stop)
	select {
	case <-w.done:
		return w.err
	case <-time.After(patience):
	}
	err := fmt.Errorf("the log was not on disk after %v", patience)
	j.mu.Lock()
	defer j.mu.Unlock()
	w.tellEnd(gap{lost: w.queue.gap.lost + w.waiting()}, err)
	return err
}
