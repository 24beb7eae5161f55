package sensorstest

import (
	"sync"
	"time"
)

// Clock is a sensors.Clock that stands still until Advance is called.
type Clock struct {
	mu      sync.Mutex
	now     time.Time
	tickers map[*ticker]bool
}

type ticker struct {
	ticks  chan time.Time
	period time.Duration
	due    time.Time
}

// NewClock returns a clock that reads so.
func NewClock(now time.Time) *Clock {
	return &Clock{now: now, tickers: map[*ticker]bool{}}
}

// Now returns the time reached so far.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Tick implements sensors.Clock.
func (c *Clock) Tick(period time.Duration) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &ticker{make(chan time.Time, 1), period, c.now.Add(period)}
	c.tickers[t] = true
	return t.ticks, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.tickers, t)
	}
}

// Advance puts the clock forward, with every tick on the way at its time. It does not
// wait for whoever takes them; a tick that finds its channel full is lost.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end := c.now.Add(d)
	for {
		next := c.next()
		if next == nil || next.due.After(end) {
			break
		}
		c.now = next.due
		next.due = next.due.Add(next.period)
		select {
		case next.ticks <- c.now:
		default:
		}
	}
	c.now = end
}

// next returns the ticker that is due first.
func (c *Clock) next() *ticker {
	var first *ticker
	for t := range c.tickers {
		if first == nil || t.due.Before(first.due) {
			first = t
		}
	}
	return first
}
