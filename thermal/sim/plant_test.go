package sim

import (
	"math"
	"math/rand/v2"
	"testing"
)

// drawn is the plant of a seed.
func drawn(seed uint64) (plant, []fault) { return draw(rand.New(rand.NewPCG(seed, 0))) }

// euler moves s on by Euler steps of a millisecond.
func (p *plant) euler(s *state, watts, ambient, seconds float64) {
	const h = 1e-3
	for range int(math.Round(seconds / h)) {
		var flow [4]float64 // into each node from the one inside of it
		flow[0] = watts
		for i := range p.nodes {
			outside := ambient
			if i+1 < p.nodes {
				outside = s[i+1]
			}
			flow[i+1] = (s[i] - outside) / p.resistance[i]
		}
		for i := range p.nodes {
			s[i] += h * (flow[i] - flow[i+1]) / p.capacity[i]
		}
	}
}

func TestPlantStepsAsTheEquations(t *testing.T) {
	for seed := range uint64(20) {
		p, _ := drawn(seed)
		got := p.equilibrium(0, 20)
		want := got
		watts := p.power(1, 25)
		for range 300 {
			p.step(&got, watts, 20)
		}
		p.euler(&want, watts, 20, 30)
		for i := range p.nodes {
			if math.Abs(got[i]-want[i]) > 0.01*(1+math.Abs(want[i]-20)) {
				t.Errorf("seed %d: node %d at %.3f °C after 30 s, want %.3f", seed, i, got[i], want[i])
			}
		}
	}
}

func TestExponential(t *testing.T) {
	var m [5][5]float64
	m[0][0], m[1][1], m[2][3], m[3][2] = -1, 2, -1, 1 // decay, growth, and a rotation
	e := exponential(m, 0.7)
	for _, c := range []struct {
		i, j int
		want float64
	}{
		{0, 0, math.Exp(-0.7)}, {1, 1, math.Exp(1.4)}, {2, 2, math.Cos(0.7)}, {3, 2, math.Sin(0.7)}, {2, 3, -math.Sin(0.7)},
		{4, 4, 1}, {0, 1, 0},
	} {
		if got := e[c.i][c.j]; math.Abs(got-c.want) > 1e-12 {
			t.Errorf("element %d,%d is %v, want %v", c.i, c.j, got, c.want)
		}
	}
}

// Heat that goes in goes out or warms the nodes.
func TestEnergyBalance(t *testing.T) {
	for seed := range uint64(20) {
		p, _ := drawn(seed)
		const ambient, watts = 20.0, 4.0
		s := p.equilibrium(0.2, ambient)
		stored := func() (joules float64) {
			for i := range p.nodes {
				joules += p.capacity[i] * s[i]
			}
			return joules
		}
		out := func() float64 { return (s[p.nodes-1] - ambient) / p.resistance[p.nodes-1] }
		balance, lost := stored(), 0.0
		for range 6000 {
			before := out()
			p.step(&s, watts, ambient)
			lost += Interval.Seconds() * (before + out()) / 2
		}
		in := watts * 600
		if off := in - lost - (stored() - balance); math.Abs(off) > 0.001*in {
			t.Errorf("seed %d: %.2f J of %.0f J are missing", seed, off, in)
		}
	}
}

func TestEquilibriumRests(t *testing.T) {
	for seed := range uint64(50) {
		p, _ := drawn(seed)
		s := p.equilibrium(0, 10)
		began := s
		for range 100 {
			p.step(&s, p.power(0, s[0]), 10)
		}
		for i := range p.nodes {
			if math.Abs(s[i]-began[i]) > 1e-3 {
				t.Errorf("seed %d: node %d moves from %.4f to %.4f °C", seed, i, began[i], s[i])
			}
		}
	}
}

// The share that hold finds takes the die to the target in one step, where there is one.
func TestHoldReachesTheTarget(t *testing.T) {
	held := 0
	for seed := range uint64(50) {
		p, _ := drawn(seed)
		around := p.ambient.at(0)
		s := p.equilibrium(0.5, around)
		for i := range p.nodes { // a board that is warm already
			s[i] = around + (s[i]-around)*(setPoint-around)/(s[0]-around)
		}
		for range 3000 {
			share := p.hold(&s, setPoint, around)
			p.step(&s, p.power(share, s[0]), around)
			if share > 0 && share < 1 {
				held++
				if math.Abs(s[0]-setPoint) > 1e-6 {
					t.Fatalf("seed %d: a share of %.3f leads to %.4f °C", seed, share, s[0])
				}
			}
		}
	}
	if held < 50*3000/2 { // elsewhere the load can't make it that hot, or idle power does
		t.Errorf("held for %d of %d steps", held, 50*3000)
	}
}

