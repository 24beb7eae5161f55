package source

import (
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

const (
	minBackOff = 500 * time.Millisecond
	maxBackOff = 30 * time.Second
)

// backOff tells how long to wait after each failure in a row: twice as long every time, up to a bound, and half of it by chance so
// that sources which failed together do not return together.
type backOff struct {
	rng  *rand.Rand
	next time.Duration
}

func newBackOff(seed uint64, name string) *backOff {
	h := fnv.New64a()
	h.Write([]byte(name))
	return &backOff{rng: rand.New(rand.NewPCG(seed, h.Sum64())), next: minBackOff}
}

func (b *backOff) failed() time.Duration {
	d := b.next
	b.next = min(2*b.next, maxBackOff)
	return d/2 + time.Duration(b.rng.Int64N(int64(d/2)))
}

func (b *backOff) worked() { b.next = minBackOff }

// retry keeps a live source going: it calls attempt again after every failure until ctx ends. attempt calls its argument when it
// has delivered something. A failure is logged once, until another takes its place or the source works again.
func (b *base) retry(ctx context.Context, attempt func(working func()) error) error {
	wait := newBackOff(b.env.Seed, b.cfg.Name)
	failure := ""
	working := func() {
		if failure != "" {
			b.log.Info().Msg("source works again")
		}
		failure = ""
		wait.worked()
	}
	for {
		err := attempt(working)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil || errors.Is(err, ErrClosed) {
			return err
		}
		b.env.Counters.Retries.Add(1)
		pause := wait.failed()
		if err.Error() != failure {
			failure = err.Error()
			b.log.Warn().Err(err).Dur("again_in", pause).Msg("source failed; it is tried again until it works")
		}
		if err := b.env.Clock.Sleep(ctx, b.env.Clock.Now()+pause); err != nil {
			return err
		}
	}
}
