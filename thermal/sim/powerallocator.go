package sim

import (
	"math"
	"time"
)

// What a device tree says for power_allocator: its documentation's example polls
// every 100 ms (polling-delay-passive = <100>), and hi3660.dtsi (HiKey 960) has its
// two trips, "switch on" and "target", 10 °C apart.
const (
	allocatorPolling  = 100 * time.Millisecond
	allocatorSwitchOn = 10.0 // °C below the set point
)

// powerAllocator is Linux's governor that hands out power by a PID law. Powers are
// in W, of what can be controlled; its documentation has mW and m°C, so that the
// gains are the same numbers.
type powerAllocator struct {
	setPoint, switchOn float64 // °C
	sustainable        float64 // W
	most               float64 // W that the cooling devices can use
	over, under        float64 // k_po and k_pu, W/°C
	integrate          float64 // k_i, W/°C a poll
	cutoff             float64 // integral_cutoff, °C

	poll     poller
	integral float64 // °C, the sum of past errors
	granted  float64 // W
}

// PowerAllocator makes a policy that does as Linux's power_allocator governor,
// also called IPA (Documentation/driver-api/thermal/power_allocator.rst and
// drivers/thermal/gov_power_allocator.c), with the constants that the kernel
// estimates where the device tree gives only sustainable-power:
//
//	k_po = sustainable / (set point - switch on)
//	k_pu = 2 sustainable / (set point - switch on)
//	k_i  = k_pu / 10, k_d = 0, integral_cutoff = 0
//
// An error counts into the integral only while it is below the cutoff, so above the
// set point, and while the integral's share of power stays below what the board can
// use. Below the switch-on temperature everything is allowed and the integral is
// forgotten.
//
// What its cooling devices can use is what a board draws above idle, as an energy
// model counts it; sustainable-power is all that the board can dissipate, as the
// documentation says. To its advantage the power granted is used as it is, where a
// board would round it down to a cooling state. It believes what its sensor says;
// when that cannot be read everything stays as it is.
func PowerAllocator(f Facts) Policy {
	most := f.Full - f.Idle
	under := 2 * f.Sustainable / allocatorSwitchOn
	return &powerAllocator{
		setPoint: f.SetPoint, switchOn: f.SetPoint - allocatorSwitchOn,
		sustainable: f.Sustainable, most: most, granted: most,
		over: f.Sustainable / allocatorSwitchOn, under: under, integrate: under / 10,
		poll: poller{every: allocatorPolling},
	}
}

// Decide is Policy's.
func (p *powerAllocator) Decide(o Observation) float64 {
	if p.poll.due(o.Now) && o.OK {
		p.update(o.Temp)
	}
	return p.granted / p.most
}

func (p *powerAllocator) update(temp float64) {
	if temp < p.switchOn {
		p.integral = 0
		p.granted = p.most
		return
	}
	err := p.setPoint - temp
	gain := p.under
	if err < 0 {
		gain = p.over
	}
	if err < p.cutoff && math.Abs(p.integrate*(p.integral+err)) < p.most {
		p.integral += err
	}
	power := p.sustainable + gain*err + p.integrate*p.integral
	p.granted = min(max(power, 0), p.most)
}
