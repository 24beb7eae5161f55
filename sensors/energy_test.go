package sensors_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"atoll/board"
	"atoll/sensors"
	"atoll/sensors/sensorstest"
	"periph.io/x/conn/v3/physic"
	"pgregory.net/rapid"
)

// twoClusters is a board of two slow and one fast core. At full speed, a slow core
// draws 0.2·1²·1 = 0.2 W, the fast one 0.5·1.2²·2 = 1.44 W.
var twoClusters = board.Energy{
	Static: physic.Watt,
	Clusters: []board.Cluster{
		{Cores: 2, Capacitance: 0.2, Steps: []board.Step{
			{Frequency: 500 * physic.MegaHertz, Voltage: 800 * physic.MilliVolt},
			{Frequency: physic.GigaHertz, Voltage: physic.Volt},
		}},
		{Cores: 1, Capacitance: 0.5, Steps: []board.Step{{Frequency: 2 * physic.GigaHertz, Voltage: 1200 * physic.MilliVolt}}},
	},
}

// near reports whether two powers differ by rounding only.
func near(a, b physic.Power) bool { return a-b <= physic.MicroWatt && b-a <= physic.MicroWatt }

func TestPowerAt(t *testing.T) {
	for _, c := range []struct {
		clocks      []physic.Frequency
		utilisation float64
		want        physic.Power
	}{
		{nil, 1, 2840 * physic.MilliWatt},
		{[]physic.Frequency{0, 0}, 1, 2840 * physic.MilliWatt},
		{nil, 0, physic.Watt},
		{nil, 0.5, 1920 * physic.MilliWatt},
		{[]physic.Frequency{500 * physic.MegaHertz}, 1, (1000 + 128 + 1440) * physic.MilliWatt},
		{[]physic.Frequency{750 * physic.MegaHertz}, 1, (1000 + 243 + 1440) * physic.MilliWatt}, // 0.9 V
		{[]physic.Frequency{250 * physic.MegaHertz}, 1, (1000 + 64 + 1440) * physic.MilliWatt},  // 0.8 V
		{[]physic.Frequency{2 * physic.GigaHertz}, 1, (1000 + 800 + 1440) * physic.MilliWatt},   // 1 V
		{[]physic.Frequency{0, 0, physic.GigaHertz}, 1, 2840 * physic.MilliWatt},
	} {
		if got := sensors.PowerAt(twoClusters, c.clocks, c.utilisation); !near(got, c.want) {
			t.Errorf("PowerAt(%v, %v) = %v, want %v", c.clocks, c.utilisation, got, c.want)
		}
	}
	stepless := board.Energy{Static: physic.Watt, Clusters: []board.Cluster{{Cores: 4, Capacitance: 1}}}
	if got := sensors.PowerAt(stepless, nil, 1); got != physic.Watt {
		t.Errorf("a cluster without steps: got %v", got)
	}
	if n := testing.AllocsPerRun(10, func() { sensors.PowerAt(twoClusters, nil, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestPowerAtRises checks that more clock or more work never takes less power.
func TestPowerAtRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mega := rapid.Int64Range(1, 3000)
		share := rapid.Float64Range(0, 1)
		f, g := mega.Draw(t, "f"), mega.Draw(t, "g")
		u, v := share.Draw(t, "u"), share.Draw(t, "v")
		low := sensors.PowerAt(twoClusters, []physic.Frequency{physic.Frequency(min(f, g)) * physic.MegaHertz}, min(u, v))
		high := sensors.PowerAt(twoClusters, []physic.Frequency{physic.Frequency(max(f, g)) * physic.MegaHertz}, max(u, v))
		if low > high || low < twoClusters.Static {
			t.Errorf("%v at less, %v at more", low, high)
		}
	})
}

// statOf writes /proc/stat: busy and idle ticks of CPUs, by number.
func statOf(tree *sensorstest.Tree, cpus map[int][2]int) {
	var b strings.Builder
	b.WriteString("cpu  1 2 3 4 5 6 7 8 9 10\n")
	for n := range 20 {
		if c, ok := cpus[n]; ok {
			// busy in five fields, idle in two; guests are in user already
			fmt.Fprintf(&b, "cpu%d %d 1 1 %d 7 1 1 1 99 99\n", n, c[0]-5, c[1]-7)
		}
	}
	b.WriteString("intr 1 2 3\nctxt 5\n")
	tree.Write("proc/stat", b.String())
}

func newEnergy(t *testing.T, tree *sensorstest.Tree, model board.Energy) *sensors.Energy {
	t.Helper()
	e, err := sensors.NewEnergy(sensors.Env{Root: tree.Root}, model)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestEnergy(t *testing.T) {
	tree := sensorstest.NewTree(t)
	policy := "sys/devices/system/cpu/cpufreq/policy"
	tree.Write(policy+"0/related_cpus", "0 1\n")
	tree.Write(policy+"0/scaling_cur_freq", "500000\n")
	tree.Write(policy+"2/related_cpus", "2\n")
	statOf(tree, map[int][2]int{0: {100, 100}, 1: {100, 100}, 2: {100, 300}})
	e := newEnergy(t, tree, twoClusters)
	want := func(what string, cores0 float64, cores1 float64, per0 physic.Power) {
		t.Helper()
		p := physic.Watt + physic.Power(cores0*float64(per0)+cores1*float64(1440*physic.MilliWatt))
		if got := physic.Power(read(t, e)); !near(got, p) {
			t.Errorf("%s: got %v, want %v", what, got, p)
		}
	}
	const slow, fast = 64 * physic.MilliWatt, 200 * physic.MilliWatt
	want("since boot", 1, 0.25, slow)

	statOf(tree, map[int][2]int{0: {200, 100}, 1: {100, 200}, 2: {150, 350}})
	want("one busy, one idle, one half", 1, 0.5, slow)
	want("no tick since", 1, 0.5, slow)

	tree.Write(policy+"0/scaling_cur_freq", "1000000\n")
	statOf(tree, map[int][2]int{0: {210, 100}, 1: {110, 200}, 2: {160, 350}})
	want("all busy", 2, 1, fast)

	statOf(tree, map[int][2]int{0: {220, 100}})
	want("two offline", 1, 0, fast)
	statOf(tree, map[int][2]int{0: {220, 110}, 1: {115, 205}, 2: {160, 360}})
	want("back again", 0.5, 0, fast)

	for _, clock := range []string{"", "x", "0", "-5", "99999999999"} {
		tree.Write(policy+"0/scaling_cur_freq", clock)
		want("clock "+clock+": the fastest step", 0.5, 0, fast)
	}
	statOf(tree, map[int][2]int{0: {50, 50}, 1: {115, 200}, 2: {300, 50}})
	want("counters that fell", 0.5, 1, fast)

	if n := testing.AllocsPerRun(50, func() { e.Read() }); n != 0 {
		t.Errorf("%v allocations per reading", n)
	}
	if i := e.Info(); !e.Estimated() || i.Quantity != sensors.Power || i.Place != sensors.PlaceTotal {
		t.Errorf("info: %+v", i)
	}
}

// TestEnergyOtherBoards reads boards that do not fit the model.
func TestEnergyOtherBoards(t *testing.T) {
	tree := sensorstest.NewTree(t)
	cpus := map[int][2]int{}
	for n := range 8 {
		cpus[n] = [2]int{100, 7}
	}
	statOf(tree, cpus)
	e := newEnergy(t, tree, twoClusters)
	share := 100.0 / 107 // of six CPUs on the last cluster, which has one core
	if got, want := physic.Power(read(t, e)), physic.Watt+physic.Power((2*0.2*share+1.44)*float64(physic.Watt)); !near(got, want) {
		t.Errorf("8 CPUs on a model of 3: got %v, want %v", got, want)
	}
	if got, most := physic.Power(read(t, newEnergy(t, tree, twoClusters))), sensors.PowerAt(twoClusters, nil, 1); got > most {
		t.Errorf("8 CPUs on a model of 3: got %v, more than full load, %v", got, most)
	}
	if got := physic.Power(read(t, newEnergy(t, tree, board.Energy{Static: 3 * physic.Watt}))); got != 3*physic.Watt {
		t.Errorf("no clusters: got %v, want 3 W", got)
	}
}

func TestEnergyErrors(t *testing.T) {
	tree := sensorstest.NewTree(t)
	if _, err := sensors.NewEnergy(sensors.Env{Root: tree.Root}, twoClusters); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no /proc/stat: got %v", err)
	}
	tree.Write("proc/stat", "")
	e := newEnergy(t, tree, twoClusters)
	for content, want := range map[string]string{
		"":                   "has no line of a CPU",
		"intr 5\n":           "has no line of a CPU",
		"cpu 1 2 3 4\n":      "has no line of a CPU",
		"cpu0 1 2 3 4":       "has no line of a CPU", // cut off
		"cpu0 1 2 3\n":       "not the form",
		"cpu0 1 2 -3 4\n":    "not the form",
		"cpu0 1 2 x 4 5\n":   "not the form",
		"cpux 1 2 3 4\n":     "not the form",
		"cpu-1 1 2 3 4\n":    "not the form",
		"cpu9999999 1 2 3\n": "not the form",
		"cpu0 1 1 1 1\ncpu1": "",
		"cpu500 1 1 1 1\n":   "", // more than are kept
	} {
		tree.Write("proc/stat", content)
		_, err := e.Read()
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", content, err, want)
		}
	}
	e.Close()
	if _, err := e.Read(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: got %v", err)
	}
}

