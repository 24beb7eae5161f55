package app

import (
	"math"
	"sync/atomic"

	"atoll/thermal/actuator"
)

// pace is the thermal budget as the pipeline sees it, and what the controller hears
// back. It gives the whole budget until there is one.
type pace struct {
	changed    chan struct{} // one token
	budget     atomic.Pointer[actuator.Budget]
	precision  atomic.Pointer[actuator.Precision]
	correction atomic.Uint64 // bits of what a power sensor says over what the model does; 0: no sensor
	holds      atomic.Bool   // a job back, now
	held       atomic.Bool   // one since bound was asked last
}

// Share implements pipeline.Pace.
func (p *pace) Share() float64 {
	if b := p.budget.Load(); b != nil {
		return b.Share()
	}
	return 1
}

// Economy implements selector.Heat.
func (p *pace) Economy() bool {
	preference := p.precision.Load()
	return preference != nil && preference.Economy()
}

// Correction implements selector.Meter.
func (p *pace) Correction() (times float64, ok bool) {
	bits := p.correction.Load()
	return math.Float64frombits(bits), bits != 0
}

// correct tells what a power sensor says over what the model does.
func (p *pace) correct(times float64) { p.correction.Store(math.Float64bits(times)) }

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
