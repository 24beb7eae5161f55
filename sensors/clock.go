package sensors

import "time"

// Clock tells the time and ticks. sensorstest.Clock is its fake.
type Clock interface {
	Now() time.Time
	// Tick returns a channel with room for one time, which gets the time once
	// a period unless it is full, and what ends that.
	Tick(period time.Duration) (ticks <-chan time.Time, stop func())
}

// SystemClock is the real one.
type SystemClock struct{}

// Now is time.Now.
func (SystemClock) Now() time.Time { return time.Now() }

// Tick ticks by a time.Ticker.
func (SystemClock) Tick(period time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(period)
	return t.C, t.Stop
}
