package actuator

import (
	"math"
	"sync/atomic"
	"time"
)

// Budget is how much inference there may be. Any goroutine may read it.
type Budget struct{ bits atomic.Uint64 }

func newBudget() *Budget {
	b := &Budget{}
	b.bits.Store(math.Float64bits(1))
	return b
}

// Share is how much of the work that could be done may be done, 0 to 1.
func (b *Budget) Share() float64 { return math.Float64frombits(b.bits.Load()) }

// Name implements Actuator.
func (b *Budget) Name() string { return "inference budget" }

// Apply implements Actuator.
func (b *Budget) Apply(s Setting) (changed bool, err error) {
	share := math.Float64bits(s.bounded().Share)
	return b.bits.Swap(share) != share, nil
}

// Restore implements Actuator: all work may be done.
func (b *Budget) Restore() error {
	b.bits.Store(math.Float64bits(1))
	return nil
}

// Where cheaper variants come into use and go out of it again. The gap is wider
// than what the switch itself frees, so that it can't undo its own cause.
const (
	economyBelow = 0.6
	economyUntil = 0.8
	economyDwell = 10 * time.Second
)

// Precision is whether cheaper variants of models are preferred. Any goroutine may
// read it.
type Precision struct {
	now     func() time.Time
	economy atomic.Bool
	since   time.Time // when the share rose above economyUntil; zero below it
}

func newPrecision(now func() time.Time) *Precision { return &Precision{now: now} }

// Economy reports whether cheaper variants are preferred.
func (p *Precision) Economy() bool { return p.economy.Load() }

// Name implements Actuator.
func (p *Precision) Name() string { return "precision preference" }

// Apply implements Actuator: economy begins at once and ends when there was enough
// for a while.
func (p *Precision) Apply(s Setting) (changed bool, err error) {
	share := s.bounded().Share
	if !p.economy.Load() {
		if share < economyBelow {
			p.economy.Store(true)
			p.since = time.Time{}
			return true, nil
		}
		return false, nil
	}
	if share <= economyUntil {
		p.since = time.Time{}
		return false, nil
	}
	now := p.now()
	if p.since.IsZero() {
		p.since = now
	}
	if now.Sub(p.since) < economyDwell {
		return false, nil
	}
	p.economy.Store(false)
	return true, nil
}

// Restore implements Actuator: no preference.
func (p *Precision) Restore() error {
	p.economy.Store(false)
	p.since = time.Time{}
	return nil
}
