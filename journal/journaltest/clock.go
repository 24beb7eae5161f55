package journaltest

import (
	"sync/atomic"
	"time"
)

// Clock is a journal.Clock whose wall clock can be stepped. It follows the time package, so it is fake in a synctest bubble.
type Clock struct {
	start time.Time
	base  time.Duration
	step  atomic.Int64
}

// NewClock returns a clock of a machine that booted so long ago.
func NewClock(sinceBoot time.Duration) *Clock {
	return &Clock{start: time.Now(), base: sinceBoot}
}

// Now returns the time, as far off as the steps so far made it.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.step.Load())) }

// SinceBoot returns the time since boot, which no step touches.
func (c *Clock) SinceBoot() time.Duration { return c.base + time.Since(c.start) }

// Step puts the wall clock forward, or back if d is negative.
func (c *Clock) Step(d time.Duration) { c.step.Add(int64(d)) }
