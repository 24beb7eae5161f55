package app

import (
	"sync/atomic"

	"atoll/thermal/actuator"
)

// pace is the thermal budget as the pipeline sees it, and what the controller hears
// back. It gives the whole budget until there is one.
type pace struct {
	changed chan struct{} // one token
	budget  atomic.Pointer[actuator.Budget]
	holds   atomic.Bool // a job back, now
	held    atomic.Bool // one since bound was asked last
}

// Share implements pipeline.Pace.
func (p *pace) Share() float64 {
	if b := p.budget.Load(); b != nil {
		return b.Share()
	}
	return 1
}

// Changed implements pipeline.Pace.
func (p *pace) Changed() <-chan struct{} { return p.changed }

// tell wakes the pipeline to look at the share.
func (p *pace) tell() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// Held implements pipeline.Pace.
func (p *pace) Held(back bool) {
	p.holds.Store(back)
	if back {
		p.held.Store(true)
	}
}

// bound reports whether any work was held back since the last call.
func (p *pace) bound() bool {
	held := p.held.Swap(false)
	return held || p.holds.Load()
}
