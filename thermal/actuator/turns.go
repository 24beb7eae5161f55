package actuator

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// stallAfter is longer than any healthy write takes: a fan's controller on a slow
	// I2C bus needs some milliseconds.
	stallAfter = 2 * time.Second
	// closeWait is how long Close waits for drivers.
	closeWait = 3 * time.Second
)

// turns is the goroutine that waits for the drivers so that nobody else has to, and
// the slot with the setting that it takes next, of which the newest wins.
type turns struct {
	wake  chan struct{} // nil: there is nothing in sysfs to turn
	ended sync.WaitGroup

	mu     sync.Mutex // never held while a driver is waited for; guards what follows
	next   Setting
	closed bool
	busy   string // the actuator that is waited for
	since  time.Time
	told   bool // that it does not answer
}

func (t *turns) begin(s *Set) {
	if s.hold == nil {
		return
	}
	t.wake = make(chan struct{}, 1)
	t.ended.Go(func() {
		for range t.wake {
			t.mu.Lock()
			v := t.next
			t.mu.Unlock()
			if _, err := s.drive(v); err != nil {
				s.o.Logger.Debug().Err(err).Msg("actuators")
			}
		}
	})
}

// end takes no more; it reports whether it is the first to.
func (t *turns) end() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.closed = true
	if t.wake != nil {
		close(t.wake)
	}
	return true
}

// over reports whether it has ended.
func (t *turns) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

// enter notes whose driver is waited for from now on, unless it is too late for that.
func (t *turns) enter(name string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.busy, t.since = name, now
	return true
}

// leave notes that it has answered.
func (t *turns) leave(log zerolog.Logger) {
	t.mu.Lock()
	name, told := t.busy, t.told
	t.busy, t.told = "", false
	t.mu.Unlock()
	if told {
		log.Info().Str("actuator", name).Msg("actuator answers again")
	}
}

// holdup is the actuator whose driver is waited for.
func (t *turns) holdup() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.busy
}

// restores notes whose driver is waited for when all is put back.
func (t *turns) restores(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy = name
}

// steer turns what is in the process, which never fails.
func (s *Set) steer(v Setting) (changed bool, err error) {
	s.turns.mu.Lock()
	defer s.turns.mu.Unlock()
	if s.turns.closed {
		return false, ErrClosed
	}
	changed, _ = s.Budget.Apply(v)
	economy, _ := s.Precision.Apply(v)
	return changed || economy, nil
}

// Turn is Apply for who can't wait for a driver: the budget of inference follows at
// once, what is in sysfs as soon as its drivers have done what was asked before. A
// driver that takes longer than 2 s is told of once.
func (s *Set) Turn(v Setting) error {
	v = v.bounded()
	if _, err := s.steer(v); err != nil {
		return err
	}
	t := &s.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wake == nil || t.closed {
		return nil
	}
	t.next = v
	select {
	case t.wake <- struct{}{}:
	default: // it has not taken the last one yet, and will find this instead
	}
	if t.busy != "" && !t.told && s.o.Now().Sub(t.since) > stallAfter {
		t.told = true
		s.o.Logger.Warn().Str("actuator", t.busy).Dur("since_ms", stallAfter).
			Msg("actuator does not answer: only inference is paced until it does")
	}
	return nil
}
