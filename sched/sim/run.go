package sim

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"atoll/sched"
)

// Options of a run.
type Options struct {
	Seed     uint64                // of what models see, and how long jobs take
	Policies []string              // default: all
	Explain  func(*sched.Decision) // every decision of the only policy; may be nil
	Progress func(done, total int) // policies; may be nil; called by one goroutine at a time
}

// Run plays the trace to every policy. It fails when ctx ends before, or for a policy
// that there is not.
func Run(ctx context.Context, t Trace, o Options) (map[string]Score, error) {
	if len(o.Policies) == 0 {
		o.Policies = sched.Policies()
	}
	if o.Explain != nil && len(o.Policies) != 1 {
		return nil, errors.New("one policy at a time can be explained")
	}
	players := make([]*player, len(o.Policies))
	for i, name := range o.Policies {
		p, err := newPlayer(&t, name, o)
		if err != nil {
			return nil, err
		}
		players[i] = p
	}
	if err := play(ctx, players, o.Progress); err != nil {
		return nil, fmt.Errorf("simulation: %w", err)
	}
	scores := map[string]Score{}
	for i, name := range o.Policies {
		scores[name] = players[i].score()
	}
	return scores, nil
}

// play runs all players, one on each processor at a time.
func play(ctx context.Context, players []*player, progress func(done, total int)) error {
	next := make(chan *player)
	var workers sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for p := range next {
				p.run(ctx)
				mu.Lock()
				done++
				if progress != nil && ctx.Err() == nil {
					progress(done, len(players))
				}
				mu.Unlock()
			}
		})
	}
	for _, p := range players {
		next <- p
	}
	close(next)
	workers.Wait()
	return ctx.Err()
}
