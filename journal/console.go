package journal

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rs/zerolog"
	"golang.org/x/term"
)

// console is the goroutine that shows records to people. It is apart from the files so that a terminal nobody reads
// cannot hold them up.
type console struct {
	journal *Journal
	queue   *queue
	out     zerolog.ConsoleWriter
	stop    chan struct{}
	done    chan struct{}
}

func newConsole(j *Journal, q *queue, w io.Writer) *console {
	return &console{
		journal: j, queue: q,
		out: zerolog.ConsoleWriter{
			Out:           w,
			NoColor:       !colour(w),
			TimeFormat:    "15:04:05.000",
			TimeLocation:  time.UTC, // as in the files
			FieldsExclude: []string{"boot", "mono"},
			FormatPrepare: quoteMessage,
		},
		stop: make(chan struct{}), done: make(chan struct{}),
	}
}

func (c *console) run() {
	defer close(c.done)
	buffer := make([]byte, 0, consoleBytes+gapRoom)
	for {
		select {
		case <-c.queue.wake:
			buffer = c.show(buffer)
		case <-c.stop:
			c.show(buffer)
			return
		}
	}
}

// show writes what has been queued until now and returns the buffer for the next time.
func (c *console) show(buffer []byte) []byte {
	buffer, _ = c.journal.take(c.queue, buffer)
	for line := range bytes.Lines(buffer) {
		if _, err := c.out.Write(line); err != nil {
			c.journal.mu.Lock()
			c.queue.lose(1, err.Error())
			c.journal.mu.Unlock()
		}
	}
	return buffer
}

// colour reports whether w is a terminal that wants colour (https://no-color.org).
func colour(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// quoteMessage keeps control characters in a message from reaching the terminal. zerolog does it for fields only.
func quoteMessage(event map[string]any) error {
	text, ok := event[zerolog.MessageFieldName].(string)
	if ok && strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		event[zerolog.MessageFieldName] = strconv.Quote(text)
	}
	return nil
}
