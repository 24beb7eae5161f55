package thermal

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"atoll/sensors"
)

func TestRLSConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		coefficient := rapid.Float64Range(-10, 10)
		want := [3]float64{coefficient.Draw(t, "a"), coefficient.Draw(t, "b"), coefficient.Draw(t, "c")}
		random := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		r := newRLS(0.99, []float64{0, 0, 0}, []float64{100, 100, 100})
		for range 200 {
			phi := [3]float64{random.NormFloat64(), random.NormFloat64(), 1}
			r.update(phi, phi[0]*want[0]+phi[1]*want[1]+phi[2]*want[2], 1e-4)
		}
		for i := range 3 {
			if math.Abs(r.theta[i]-want[i]) > 1e-3 {
				t.Errorf("theta %v, want %v", r.theta, want)
			}
		}
	})
}

func TestRLSFollowsAChange(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	r := newRLS(0.98, []float64{0, 0}, []float64{100, 100})
	for i := range 1000 {
		slope := 2.0
		if i >= 500 {
			slope = 5
		}
		x := random.NormFloat64()
		r.update([3]float64{1, x}, 1+slope*x+0.1*random.NormFloat64(), 0.01)
	}
	if math.Abs(r.theta[0]-1) > 0.2 || math.Abs(r.theta[1]-5) > 0.3 {
		t.Errorf("theta %v, want 1 and 5", r.theta)
	}
}

// What carries no information must neither move the parameters nor make the next
// update that does a leap.
func TestRLSSurvivesStandingStill(t *testing.T) {
	r := newRLS(0.99, []float64{1, 2}, []float64{1, 1})
	for range 100_000 {
		r.update([3]float64{}, 5, 0.01)
		r.update([3]float64{1, 0}, 1, 0.01)
	}
	if math.Abs(r.theta[0]-1) > 1e-6 || math.Abs(r.theta[1]-2) > 1e-6 {
		t.Errorf("theta %v, want it where it was", r.theta)
	}
	if trace := r.cov[0][0] + r.cov[1][1]; !(trace > 0 && trace < 100) {
		t.Errorf("covariance %v after standing still", r.cov)
	}
}

// Whatever it is given, as a controller could, it stays finite.
func TestRLSStaysFinite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRLS(0.999, []float64{1, 2, 3}, []float64{1, 1, 1})
		value := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(-1e12, 1e12), rapid.Float64Range(-1, 1))
		n := rapid.IntRange(1, 300).Draw(t, "updates")
		for range n {
			r.update([3]float64{value.Draw(t, "x"), value.Draw(t, "y"), value.Draw(t, "z")}, value.Draw(t, "of"), 1e-4)
			for i := range 3 {
				if math.IsNaN(r.theta[i]) || math.IsInf(r.theta[i], 0) {
					t.Fatalf("theta %v", r.theta)
				}
			}
		}
	})
}

// see takes in one step in which so much power was drawn and the sensor then gave a new
// reading.
func (id *identification) see(m model, reading, watts, dt, variance float64) model {
	var course sensors.Course
	id.die.predict(watts, dt, 0, &course)
	return id.update(m, sample{reading, watts, dt, reading, variance, true})
}

// learned is the model that identification makes of a plant of two nodes under a load
// that steps now and then, from the first guess nominal. Readings have steps of quantum.
func learned(truth model, quantum, noise float64, seed uint64) model {
	random := rand.New(rand.NewPCG(seed, 1))
	id, m := newIdentification(nominal, 8), nominal
	x := temps{truth.ta + 10, truth.ta + 8}
	watts := 1.0
	id.die.begin(watts)
	for range 12000 { // 20 min
		if random.IntN(60) == 0 {
			watts = 1 + 7*random.Float64()
		}
		x = truth.step(x, watts, 0.1)
		reading := x.die + noise*random.NormFloat64()
		if quantum > 0 {
			reading = math.Round(reading/quantum) * quantum
		}
		m = id.see(m, reading, watts, 0.1, noise*noise+quantum*quantum/12)
	}
	return m
}

func TestIdentification(t *testing.T) {
	for _, tt := range []struct {
		name           string
		quantum, noise float64
		factor         float64 // of the truth, either way
	}{
		{"clean", 0, 0, 1.25},
		{"noise and steps of 0.1 °C", 0.1, 0.1, 1.35},
		{"steps of 1 °C", 1, 0.2, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r1 := range []float64{1.5, 3, 5.5} {
				for _, tau := range []float64{1.5, 4, 10} {
					truth := model{r1: r1, c1: tau / r1, r2: 6, c2: 50, ta: 20}
					got := learned(truth, tt.quantum, tt.noise, 7)
					if q := got.r1 / r1; q > tt.factor || q < 1/tt.factor {
						t.Errorf("R1 %.2f for %.2f K/W (tau %v s)", got.r1, r1, tau)
					}
					if q := got.tau() / tau; q > tt.factor || q < 1/tt.factor {
						t.Errorf("tau %.2f for %.2f s (R1 %v K/W)", got.tau(), tau, r1)
					}
				}
			}
		})
	}
}

