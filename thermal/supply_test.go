package thermal

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestSupplyIsFound(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	s := newSupply(1, 8)
	share := 0.0
	for i := range 12000 {
		if i%20 == 0 {
			share = random.Float64()
		}
		s.learn(share, 1.3+5*share+0.1*random.NormFloat64(), 0.1, true)
	}
	if math.Abs(s.idle-1.3) > 0.3 || math.Abs(s.dynamic-5) > 0.5 {
		t.Errorf("idle %.2f and dynamic %.2f W, want 1.3 and 5", s.idle, s.dynamic)
	}
}

// A share that stays the same for hours tells what it draws and nothing else.
func TestSupplyDoesNotWander(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	s := newSupply(1, 8)
	for range 100_000 {
		s.learn(0.999, 7*(1+0.05*random.NormFloat64()), 0.1, true)
	}
	if got := s.idle + s.dynamic; math.Abs(got-7) > 0.2 {
		t.Errorf("a full share draws %.2f W, want 7", got)
	}
	if got := s.idle + 0.1*s.dynamic; got < 1 || got > 2 {
		t.Errorf("a tenth draws %.2f W, the profile says 1.7", got)
	}
}

func TestSupplyWithoutBudget(t *testing.T) {
	s := newSupply(1, 8)
	s.learn(1, 3, 0.1, false)
	if s.idle != 1 || s.dynamic != 7 {
		t.Errorf("less load than allowed made it %+v", s)
	}
	for range 600 {
		s.learn(0.5, 6, 0.1, false) // 4.5 W is what it should allow
	}
	if got := s.idle + 0.5*s.dynamic; math.Abs(got-6/supplyOver) > 0.2 {
		t.Errorf("half a share draws %.2f W, it drew 6", got)
	}
}

func TestSupplyStaysBounded(t *testing.T) {
	s := newSupply(0, 0.1)
	for i := range 10_000 {
		s.learn(float64(i%11)/10, float64(i%7)*1e6, 10, i%2 == 0)
		if !(s.idle >= 0 && s.idle <= s.most && s.dynamic > 0 && s.dynamic <= supplyWrong*s.most) {
			t.Fatalf("%+v", s)
		}
	}
}

// Clocks and measurements lag: what is drawn right after a cut is not what it draws.
func TestSupplyWaitsForTheShare(t *testing.T) {
	s := newSupply(1, 8)
	for i := range 6000 {
		share, drawn := float64(i/50%2), 1.0
		if (i-3)/50%2 == 1 { // 0.3 s later
			drawn = 8
		}
		s.learn(share, drawn, 0.1, true)
	}
	if math.Abs(s.idle-1) > 0.1 || math.Abs(s.dynamic-7) > 0.2 {
		t.Errorf("idle %.2f and dynamic %.2f W, want 1 and 7", s.idle, s.dynamic)
	}
}
