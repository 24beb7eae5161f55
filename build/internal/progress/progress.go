// Package progress shows how a job of several steps gets on: a line that lives on a terminal, plain lines elsewhere.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Reporter shows one job at a time. Its methods may be called from several goroutines.
type Reporter struct {
	w     io.Writer
	live  bool // a terminal: one line is written over and over
	color bool
	now   func() time.Time

	mu        sync.Mutex
	job       string
	steps, k  int
	title     string
	began     time.Time // of the job
	stepBegan time.Time
	shown     time.Time // when the step was last shown
}

// How often a step in progress is shown: on a terminal, and elsewhere.
const (
	liveEvery  = 200 * time.Millisecond
	plainEvery = time.Minute
)

// New returns a Reporter that writes to w. With live set, w is a terminal; color allows colours on it; now is the clock.
func New(w io.Writer, live, color bool, now func() time.Time) *Reporter {
	return &Reporter{w: w, live: live, color: color && live, now: now}
}

// Start begins a job of n steps.
func (r *Reporter) Start(job string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.job, r.steps, r.k, r.began = job, n, 0, r.now()
}

// Step begins the next step.
func (r *Reporter) Step(title string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.k++
	r.title, r.stepBegan = title, r.now()
	r.show("")
}

// Advance tells that done of total parts of the step are done.
func (r *Reporter) Advance(done, total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	every := plainEvery
	if r.live {
		every = liveEvery
	}
	if now := r.now(); now.Sub(r.shown) >= every {
		r.show(" " + advance(done, total, now.Sub(r.stepBegan)))
	}
}

// Note says something by the way.
func (r *Reporter) Note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.print(text, true)
}

// Finish ends the job. After an error only the live line is left as it stands: who handles the error prints it.
func (r *Reporter) Finish(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.print(r.paint("32", fmt.Sprintf("%s: done in %s", r.job, clock(r.now().Sub(r.began)))), true)
	} else if r.live {
		fmt.Fprintln(r.w)
	}
}

// show writes the line of the current step.
func (r *Reporter) show(progress string) {
	r.shown = r.now()
	where := r.paint("1", fmt.Sprintf("%s [%d/%d]", r.job, r.k, r.steps))
	r.print(fmt.Sprintf("%s %s%s", where, r.title, progress), false)
}

// print writes a line; on a terminal it takes the place of the live line, and stays only if last is set.
func (r *Reporter) print(line string, last bool) {
	if !r.live {
		fmt.Fprintln(r.w, line)
		return
	}
	end := ""
	if last {
		end = "\n"
	}
	fmt.Fprint(r.w, "\r\x1b[K"+line+end)
}

func (r *Reporter) paint(sgr, s string) string {
	if !r.color {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// advance is "43% 1:02, 1:20 left": the rest is taken to go on at the rate so far.
func advance(done, total int, elapsed time.Duration) string {
	if total <= 0 || done < 0 || done > total {
		return clock(elapsed)
	}
	s := fmt.Sprintf("%d%% %s", done*100/total, clock(elapsed))
	if done > 0 && elapsed > time.Second {
		s += ", " + clock(time.Duration(float64(elapsed)*float64(total-done)/float64(done))) + " left"
	}
	return s
}

// clock writes a duration as 1:02:03 or 2:03.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