// Without changes of power there is nothing to learn the die from.
func TestIdentificationWithoutPowerSteps(t *testing.T) {
	id, m := newIdentification(nominal, 8), nominal
	x := temps{40, 35}
	before := id.die.doubt()
	id.die.begin(3)
	for range 6000 {
		x = nominal.step(x, 3, 0.1)
		m = id.see(m, x.die, 3, 0.1, 1e-4)
	}
	if math.Abs(m.r1/nominal.r1-1) > 0.1 || math.Abs(m.tau()/nominal.tau()-1) > 0.5 {
		t.Errorf("R1 %.2f, tau %.2f of constant power; it was %.2f and %.2f", m.r1, m.tau(), nominal.r1, nominal.tau())
	}
	if after := id.die.doubt(); after < 0.9*before {
		t.Errorf("doubt fell from %v to %v", before, after)
	}
}

func TestDoubtFallsWithInformation(t *testing.T) {
	id, m := newIdentification(nominal, 8), nominal
	before := id.die.doubt()
	x := temps{40, 35}
	for i := range 3000 {
		watts := 1 + 7*float64(i/30%2)
		x = nominal.step(x, watts, 0.1)
		m = id.see(m, x.die, watts, 0.1, 1e-4)
		if i == 60 {
			if after := id.die.doubt(); after > before/3 {
				t.Errorf("doubt %v after two steps, it was %v", after, before)
			}
		}
	}
	if after := id.die.doubt(); after > 0.2 {
		t.Errorf("doubt %v after five minutes of steps", after)
	}
	if m != m.bounded() {
		t.Errorf("model %+v is out of bounds", m)
	}
}

// From one conversion to the next the die never moves farther than the plausible dies
// say by what a filter does not mind, from the first step of power on.
func TestPlausibleDiesHoldTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r1 := rapid.Float64Range(1, 6).Draw(t, "r1")
		tau := rapid.Float64Range(1, 12).Draw(t, "tau")
		noise := rapid.Float64Range(0, 0.5).Draw(t, "noise")
		every := rapid.IntRange(1, 10).Draw(t, "steps for each conversion")
		random := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		truth := model{r1: r1, c1: tau / r1, r2: 6, c2: 50, ta: 20}
		id := newIdentification(nominal, 8)
		x, watts := temps{27 + r1, 27}, 1.0
		var course, then sensors.Course
		was := x
		id.die.begin(watts)
		for i := range 1200 {
			if random.IntN(50) == 0 {
				watts = 1 + 7*random.Float64()
			}
			board := x.board
			x = truth.step(x, watts, 0.1)
			id.die.predict(watts, 0.1, x.board-board, &course)
			if i%every != 0 {
				continue
			}
			change := x.die - was.die
			least, most := math.Inf(1), math.Inf(-1)
			for way := range course.Ways {
				expected := course.Ways[way] - then.Ways[way] + course.Slow - then.Slow
				least, most = min(least, change-expected), max(most, change-expected)
			}
			if least > 2.5 || most < -2.5 {
				t.Fatalf("step %d: the die moved by %.1f K, which is %.1f to %.1f more than expected", i, change, least, most)
			}
			id.die.learn(x.die+noise*random.NormFloat64(), noise*noise+1e-4)
			then, was = course, x
		}
	})
}

// A sensor that says nothing of the load must not take the model out of its bounds.
func TestIdentificationStaysBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, m := newIdentification(nominal, 8), nominal
		random := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		wild := rapid.Float64Range(0, 1000).Draw(t, "wild")
		for range 1000 {
			m = id.see(m, wild*random.NormFloat64(), 80*random.Float64(), 0.01+2*random.Float64(), wild*random.Float64())
			if m != m.bounded() { // also false for what is no number
				t.Fatalf("model %+v", m)
			}
		}
	})
}

func TestSmoothTakesAwayMeanAndSlope(t *testing.T) {
	var s smooth
	rest := 0.0
	for i := range 2000 {
		rest = s.update(20+0.01*float64(i), 0.02)
	}
	if math.Abs(rest) > 1e-3 {
		t.Errorf("%v is left of a straight line", rest)
	}
	if rest = s.update(20+0.01*2000+5, 0.02); rest < 4.5 {
		t.Errorf("%v is left of a step of 5", rest)
	}
}
