package actuator

import (
	"math"
	"slices"
	"testing"

	"periph.io/x/conn/v3/physic"
	"pgregory.net/rapid"

	"atoll/board"
)

// coralDomain is the board coral's one policy.
func coralDomain() *domain {
	return &domain{steps: []int64{500e3, 1000e3, 1500e3}, cpus: 4, draw: drawOf(coral.Clusters[0])}
}

func TestPlan(t *testing.T) {
	// Full load takes 1, 2.247 and 3.797 W more than idle.
	d := coralDomain()
	full := newPlan(0, []*domain{d})
	if math.Abs(full-3.797) > 0.001 {
		t.Errorf("full load takes %v W", full)
	}
	for _, c := range []struct {
		watts float64
		want  int64
	}{
		{-1, 500e3}, {0, 500e3}, {0.999, 500e3}, {1.001, 1000e3}, {2.247, 1000e3}, {2.248, 1500e3}, {3.797, 1500e3}, {100, 1500e3},
	} {
		if got := d.step(c.watts / full); got != c.want {
			t.Errorf("%v W: %d kHz, want %d", c.watts, got, c.want)
		}
	}
}

// The domain whose next step is cheaper goes first.
func TestPlanOfTwoDomains(t *testing.T) {
	step := func(mhz, mv int64) board.Step {
		return board.Step{Frequency: physic.Frequency(mhz) * physic.MegaHertz, Voltage: physic.ElectricPotential(mv) * physic.MilliVolt}
	}
	big := &domain{
		steps: []int64{500e3, 1000e3, 2000e3}, cpus: 2,
		draw: drawOf(board.Cluster{Capacitance: 1, Steps: []board.Step{step(500, 900), step(1000, 1000), step(2000, 1200)}}),
	}
	little := &domain{
		steps: []int64{500e3, 1000e3}, cpus: 4,
		draw: drawOf(board.Cluster{Capacitance: 0.2, Steps: []board.Step{step(500, 900), step(1000, 1000)}}),
	}
	newPlan(0, []*domain{big, little})
	if !(little.above[1] < big.above[1] && big.above[1] < big.above[2]) {
		t.Errorf("big above %v, little above %v; want little, big, big", big.above, little.above)
	}
}

func TestPlausible(t *testing.T) {
	good := coral.Clusters[0]
	if !plausible(good) {
		t.Error("coral is not plausible")
	}
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
		if plausible(bad) {
			t.Errorf("%s: plausible", name)
		}
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

// drawPolicies are those of a board, by model or by clock, and what has none draws.
func drawPolicies(t *rapid.T) (c clocks) {
	e := drawEnergy(t)
	byClock := rapid.Bool().Draw(t, "by clock")
	if c.fixed = rapid.Float64Range(0, 5).Draw(t, "fixed"); byClock {
		c.fixed = 0
	}
	var domains []*domain
	for _, cluster := range e.Clusters {
		steps := rapid.SliceOfNDistinct(rapid.Int64Range(1, 4e6), 2, 20, rapid.ID[int64]).Draw(t, "kHz")
		slices.Sort(steps)
		original := steps[len(steps)-1]
		p := &cpufreq{domain: domain{steps: steps, cpus: cluster.Cores}, cap: &attribute{original: original, wrote: original}, inForce: original}
		if p.draw = drawOf(cluster); byClock {
			p.draw = drawByClock
		}
		c.policies, domains = append(c.policies, p), append(domains, &p.domain)
	}
	c.full = newPlan(c.fixed, domains)
	return c
}

// Whatever the steps are, what is drawn follows the share: pace · full load at the
// clocks in force is share · full load at those found.
func TestSplitProperties(t *testing.T) {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-6 }
	rapid.Check(t, func(t *rapid.T) {
		c := drawPolicies(t)
		share := rapid.Float64Range(0, 1)
		low, high := share.Draw(t, "a"), share.Draw(t, "b")
		if low > high {
			low, high = high, low
		}
		below := make([]int64, len(c.policies))
		for _, u := range []float64{low, high} {
			for i, p := range c.policies {
				p.inForce = p.step(u)
				if p.inForce < below[i] {
					t.Errorf("share %v gives %d kHz, less gives %d", u, p.inForce, below[i])
				}
				below[i] = p.inForce
			}
			if got := pace(u, c.part()) * c.part(); !near(got, u) {
				t.Errorf("share %v: drawn is %v of full load", u, got)
			}
		}
		for i, p := range c.policies { // any clocks
			p.inForce = rapid.SampledFrom(p.steps).Draw(t, "in force")
			if got := p.step(0); got != p.steps[0] {
				t.Errorf("policy %d: share 0 gives %d kHz, want %d", i, got, p.steps[0])
			}
			if got := p.step(1); got != p.cap.original {
				t.Errorf("policy %d: share 1 gives %d kHz, want %d", i, got, p.cap.original)
			}
		}
		part := c.part()
		if a, b := pace(low, part), pace(high, part); !(0 <= a && a <= b && b <= 1) {
			t.Errorf("at the same clocks share %v gives pace %v, %v gives %v", low, a, high, b)
		}
		if got := pace(high, part) * part; high <= part && !near(got, high) {
			t.Errorf("share %v at clocks that suffice: drawn is %v of full load", high, got)
		}
		if got := pace(0, part); got != 0 {
			t.Errorf("share 0 gives pace %v", got)
		}
		if got := pace(high, (&clocks{}).part()); got != high {
			t.Errorf("no clocks: share %v gives pace %v", high, got)
		}
		for _, p := range c.policies {
			p.inForce = p.cap.original
		}
		if got := pace(1, c.part()); got != 1 {
			t.Errorf("share 1 at the clocks found gives pace %v", got)
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
