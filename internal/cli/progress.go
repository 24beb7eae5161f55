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
	from        time.Time // when what is counted began
	shown       bool
}

// startProgress begins the display for so many things of a kind, named in the plural.
func startProgress(w io.Writer, total int, of string) *progress {
	p := startStages(w)
	p.of, p.total = of, total
	if total < 2 {
		p.w = nil
	}
	return p
}

// startStages begins the display for work that has several stages.
func startStages(w io.Writer) *progress {
	p := &progress{began: time.Now()}
	p.from = p.began
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w = w
	}
	return p
}

// step says that one more of total is done.
func (p *progress) step() {
	p.done++
	p.show(time.Now(), p.line)
}

// stage says how much is done of what is done now.
func (p *progress) stage(doing string, done, total int) {
	now := time.Now()
	if doing != p.of || done < p.done { // another stage, or another round of the same
		p.of, p.from, p.last = doing, now, time.Time{}
	}
	p.done, p.total = done, total
	p.show(now, p.stageLine)
}

func (p *progress) show(now time.Time, line func(elapsed time.Duration) string) {
	if p.w == nil || now.Sub(p.began) < progressAfter || now.Sub(p.last) < progressEvery {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(p.w, "\r\x1b[K%s", line(now.Sub(p.from)))
}

func (p *progress) line(elapsed time.Duration) string {
	return fmt.Sprintf("%d of %d %s, %v left", p.done, p.total, p.of, p.left(elapsed))
}

func (p *progress) stageLine(elapsed time.Duration) string {
	doing := fmt.Sprintf("%.50s", printable(p.of))
	switch {
	case p.total < 2:
		return doing
	case p.done == 0:
		return fmt.Sprintf("%s: 0 of %d", doing, p.total)
	}
	return fmt.Sprintf("%s: %d of %d, %v left", doing, p.done, p.total, p.left(elapsed))
}

func (p *progress) left(elapsed time.Duration) time.Duration {
	return (elapsed / time.Duration(p.done) * time.Duration(p.total-p.done)).Round(time.Second)
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
