package actuator

import (
	"slices"
	"testing"

	"periph.io/x/conn/v3/physic"
	"pgregory.net/rapid"

	"atoll/board"
)

func TestPlan(t *testing.T) {
	// Full load takes 2, 3.247 and 4.797 W.
	p := newPlan(coral)
	for _, c := range []struct {
		budget physic.Power
		want   int
	}{
		{-1 * physic.Watt, 0},
		{0, 0},
		{2 * physic.Watt, 0},
		{2001 * physic.MilliWatt, 1},
		{3247 * physic.MilliWatt, 1},
		{3248 * physic.MilliWatt, 2},
		{4797 * physic.MilliWatt, 2},
		{100 * physic.Watt, 2},
	} {
		if got := p.at(watts(c.budget)); got != c.want {
			t.Errorf("%v: point %d, want %d", c.budget, got, c.want)
		}
	}
}

// The cluster whose next step is cheaper goes first.
func TestPlanOfTwoClusters(t *testing.T) {
	step := func(mhz, mv int64) board.Step {
		return board.Step{Frequency: physic.Frequency(mhz) * physic.MegaHertz, Voltage: physic.ElectricPotential(mv) * physic.MilliVolt}
	}
	big := board.Cluster{Cores: 2, Capacitance: 1, Steps: []board.Step{step(500, 900), step(1000, 1000), step(2000, 1200)}}
	little := board.Cluster{Cores: 4, Capacitance: 0.2, Steps: []board.Step{step(500, 900), step(1000, 1000)}}
	var got [][]int
	for _, p := range newPlan(board.Energy{Clusters: []board.Cluster{big, little}}) {
		got = append(got, p.steps)
	}
	want := [][]int{{0, 0}, {0, 1}, {1, 1}, {2, 1}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("path %v, want %v", got, want)
	}
}

func TestPlanOfNoModel(t *testing.T) {
	good := coral.Clusters[0]
	for name, c := range map[string]func(*board.Cluster){
		"no cores":         func(c *board.Cluster) { c.Cores = 0 },
		"no capacitance":   func(c *board.Cluster) { c.Capacitance = 0 },
		"one step":         func(c *board.Cluster) { c.Steps = c.Steps[:1] },
		"steps that fall":  func(c *board.Cluster) { c.Steps = []board.Step{c.Steps[1], c.Steps[0]} },
		"no voltage":       func(c *board.Cluster) { c.Steps = []board.Step{c.Steps[0], {Frequency: 2 * physic.GigaHertz}} },
		"NaN capacitance":  func(c *board.Cluster) { c.Capacitance -= c.Capacitance; c.Capacitance /= c.Capacitance },
		"minus two cores":  func(c *board.Cluster) { c.Cores = -2 },
		"minus one farad ": func(c *board.Cluster) { c.Capacitance = -1 },
	} {
		bad := good
		c(&bad)
		if got := newPlan(board.Energy{Clusters: []board.Cluster{good, bad}}); got != nil {
			t.Errorf("%s: plan %v, want none", name, got)
		}
	}
	if got := newPlan(board.Energy{Static: physic.Watt}); got != nil {
		t.Errorf("no clusters: plan %v, want none", got)
	}
}

func drawEnergy(t *rapid.T) board.Energy {
	e := board.Energy{Static: physic.Power(rapid.Int64Range(0, 5e9).Draw(t, "static"))}
	for range rapid.IntRange(1, 3).Draw(t, "clusters") {
		c := board.Cluster{Cores: rapid.IntRange(1, 8).Draw(t, "cores"), Capacitance: rapid.Float64Range(0.01, 2).Draw(t, "nF")}
		mhz, mv := int64(0), int64(500)
		for range rapid.IntRange(2, 8).Draw(t, "steps") {
			mhz += rapid.Int64Range(1, 500).Draw(t, "MHz")
			mv += rapid.Int64Range(-20, 100).Draw(t, "mV") // tables do have dips
			c.Steps = append(c.Steps, board.Step{Frequency: physic.Frequency(mhz) * physic.MegaHertz, Voltage: physic.ElectricPotential(mv) * physic.MilliVolt})
		}
		e.Clusters = append(e.Clusters, c)
	}
	return e
}

func TestPlanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnergy(t)
		p := newPlan(e)
		steps := rapid.SliceOfNDistinct(rapid.Int64Range(1, 4e6), 2, 20, rapid.ID[int64]).Draw(t, "kHz")
		slices.Sort(steps)
		original := steps[len(steps)-1]
		cluster := rapid.IntRange(0, len(e.Clusters)-1).Draw(t, "cluster")
		c := &cpufreq{plan: p, cluster: cluster, model: e.Clusters[cluster].Steps, steps: steps, cap: &attribute{original: original}}
		if rapid.Bool().Draw(t, "by share") {
			c.plan = nil
		}
		share := rapid.Float64Range(0, 1)
		low, high := share.Draw(t, "a"), share.Draw(t, "b")
		if low > high {
			low, high = high, low
		}
		span := 40 * float64(physic.Watt)
		at := func(share float64) int64 {
			return c.target(Setting{Power: physic.Power(share * span), Share: share}, 1)
		}
		if at(low) > at(high) {
			t.Errorf("share %v gives %d kHz, more (%v) gives %d kHz", low, at(low), high, at(high))
		}
		for _, share := range []float64{low, high} {
			if got := at(share); !slices.Contains(steps, got) || got > original {
				t.Errorf("share %v gives %d kHz, want one of %v", share, got, steps)
			}
		}
		if got := at(0); got != steps[0] {
			t.Errorf("least power gives %d kHz, want %d", got, steps[0])
		}
		if got := at(1); got != original {
			t.Errorf("all power gives %d kHz, want %d", got, original)
		}
	})
}

func TestGeometricSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Int64Range(1, 1e7).Draw(t, "low")
		high := low + rapid.Int64Range(1, 1e7).Draw(t, "more")
		got := geometricSteps(low, high)
		if got[0] != low || got[len(got)-1] != high || len(got) > 17 {
			t.Errorf("steps %v, want %d to %d", got, low, high)
		}
		for i := 1; i < len(got); i++ {
			if got[i] <= got[i-1] {
				t.Errorf("steps %v don't rise", got)
			}
		}
	})
}
