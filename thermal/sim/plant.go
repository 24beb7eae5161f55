package sim

import (
	"math"
	"math/rand/v2"
)

// plant is a simulated board: a chain of thermal nodes from the die to the
// surroundings, a load, and a sensor.
//
//	die ─R─ board ─R─ (case ─R─) surroundings
//
// Each node has a heat capacity. The die draws idle power, leakage that grows
// exponentially with its temperature, and what its load may draw.
type plant struct {
	nodes      int
	resistance [3]float64 // K/W, from node i to the next
	capacity   [3]float64 // J/K

	idle, dynamic  float64 // W: always drawn; at full load and share 1
	leakage, eFold float64 // W at 25 °C; K of temperature that multiply it by e
	ambient        ambient
	load           load
	sensor         sensor
	powerGain      float64 // of the power measurement or estimate; 1 is exact
	powerNoise     float64 // its standard deviation, as a share

	// Exact step of the linear network over one Interval: T' = a·T + b·P + c·ambient.
	a    [3][3]float64
	b, c [3]float64
}

// state is the temperature of each node in °C.
type state [3]float64

// discretise fills a, b and c by the exponential of the augmented matrix.
func (p *plant) discretise(step float64) {
	var m [5][5]float64 // nodes, then the two inputs
	for i := range p.nodes {
		out := 1 / (p.resistance[i] * p.capacity[i])
		m[i][i] -= out
		if i+1 < p.nodes {
			m[i][i+1] += out
			back := 1 / (p.resistance[i] * p.capacity[i+1])
			m[i+1][i] += back
			m[i+1][i+1] -= back
		} else {
			m[i][4] += out
		}
	}
	m[0][3] = 1 / p.capacity[0]
	e := exponential(m, step)
	for i := range 3 {
		copy(p.a[i][:], e[i][:3])
		p.b[i], p.c[i] = e[i][3], e[i][4]
	}
}

// exponential is e^(m·t), by scaling, a Taylor series, and squaring.
func exponential(m [5][5]float64, t float64) [5][5]float64 {
	const halvings = 10
	for i := range m {
		for j := range m[i] {
			m[i][j] *= t / (1 << halvings)
		}
	}
	var sum, term [5][5]float64
	for i := range 5 {
		sum[i][i], term[i][i] = 1, 1
	}
	for k := 1; k <= 8; k++ {
		term = product(term, m)
		for i := range 5 {
			for j := range 5 {
				term[i][j] /= float64(k)
				sum[i][j] += term[i][j]
			}
		}
	}
	for range halvings {
		sum = product(sum, sum)
	}
	return sum
}

func product(x, y [5][5]float64) (z [5][5]float64) {
	for i := range 5 {
		for k := range 5 {
			if x[i][k] != 0 {
				for j := range 5 {
					z[i][j] += x[i][k] * y[k][j]
				}
			}
		}
	}
	return z
}

// step moves s on by one Interval in which the plant drew power.
func (p *plant) step(s *state, power, ambient float64) {
	old := *s
	for i := range p.nodes {
		s[i] = p.b[i]*power + p.c[i]*ambient
		for j := range p.nodes {
			s[i] += p.a[i][j] * old[j]
		}
	}
}

// power is what the plant draws at a share of its dynamic power.
func (p *plant) power(share, die float64) float64 {
	return p.idle + p.leak(die) + share*p.dynamic
}

func (p *plant) leak(die float64) float64 {
	return p.leakage * math.Exp((min(die, 150)-25)/p.eFold)
}

// total is the resistance from the die to the surroundings in K/W.
func (p *plant) total() float64 {
	sum := 0.0
	for i := range p.nodes {
		sum += p.resistance[i]
	}
	return sum
}

// hold is the share that takes the die exactly to target in one step, 0 to 1: what a
// controller would choose that knew everything.
func (p *plant) hold(s *state, target, ambient float64) float64 {
	next := p.c[0] * ambient
	for j := range p.nodes {
		next += p.a[0][j] * s[j]
	}
	watts := (target - next) / p.b[0]
	return min(1, max(0, (watts-p.idle-p.leak(s[0]))/p.dynamic))
}

// equilibrium is the state at which the plant rests at a share.
func (p *plant) equilibrium(share, ambient float64) state {
	die := ambient
	for range 200 { // leakage feeds back: relax towards the fixed point
		die += 0.3 * (ambient + p.power(share, die)*p.total() - die)
		if die > 150 {
			break
		}
	}
	var s state
	watts, t := p.power(share, die), ambient
	for i := p.nodes - 1; i >= 0; i-- {
		t += watts * p.resistance[i]
		s[i] = t
	}
	return s
}

// sensor turns a temperature into readings.
type sensor struct {
	noise   float64 // standard deviation, K
	quantum float64 // K
	refresh int     // steps between two conversions
	dropout float64 // probability that a read fails

	held float64 // last conversion
	left int     // steps until the next
}

func (s *sensor) read(r *rand.Rand, die float64) (value float64, ok bool) {
	if s.left--; s.left < 0 {
		s.left = s.refresh - 1
		s.held = math.Round((die+s.noise*r.NormFloat64())/s.quantum) * s.quantum
	}
	return s.held, r.Float64() >= s.dropout
}