func TestSensor(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	t.Run("conversions and steps", func(t *testing.T) {
		s := sensor{noise: 0.3, quantum: 0.5, refresh: 5}
		last, changes := 0.0, 0
		for i := range 1000 {
			value, ok := s.read(r, 50)
			if !ok {
				t.Fatal("a read failed")
			}
			if off := math.Abs(value - math.Round(value/0.5)*0.5); off > 1e-9 {
				t.Fatalf("%v is no step of 0.5", value)
			}
			if value != last {
				if i%5 != 0 {
					t.Fatalf("read %d changed between conversions", i)
				}
				changes++
			}
			last = value
		}
		if changes < 20 {
			t.Errorf("only %d changes", changes)
		}
	})
	t.Run("dropouts and noise", func(t *testing.T) {
		s := sensor{noise: 0.3, quantum: 0.001, refresh: 1, dropout: 0.1}
		failed, square := 0, 0.0
		for range 10_000 {
			value, ok := s.read(r, 50)
			square += (value - 50) * (value - 50)
			if !ok {
				failed++
			}
		}
		if failed < 900 || failed > 1100 {
			t.Errorf("%d of 10000 reads failed, want a tenth", failed)
		}
		if got := math.Sqrt(square / 10_000); math.Abs(got-0.3) > 0.02 {
			t.Errorf("standard deviation %.3f, want 0.3", got)
		}
	})
}

func TestAmbientStaysInRange(t *testing.T) {
	for seed := range uint64(500) {
		p, _ := drawn(seed)
		for at := 0.0; at < workTime+faultTime; at += 7 {
			if got := p.ambient.at(at); !(got >= -20 && got <= 50) {
				t.Fatalf("seed %d: %v °C at %v s", seed, got, at)
			}
		}
	}
}

// Every plant can be held at the set point, and needs to be.
func TestDrawnPlantsNeedControl(t *testing.T) {
	for seed := range uint64(500) {
		p, _ := drawn(seed)
		hottest, coldest := math.Inf(-1), math.Inf(1)
		for at := 0.0; at < workTime+faultTime; at++ {
			hottest, coldest = max(hottest, p.ambient.at(at)), min(coldest, p.ambient.at(at))
		}
		if got := p.equilibrium(0, hottest)[0]; !(got < setPoint) {
			t.Errorf("seed %d: idle at %.1f °C on a day of %.1f", seed, got, hottest)
		}
		if got := p.equilibrium(1, coldest)[0]; !(got > setPoint) {
			t.Errorf("seed %d: full load at %.1f °C on a day of %.1f", seed, got, coldest)
		}
		if p.dynamic <= 0 || p.idle <= 0 || p.leakage < 0 {
			t.Errorf("seed %d: draws %v W idle, %v W under load, %v W of leakage", seed, p.idle, p.dynamic, p.leakage)
		}
	}
}

func TestDrawnFaults(t *testing.T) {
	for seed := range uint64(500) {
		_, faults := drawn(seed)
		kinds := map[faultKind]bool{}
		end := workTime
		for _, f := range faults {
			kinds[f.kind] = true
			if f.from < end || f.until <= f.from || f.until+30 > workTime+faultTime {
				t.Errorf("seed %d: a fault from %.1f to %.1f s, the one before with time to recover until %.1f", seed, f.from, f.until, end)
			}
			end = f.until + 30 // within which recovery must end
			if f.kind == jump && (math.Abs(f.offset) < 5 || math.Abs(f.offset) > 50) {
				t.Errorf("seed %d: a jump of %v K", seed, f.offset)
			}
		}
		if len(faults) != int(numFaults) || len(kinds) != int(numFaults) {
			t.Errorf("seed %d: %d faults of %d kinds", seed, len(faults), len(kinds))
		}
	}
}

func TestDrawnLoads(t *testing.T) {
	for seed := range uint64(500) {
		p, _ := drawn(seed)
		l := p.load
		if len(l.level) != len(l.until) {
			t.Fatalf("seed %d: %d levels until %d times", seed, len(l.level), len(l.until))
		}
		segment, last := 0, 0.0
		for at := 0.0; at < workTime+faultTime; at++ {
			var level float64
			level, segment = l.at(at, segment)
			if !(level >= 0 && level <= 1) {
				t.Fatalf("seed %d: a load of %v", seed, level)
			}
		}
		for i, until := range l.until {
			if until < last {
				t.Errorf("seed %d: segment %d of the load ends at %v s, the one before at %v", seed, i, until, last)
			}
			last = until
		}
		if !math.IsInf(last, 1) || l.level[0] != 0 || l.level[1] != 1 {
			t.Errorf("seed %d: the load ends at %v s and begins with %v", seed, last, l.level[:2])
		}
	}
}
