package sim

// hysteresis is how far below its trip a temperature must fall before throttling
// ends, in °C: as in the device tree of the i.MX 8M, the SoC of the Coral Dev Board
// (imx8mq.dtsi: hysteresis = <2000>), and of most boards.
const hysteresis = 2.0

// bangBang is a throttle that knows two states.
type bangBang struct {
	facts Facts
	share float64
}

// BangBang makes a two-point throttle: no controllable power from the set point up,
// all of it again below the set point less the hysteresis; the law of Linux's
// bang_bang governor (drivers/thermal/gov_bang_bang.c), which drives fans with it.
// It decides at every Interval, believes what its sensor says, and keeps its state
// while that cannot be read.
func BangBang(f Facts) Policy { return &bangBang{facts: f, share: 1} }

// Decide is Policy's.
func (b *bangBang) Decide(o Observation) float64 {
	switch {
	case !o.OK:
	case o.Temp >= b.facts.SetPoint:
		b.share = 0
	case o.Temp < b.facts.SetPoint-hysteresis:
		b.share = 1
	}
	return b.share
}
