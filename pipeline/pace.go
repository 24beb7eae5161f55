package pipeline

import (
	"context"
	"time"

	"atoll/model"
)

// maxPause bounds how long the pace holds a source back: however hot the board, each
// is heard now and then.
const maxPause = 2 * time.Second

// Pace says how much of the time may be spent on inference. Its methods are called by
// the goroutines of all sources.
type Pace interface {
	// Share is how much of the work that could be done may be done, 0 to 1.
	Share() float64
	// Hold is told when a job begins to wait for the pace, Release when it goes on.
	Hold()
	Release()
}

// pause is how long a source rests after a job that took so long, for the share of
// its time that it works to be the one given. Sound and text rest only when next to
// nothing may be done: they take little, and what they miss does not come again.
func pause(m model.Modality, took time.Duration, share float64) time.Duration {
	switch {
	case !(share > 0):
		return maxPause
	case share >= 1 || m != model.Vision:
		return 0
	}
	return time.Duration(min(float64(maxPause), float64(took)*(1/share-1)))
}

// rest waits for an item and, while there is one, until the clock reads until. What
// waits longer may make room for newer items meanwhile, as its queue's policy says.
func (p *Pipeline) rest(ctx context.Context, in Input, until time.Duration) error {
	if until <= p.Clock.Now() {
		return nil
	}
	if err := in.Queue.Wait(ctx); err != nil || until <= p.Clock.Now() {
		return err
	}
	p.Pace.Hold()
	defer p.Pace.Release()
	return p.Clock.Sleep(ctx, until)
}
