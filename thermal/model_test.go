package thermal

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// nominal is the board that controllers of these tests are told of.
var nominal = model{r1: 3, c1: 2, r2: 8, c2: 40, ta: 25}

// exact is where a model of two nodes is after a time, by Euler steps of a tenth of a
// millisecond.
func exact(m model, x temps, watts, seconds float64) temps {
	const h = 1e-4
	for range int(math.Round(seconds / h)) {
		inward := (x.die - x.board) / m.r1
		x.die += h * (watts - inward) / m.c1
		x.board += h * (inward - (x.board-m.ta)/m.r2) / m.c2
	}
	return x
}

// anyModel is one that a board of this product's class could have.
func anyModel(t *rapid.T) model {
	m := model{
		r1: rapid.Float64Range(1, 6).Draw(t, "r1"), r2: rapid.Float64Range(3, 12).Draw(t, "r2"),
		ta: rapid.Float64Range(-20, 50).Draw(t, "ta"),
	}
	m.c1 = rapid.Float64Range(1, 12).Draw(t, "tau 1") / m.r1
	m.c2 = rapid.Float64Range(60, 600).Draw(t, "tau 2") / m.r2
	return m
}

func TestModelStepsAsTheEquations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel(t)
		begin := temps{rapid.Float64Range(-20, 90).Draw(t, "die"), rapid.Float64Range(-20, 90).Draw(t, "board")}
		watts := rapid.Float64Range(0, 12).Draw(t, "watts")
		got := begin
		for range 50 {
			got = m.step(got, watts, 0.1)
		}
		want := exact(m, begin, watts, 5)
		// The way that both go in between bounds what linearisation may cost.
		way := math.Abs(begin.die-begin.board) + m.r1*watts + 5
		if math.Abs(got.die-want.die) > 0.03*way || math.Abs(got.board-want.board) > 0.03*way {
			t.Errorf("after 5 s %+v, want %+v", got, want)
		}
	})
}

func TestModelRestsAtItsEquilibrium(t *testing.T) {
	x := temps{board: nominal.ta + 2*nominal.r2, die: nominal.ta + 2*(nominal.r1+nominal.r2)}
	if got := nominal.step(x, 2, 0.1); math.Abs(got.die-x.die) > 1e-9 || math.Abs(got.board-x.board) > 1e-9 {
		t.Errorf("%+v moves to %+v", x, got)
	}
}

// The power that the model asks for takes the die to the target at the horizon: exactly
// on a board that keeps its temperature, and within its change on one that does not.
func TestPowerReachesTheTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel(t)
		if rapid.Bool().Draw(t, "endless board") {
			m.c2 = 1e9
		}
		drawn := rapid.Float64Range(0, 30).Draw(t, "die above board") / m.r1
		board := rapid.Float64Range(20, 65).Draw(t, "board")
		x := temps{board + m.r1*drawn, board}
		horizon := rapid.Float64Range(0.5, 1).Draw(t, "horizon / tau") * m.tau()
		target := x.die + rapid.Float64Range(-5, 5).Draw(t, "rise")
		watts := m.power(x, 0, target, horizon)
		got := exact(m, x, watts, horizon)
		// The board is taken to be, from the beginning, where its present drift leads.
		if allowed := 0.01 + math.Abs(got.board-board) + horizon*math.Abs(m.drift(x)); math.Abs(got.die-target) > allowed {
			t.Errorf("%.3f W take the die to %.3f °C after %.2f s, want %.3f within %.3f", watts, got.die, horizon, target, allowed)
		}
	})
}

// In balance, nothing is linearised: the target is met to a hundredth of a degree.
func TestPowerHoldsABalance(t *testing.T) {
	x := temps{board: nominal.ta + 4*nominal.r2, die: nominal.ta + 4*(nominal.r1+nominal.r2)}
	if got := nominal.power(x, 0, x.die, 3); math.Abs(got-4) > 1e-9 {
		t.Errorf("to stay at the balance of 4 W it takes %v W", got)
	}
	if got, want := nominal.power(x, 0.1, x.die, 3), 4.0; got >= want {
		t.Errorf("with a board that warms for other reasons %v W, want less than %v", got, want)
	}
}

func TestBounded(t *testing.T) {
	for name, m := range map[string]model{
		"zero": {}, "negative": {-1, -1, -1, -1, -300},
		"endless": {math.Inf(1), math.Inf(1), math.Inf(1), math.Inf(1), math.Inf(1)},
	} {
		got := m.bounded()
		if got != got.bounded() {
			t.Errorf("%s: bounded twice is another model", name)
		}
		for _, p := range []float64{got.r1, got.c1, got.r2, got.c2} {
			if !(p > 0) || math.IsInf(p, 0) {
				t.Errorf("%s: %+v", name, got)
			}
		}
		if !(got.ta >= -100 && got.ta <= 100) {
			t.Errorf("%s: ambient %v", name, got.ta)
		}
	}
	if got := nominal.bounded(); got != nominal {
		t.Errorf("a sane model became %+v", got)
	}
}