// TestEnergyHere reads the machine that the test runs on.
func TestEnergyHere(t *testing.T) {
	e, err := sensors.NewEnergy(sensors.Env{}, twoClusters)
	if err != nil {
		t.Skip(err)
	}
	defer e.Close()
	if p := physic.Power(read(t, e)); p < twoClusters.Static || p > 1000*physic.Watt {
		t.Errorf("got %v", p)
	}
}

func TestParseStat(t *testing.T) {
	got, err := sensors.ParseStat([]byte("cpu  9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu3 10 0 0 20\nintr 1\ncpu4 1 1 1 1\n"))
	want := []sensors.CPU{{Number: 0, Busy: 1 + 2 + 3 + 6 + 7 + 8, Idle: 9}, {Number: 3, Busy: 10, Idle: 20}}
	if err != io.EOF || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("cpu  9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu3 10 0 0 20\nintr 1\n"))
	f.Add([]byte("cpu0 9223372036854775807 9223372036854775807 9223372036854775807 1\n"))
	f.Add([]byte("cpu0 1 2 3 4"))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := sensors.ParseStat(b)
		if err == nil || len(all) > strings.Count(string(b), "\n") {
			t.Errorf("%d CPUs, %v", len(all), err)
		}
		before := sensors.CPU{}
		for _, c := range all {
			if share := sensors.Share(before, c, 0.5); !(share >= 0 && share <= 1) || math.IsNaN(share) {
				t.Errorf("%v after %v: share %v", c, before, share)
			}
			before = c
		}
	})
}

func BenchmarkEnergy(b *testing.B) {
	e, err := sensors.NewEnergy(sensors.Env{}, twoClusters)
	if err != nil {
		b.Skip(err)
	}
	defer e.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Read(); err != nil {
			b.Fatal(err)
		}
	}
}
