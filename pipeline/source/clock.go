package source

import (
	"context"
	"time"
)

// Clock is the monotonic clock of a run: every Item's time is read from it.
type Clock interface {
	// Now is the time since the run began.
	Now() time.Duration
	// Sleep returns once Now is at least until, or with ctx's error when that ends first.
	Sleep(ctx context.Context, until time.Duration) error
}

// NewClock returns the real clock, which reads 0 now.
func NewClock() Clock { return &realClock{start: time.Now(), idle: make(chan *time.Timer, idleTimers)} }

type realClock struct {
	start time.Time
	idle  chan *time.Timer // timers to use again, so that a paced source allocates nothing per item
}

// idleTimers is how many timers are kept: more sources than that seldom wait at once.
const idleTimers = 16

func (c *realClock) Now() time.Duration { return time.Since(c.start) }

func (c *realClock) Sleep(ctx context.Context, until time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d := until - c.Now()
	if d <= 0 {
		return nil
	}
	t := c.timer(d)
	defer c.put(t)
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		t.Stop()
		return ctx.Err()
	}
}

func (c *realClock) timer(d time.Duration) *time.Timer {
	select {
	case t := <-c.idle:
		t.Reset(d)
		return t
	default:
		return time.NewTimer(d)
	}
}

func (c *realClock) put(t *time.Timer) {
	select {
	case c.idle <- t:
	default:
	}
}

// maxLag is how far a paced source may fall behind before it gives up catching up.
const maxLag = time.Second

// pacer spaces out the items of a source that has no timing of its own. Times are media time: even spacing, free of jitter.
type pacer struct {
	clock Clock
	due   time.Duration
}

// wait waits for the next item's time, returns it and sets the one after step later.
func (p *pacer) wait(ctx context.Context, step time.Duration) (time.Duration, error) {
	if err := p.clock.Sleep(ctx, p.due); err != nil {
		return 0, err
	}
	if now := p.clock.Now(); now-p.due > maxLag {
		p.due = now
	}
	at := p.due
	p.due += step
	return at, nil
}
