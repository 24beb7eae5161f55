package sim

import (
	"math"
	"math/rand/v2"
)

// A run is first ordinary work, then sensor faults.
const (
	workTime  = 1500.0 // s
	faultTime = 600.0  // s
	setPoint  = 70.0   // °C
)

// ambient is the temperature around the board over time.
type ambient struct {
	base, swing, period, phase float64 // a sine: °C, °C, s, rad
	stepAt, step, stepTime     float64 // and a change, as of an opened door: s, °C, s
}

func (a ambient) at(t float64) float64 {
	v := a.base + a.swing*math.Sin(2*math.Pi*t/a.period+a.phase)
	if t > a.stepAt {
		v += a.step * (1 - math.Exp(-(t-a.stepAt)/a.stepTime))
	}
	return min(50, max(-20, v))
}

// load is how much work there is over time, 0 to 1, in steps.
type load struct {
	until []float64 // s
	level []float64
}

func (l load) at(t float64, from int) (level float64, index int) {
	for from < len(l.until)-1 && t >= l.until[from] {
		from++
	}
	return l.level[from], from
}

// fault is one way in which a sensor lies for a while.
type fault struct {
	kind        faultKind
	from, until float64 // s
	offset      float64 // K, of a jump: 8 to 40, up or down. Below about 3 nothing tells it from weather
	full        float64 // s of full work since
	recovered   bool
}

type faultKind uint8

const (
	dropout faultKind = iota
	stuck
	absurd // −89 °C, as Edge TPUs are known to report when they are off
	jump
	numFaults
)

// draw makes the plant that belongs to r's seed.
func draw(r *rand.Rand) (p plant, faults []fault) {
	between := func(low, high float64) float64 { return low + (high-low)*r.Float64() }
	scale := func(low, high float64) float64 { return low * math.Pow(high/low, r.Float64()) }

	p.nodes = 2 + r.IntN(2)
	p.resistance[0] = scale(1, 6)
	p.capacity[0] = scale(1, 12) / p.resistance[0]
	p.resistance[1] = scale(3, 12)
	p.capacity[1] = scale(60, 600) / p.resistance[1]
	if p.nodes == 3 {
		p.resistance[2] = scale(0.5, 4)
		p.capacity[2] = scale(600, 2400) / p.resistance[2]
	}

	p.ambient = ambient{
		base: between(-20, 45), swing: between(0, 8), period: between(600, 3000), phase: between(0, 2*math.Pi),
		stepAt: between(0, workTime), step: between(-10, 10), stepTime: between(5, 60),
	}
	// Idle alone must leave room below the set point on the hottest day, and full
	// load must take more than there is: else nothing has to be controlled.
	hottest := min(50, p.ambient.base+p.ambient.swing+max(0, p.ambient.step))
	coldest := max(-20, p.ambient.base-p.ambient.swing+min(0, p.ambient.step))
	room := (setPoint - hottest) / p.total()
	p.eFold = between(25, 50)
	p.idle = room * between(0.05, 0.4)
	p.leakage = room * between(0.01, 0.15) / math.Exp((setPoint-25)/p.eFold)
	reach := setPoint + scale(3, 60) - coldest // above the surroundings, under full load
	p.dynamic = reach/p.total() - p.idle

	p.sensor = sensor{
		noise: scale(0.02, 0.5), quantum: [...]float64{0.001, 0.0625, 0.1, 0.5, 1}[r.IntN(5)],
		refresh: [...]int{1, 1, 2, 5, 10}[r.IntN(5)], dropout: between(0, 0.02),
	}
	p.powerGain, p.powerNoise = between(0.98, 1.02), between(0, 0.02)
	if r.IntN(2) == 0 { // no power sensor: an estimate
		p.powerGain, p.powerNoise = between(0.8, 1.25), between(0, 0.05)
	}
	p.discretise(Interval.Seconds())
	faults = drawFaults(r)
	p.load = drawLoad(r, faults)
	return p, faults
}

// drawLoad begins idle, steps to full load, and then changes now and then. Half of
// the faults find little load, which becomes full under them.
func drawLoad(r *rand.Rand, faults []fault) (l load) {
	l.until, l.level = append(l.until, 5+55*r.Float64()), append(l.level, 0)
	l.until, l.level = append(l.until, l.until[0]+300), append(l.level, 1)
	for l.until[len(l.until)-1] < workTime-60 {
		level := 1.0
		if r.IntN(3) == 0 {
			level = r.Float64()
		}
		l.level = append(l.level, level)
		l.until = append(l.until, l.until[len(l.until)-1]+60+240*r.Float64())
	}
	l.until[len(l.until)-1] = min(l.until[len(l.until)-1], workTime)
	for _, f := range faults {
		if r.IntN(2) == 0 {
			l.level = append(l.level, 1, r.Float64())
			l.until = append(l.until, f.from-15*r.Float64(), f.from+(f.until-f.from)*r.Float64())
		}
	}
	l.level = append(l.level, 1)
	l.until = append(l.until, math.Inf(1))
	return l
}

// drawFaults makes one fault of each kind, in any order.
func drawFaults(r *rand.Rand) (list []fault) {
	each := faultTime / float64(numFaults)
	for i, kind := range r.Perm(int(numFaults)) {
		f := fault{kind: faultKind(kind), from: workTime + each*(float64(i)+0.1+0.1*r.Float64())}
		f.until = f.from + 5 + 55*r.Float64()
		f.offset = (8 + 32*r.Float64()) * float64(1-2*r.IntN(2))
		list = append(list, f)
	}
	return list
}
