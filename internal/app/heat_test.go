package app

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/internal/config"
	"atoll/sensors"
	"atoll/sensors/sensorstest"
)

// bare is a board of which no more can be seen than how busy it is.
func bare(t *testing.T) *sensorstest.Tree {
	tree := sensorstest.NewTree(t)
	tree.Write("proc/stat", "cpu0 10 0 10 180 0 0 0 0 0 0\n")
	return tree
}

// cpuLines is the proc/stat of n CPUs that have been busy for so many ticks.
func cpuLines(n, busy int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "cpu%d %d 0 10 180 0 0 0 0 0 0\n", i, busy)
	}
	return b.String()
}

// warmed starts a heat on a board with these sensors and nothing to turn.
func warmed(t *testing.T, tree *sensorstest.Tree, log *logbook, list ...sensors.Sensor) *heat {
	t.Helper()
	found, err := board.OpenTree(tree.Root)
	if err != nil {
		t.Fatal(err)
	}
	return startHeat(heatOptions{
		config: config.Default().Thermal, root: tree.Root, tree: found,
		sensors: list, clock: sensors.SystemClock{}, log: zerolog.New(log),
	})
}

func stateOf(h *heat) state { s, _ := h.thermostat.Load().State(); return s }

// A read that blocks holds up neither another sensor nor the thermostat, and is told
// of once; when it comes back, so is that.
func TestBlockedRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		warm := sensorstest.NewFake(die, sensorstest.Answer{Value: celsius(50)})
		second := sensorstest.NewFake(gpu, sensorstest.Answer{Value: celsius(55)})
		h := warmed(t, bare(t), &log, warm, second)
		temperature := func() float64 { return stateOf(h).temperature.Celsius() }
		time.Sleep(time.Second)
		if got := temperature(); got < 54.9 || got > 55.1 {
			t.Errorf("%v °C, want the hotter sensor's 55", got)
		}
		release := make(chan struct{})
		second.Set(sensorstest.Answer{Block: release}, sensorstest.Answer{Value: celsius(55)})
		time.Sleep(5 * time.Second)
		if got := temperature(); got < 49.9 || got > 50.1 || !stateOf(h).trusted {
			t.Errorf("%v °C while one blocks, want the other's 50", got)
		}
		close(release)
		time.Sleep(30 * time.Second)
		if got := temperature(); got < 54.9 || got > 55.1 {
			t.Errorf("%v °C when it is back, want 55", got)
		}
		h.Close()
		if out, back := log.records(t, "sensor is left out"), log.records(t, "sensor is back"); len(out) != 1 || len(back) != 1 {
			t.Errorf("told %v and %v, want one line each", out, back)
		}
		if !warm.Closed() || !second.Closed() {
			t.Error("sensors stay open")
		}
	})
}

// On a board without sensors a run says so once and paces by the estimate.
func TestRunsOnTheEstimate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		tree := bare(t)
		h := warmed(t, tree, &log)
		busy := 10
		for range 6000 { // ten minutes at full load
			time.Sleep(stepEvery)
			busy += 10
			tree.Write("proc/stat", cpuLines(4, busy))
		}
		s := stateOf(h)
		if !s.modelled || !s.powerModelled || !s.trusted {
			t.Errorf("state %+v, want estimates", s)
		}
		// generic arm64: 2.5 W idle, 5 W busy, 12 K/W.
		if got := s.temperature - physic.ZeroCelsius; got < 70*physic.Kelvin || got > 86*physic.Kelvin {
			t.Errorf("%v after ten minutes of full load that nothing holds back", s.temperature)
		}
		if got := h.pace.Share(); got > 0.2 {
			t.Errorf("share %v, want next to nothing above the set point", got)
		}
		h.Close()
		if got := h.pace.Share(); got != 1 {
			t.Errorf("share %v after the end, want 1", got)
		}
		if got := log.records(t, "no temperature sensor: running on the energy model's estimate; nothing here was measured"); len(got) != 1 {
			t.Errorf("told %v, want one line", got)
		}
	})
}

// stuckTree is a board of which nothing can be read before it is let.
type stuckTree struct {
	board.Tree
	let chan struct{}
}

func (s stuckTree) Open(name string) (fs.File, error) { <-s.let; return s.Tree.Open(name) }

