package thermal

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestObserverIsUnbiasedOnARamp(t *testing.T) {
	for _, tt := range []struct {
		name           string
		noise, quantum float64
		every          int
		slope          float64 // K/s, which no model explains
		within         float64 // K, of the mean
	}{
		{"clean", 0.01, 0.001, 1, 0.05, 0.05},
		{"noise", 0.3, 0.001, 1, 0.05, 0.1},
		{"noise, cooling", 0.3, 0.001, 1, -0.05, 0.1},
		{"steps of 0.5 °C", 0.1, 0.5, 1, 0.05, 0.3},
		{"steps of 1 °C", 0.1, 1, 1, 0.05, 0.5},
		{"slow conversions", 0.1, 0.0625, 10, 0.05, 0.2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(5, 6))
			var o observer
			truth := temps{40 + 3*2, 40}
			o.begin(truth.die, 2, nominal)
			held, sum, n := truth.die, 0.0, 0
			for i := range 6000 {
				truth.board += 0.1 * tt.slope
				truth.die += 0.1 * tt.slope
				if i%tt.every == 0 {
					held = math.Round((truth.die+tt.noise*random.NormFloat64())/tt.quantum) * tt.quantum
				}
				o.predict(nominal, 2, 0.1)
				o.correct(held)
				if i > 3000 {
					sum += o.x.die - truth.die
					n++
				}
			}
			if got := sum / float64(n); math.Abs(got) > tt.within {
				t.Errorf("the estimate is off by %.3f K in the mean, want at most %v", got, tt.within)
			}
		})
	}
}

// The estimate is better than the readings it is made of.
func TestObserverSmoothes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var o observer
	truth := temps{nominal.ta + 4*11, nominal.ta + 4*8}
	o.begin(truth.die, 4, nominal)
	off, raw := 0.0, 0.0
	for i := range 5000 {
		reading := truth.die + 0.4*random.NormFloat64()
		o.predict(nominal, 4, 0.1)
		o.correct(reading)
		if i > 500 {
			off += (o.x.die - truth.die) * (o.x.die - truth.die)
			raw += (reading - truth.die) * (reading - truth.die)
		}
	}
	if off > raw/4 {
		t.Errorf("variance %.4f of readings with %.4f", off/4500, raw/4500)
	}
}

// With no reading the estimate is the model's.
func TestObserverWithoutReadings(t *testing.T) {
	var o observer
	o.begin(40, 2, nominal)
	want := o.x
	for range 100 {
		o.predict(nominal, 2, 0.1)
		want = nominal.step(want, 2, 0.1)
	}
	if math.Abs(o.x.die-want.die) > 1e-9 || math.Abs(o.x.board-want.board) > 1e-9 {
		t.Errorf("%+v, want %+v", o.x, want)
	}
}

// A better known model changes neither the die's temperature nor how fast it and the
// board warm.
func TestRebaseKeepsTheCourse(t *testing.T) {
	o := observer{x: temps{60, 45}, drift: 0.01}
	better := model{r1: 4, c1: 1, r2: 6, c2: 80, ta: 20}
	slope := func(m model) float64 { return (4 - (o.x.die-o.x.board)/m.r1) / m.c1 }
	before, warms := slope(nominal), o.drift+nominal.drift(o.x)
	o.rebase(nominal, better, 4)
	if got := slope(better); math.Abs(got-before) > 1e-9 {
		t.Errorf("the die warms by %v K/s, before it was %v", got, before)
	}
	if got := o.drift + better.drift(o.x); math.Abs(got-warms) > 1e-9 {
		t.Errorf("the board warms by %v K/s, before it was %v", got, warms)
	}
	if o.x.die != 60 {
		t.Errorf("the die is at %v", o.x.die)
	}
	same := o
	if o.rebase(better, better, 1); o != same {
		t.Error("the same model changed the estimate")
	}
}

// read gives n readings of a temperature that wanders, converted every so many steps.
func (n *noise) read(random *rand.Rand, steps, every int, quantum, deviation float64) {
	die, held := 60.0, 60.0
	for i := range steps {
		die = 60 + 5*math.Sin(float64(i)/100)
		if i%every == 0 {
			held = math.Round((die+deviation*random.NormFloat64())/quantum) * quantum
		}
		n.since++ // as the observer counts
		n.judge(held, die)
	}
}

func TestNoiseFindsTheStep(t *testing.T) {
	for _, quantum := range []float64{0.1, 0.25, 0.5, 1} {
		var n noise
		n.read(rand.New(rand.NewPCG(3, 4)), 3000, 1, quantum, 0.3)
		if math.Abs(n.quantum-quantum) > 1e-6 {
			t.Errorf("step %v, want %v", n.quantum, quantum)
		}
		if got, want := n.coarse(), quantum >= 0.25; got != want {
			t.Errorf("a step of %v K is coarse: %v", quantum, got)
		}
	}
}

func TestNoiseFindsTheConversionInterval(t *testing.T) {
	for _, every := range []int{1, 2, 5, 10} {
		var n noise
		n.read(rand.New(rand.NewPCG(3, 4)), 6000, every, 0.001, 0.3)
		if got := n.pace.Interval(); got != every {
			t.Errorf("a conversion every %d readings, found %d", every, got)
		}
	}
}

func TestEdge(t *testing.T) {
	for _, tt := range []struct{ last, quantum, limit, want float64 }{
		{69, 1, 69.7, 69.5},
		{70, 1, 69.7, 69.5},
		{69, 1, 69.4, 68.5},
		{20, 1, 69.7, 69.5},
		{80, 1, 69.7, 69.5},
		{69.5, 0.5, 69.7, 69.25},
		{69, 0.5, 69.8, 69.75},
	} {
		n := noise{last: tt.last, quantum: tt.quantum}
		if got := n.edge(tt.limit); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("edge below %v of steps of %v from %v: %v, want %v", tt.limit, tt.quantum, tt.last, got, tt.want)
		}
	}
}

func TestNoiseFindsTheVariance(t *testing.T) {
	for _, deviation := range []float64{0.05, 0.2, 0.5} {
		var n noise
		n.read(rand.New(rand.NewPCG(3, 4)), 6000, 1, 0.001, deviation)
		if q := math.Sqrt(n.variance) / deviation; q < 0.6 || q > 1.6 {
			t.Errorf("standard deviation %.3f, want %.3f", math.Sqrt(n.variance), deviation)
		}
	}
}

func TestNoiseOfTheSameConversion(t *testing.T) {
	var n noise
	n.read(rand.New(rand.NewPCG(3, 4)), 3000, 5, 0.001, 0.3)
	fresh := 0
	held := n.last
	for i := range 100 {
		if i%5 == 0 {
			held += 0.01
		}
		n.since++
		if _, _, ok := n.judge(held, 60); ok {
			fresh++
		}
	}
	if fresh < 20 || fresh > 25 {
		t.Errorf("%d of 100 readings count, of 20 conversions", fresh)
	}
}
