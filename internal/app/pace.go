package app

import (
	"sync/atomic"

	"atoll/thermal/actuator"
)

// pace is the thermal budget as the pipeline sees it, and what the controller hears
// back. It gives the whole budget until there is one.
type pace struct {
	budget  atomic.Pointer[actuator.Budget]
	waiting atomic.Int32 // jobs, now
	held    atomic.Bool  // some have waited since bound was asked last
}

// Share implements pipeline.Pace.
func (p *pace) Share() float64 {
	if b := p.budget.Load(); b != nil {
		return b.Share()
	}
	return 1
}

// Hold implements pipeline.Pace.
func (p *pace) Hold() { p.waiting.Add(1) }

// Release implements pipeline.Pace.
func (p *pace) Release() {
	p.held.Store(true)
	p.waiting.Add(-1)
}

// bound reports whether any work was held back since the last call.
func (p *pace) bound() bool {
	held := p.held.Swap(false)
	return p.waiting.Load() > 0 || held
}