// A driver that does not answer at the start holds it up for the limit: then the
// generic profile does.
func TestBlockedStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		tree := bare(t)
		found, err := board.OpenTree(tree.Root)
		if err != nil {
			t.Fatal(err)
		}
		let := make(chan struct{})
		began := time.Now()
		h := startHeat(heatOptions{
			config: config.Default().Thermal, root: tree.Root, tree: stuckTree{found, let}, clock: sensors.SystemClock{}, log: zerolog.New(&log),
			sensors: []sensors.Sensor{sensorstest.NewFake(die, sensorstest.Answer{Value: celsius(50)})},
		})
		if took := time.Since(began); took != startLimit {
			t.Errorf("took %v, want %v", took, startLimit)
		}
		time.Sleep(time.Second)
		if got := stateOf(h).temperature.Celsius(); !h.profile.Generic || got < 49.9 || got > 50.1 {
			t.Errorf("%v °C by profile %s, want 50 by the generic one", got, h.profile.Name)
		}
		h.Close()
		close(let)
		if got := log.records(t, "a driver does not answer in time: going on without what it has"); len(got) != 1 || got[0]["what"] != "board" {
			t.Errorf("told %v, want one warning", got)
		}
	})
}

// What is found too late is not lost, and an end does not wait for it for ever.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heat{stop: make(chan struct{})}
		let, late := make(chan struct{}), make(chan int, 1)
		find := func() int { <-let; return 7 }
		for _, limit := range []time.Duration{startLimit, endLimit} {
			began := time.Now()
			if got, ok := within(h, "x", find, func(v int) { late <- v }); ok || got != 0 || time.Since(began) != limit {
				t.Errorf("%v, %v after %v; want nothing after %v", got, ok, time.Since(began), limit)
			}
			let <- struct{}{}
			if got := <-late; got != 7 {
				t.Errorf("late %v, want 7", got)
			}
			if limit == startLimit {
				close(h.stop)
			}
		}
		close(let)
		if got, ok := within(h, "x", find, func(int) { t.Error("late") }); !ok || got != 7 {
			t.Errorf("%v, %v; want 7 even at the end", got, ok)
		}
	})
}

// A set point above what the kernel holds by itself is told of.
func TestKernelActsBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			set, shutdown float64
			want          []string
		}{
			"as usual": {70, 85, nil},
			"set":      {76, 85, []string{"set_point"}},
			"shutdown": {70, 96, []string{"shutdown"}},
			"both":     {80, 99, []string{"set_point", "shutdown"}},
		} {
			var log logbook
			tree := bare(t)
			tree.Write("proc/cpuinfo", "processor : 0\nCPU architecture: 8\n")
			found, err := board.OpenTree(tree.Root)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Parse(fmt.Appendf(nil, "[thermal]\nset_point = %v\nalert = %v\nshutdown = %v\n", c.set, c.set+1, c.shutdown))
			if err != nil {
				t.Fatal(err)
			}
			h := startHeat(heatOptions{config: cfg.Thermal, root: tree.Root, tree: found, clock: sensors.SystemClock{}, log: zerolog.New(&log)})
			h.Close()
			for _, key := range []string{"set_point", "shutdown"} {
				got := log.records(t, "[thermal] "+key+" lies above the temperature at which the kernel of this board acts by itself: the kernel acts before")
				if want := slices.Contains(c.want, key); (len(got) == 1) != want {
					t.Errorf("%s: %s: told %v, want one warning: %v", name, key, got, want)
				}
			}
		}
	})
}

// On many cores a generic profile estimates no more than on few.
func TestEstimateOfManyCores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		tree := bare(t)
		var info strings.Builder
		for i := range 16 {
			fmt.Fprintf(&info, "processor : %d\nvendor_id : AuthenticAMD\n\n", i)
		}
		tree.Write("proc/cpuinfo", info.String())
		tree.Write("proc/stat", cpuLines(16, 10))
		h := warmed(t, tree, &log)
		busy := 10
		for range 3000 {
			time.Sleep(stepEvery)
			busy += 10
			tree.Write("proc/stat", cpuLines(16, busy))
		}
		s := stateOf(h)
		h.Close()
		if w := float64(s.power) / 1e9; h.profile.Name != "generic amd64" || w < 27 || w > 29 || s.temperature.Celsius() > 82 {
			t.Errorf("%s: 16 busy CPUs: %.1f W, %v; want 28 W as of four", h.profile.Name, w, s.temperature)
		}
		if got := log.records(t, "shutdown temperature is reached: only the least work is done"); len(got) > 0 {
			t.Errorf("told %v", got)
		}
	})
}

func TestBoardSoFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		h := warmed(t, bare(t), &log, sensorstest.NewFake(die, sensorstest.Answer{Value: celsius(50)}))
		time.Sleep(time.Second)
		h.tell()
		h.Close()
		early := warmed(t, bare(t), &log)
		early.tell()
		early.Close()
		early.tell() // there was no tick: there is nothing to tell
		got := log.records(t, "board so far")
		if len(got) != 1 || got[0]["temperature_c"] != 50.0 || got[0]["power_estimated"] != true || got[0]["share"] == nil {
			t.Errorf("told %v", got)
		}
	})
}
