// Package sourcetest holds what tests of the pipeline need in place of real sources: a clock that does not wait.
package sourcetest

import (
	"context"
	"sync"
	"time"
)

// Clock is a source.Clock on which every Sleep returns at once, with the time moved on to its end. The zero value reads 0.
type Clock struct {
	mu  sync.Mutex
	now time.Duration
}

// Now is the time reached so far.
func (c *Clock) Now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep moves the time on to until, unless it is past that, and returns ctx's error where that has ended.
func (c *Clock) Sleep(ctx context.Context, until time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = max(c.now, until)
	return nil
}
