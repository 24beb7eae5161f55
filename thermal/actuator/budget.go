package actuator

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Budget is how much inference there may be: what the clocks leave of the share (see
// pace). Any goroutine may read it.
type Budget struct {
	bits atomic.Uint64

	mu    sync.Mutex
	share float64 // as applied last
	part  float64 // of the power that the clocks in force leave
}

func newBudget() *Budget {
	b := &Budget{share: 1, part: 1}
	b.bits.Store(math.Float64bits(1))
	return b
}

// Share is the share of the time that work may take at the clocks in force, 0 to 1.
func (b *Budget) Share() float64 { return math.Float64frombits(b.bits.Load()) }

// Name implements Actuator.
func (b *Budget) Name() string { return "inference budget" }

// Apply implements Actuator.
func (b *Budget) Apply(s Setting) (changed bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.share = s.bounded().Share
	return b.split(), nil
}

// clocked tells it what part of the power the clocks in force leave.
func (b *Budget) clocked(part float64) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.part = part
	return b.split()
}

func (b *Budget) split() (changed bool) {
	bits := math.Float64bits(pace(b.share, b.part))
	return b.bits.Swap(bits) != bits
}

// Restore implements Actuator: all work may be done.
func (b *Budget) Restore() error {
	_, err := b.Apply(Setting{Share: 1})
	return err
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
