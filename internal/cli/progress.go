package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Progress is shown only where work takes so long that somebody could wonder.
const (
	progressAfter = 2 * time.Second
	progressEvery = 200 * time.Millisecond
)

// progress shows on a terminal how far a loop is and how long the rest will take.
type progress struct {
	w           io.Writer // nil: nobody to show it to
	of          string
	done, total int
	began, last time.Time
	shown       bool
}

// startProgress begins the display for so many things of a kind, named in the plural.
func startProgress(w io.Writer, total int, of string) *progress {
	p := &progress{of: of, total: total, began: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && total > 1 {
		p.w = w
	}
	return p
}

// step says that one more of total is done.
func (p *progress) step() {
	p.done++
	now := time.Now()
	if p.w == nil || now.Sub(p.began) < progressAfter || now.Sub(p.last) < progressEvery {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(p.w, "\r\x1b[K%s", p.line(now.Sub(p.began)))
}

func (p *progress) line(elapsed time.Duration) string {
	left := elapsed / time.Duration(p.done) * time.Duration(p.total-p.done)
	return fmt.Sprintf("%d of %d %s, %v left", p.done, p.total, p.of, left.Round(time.Second))
}

// clear removes the line, so that something else can be printed.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// stop ends the display.
func (p *progress) stop() { p.clear() }
