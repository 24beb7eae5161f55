package sensors_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"atoll/sensors"
	"atoll/sensors/sensorstest"
)

var (
	die   = sensors.Info{Name: "die", Quantity: sensors.Temperature, Place: sensors.PlaceDie}
	nvme  = sensors.Info{Name: "nvme", Quantity: sensors.Temperature, Place: sensors.PlaceOther}
	total = sensors.Info{Name: "total", Quantity: sensors.Power, Place: sensors.PlaceTotal}
	fan   = sensors.Info{Name: "fan", Quantity: sensors.Speed}
)

func TestHubPeriods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := []*sensorstest.Fake{
			sensorstest.NewFake(die), sensorstest.NewFake(nvme), sensorstest.NewFake(total), sensorstest.NewFake(fan),
		}
		h := sensors.NewHub([]sensors.Sensor{list[0], list[1], list[2], list[3]}, sensors.HubOptions{})
		time.Sleep(2050 * time.Millisecond)
		for i, want := range []int{21, 5, 11, 5} {
			if got := list[i].Reads(); got != want {
				t.Errorf("%s: %d reads in 2.05 s, want %d", list[i].Info().Name, got, want)
			}
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		for _, s := range list {
			if !s.Closed() {
				t.Errorf("%s is not closed", s.Info().Name)
			}
		}
	})
}

func TestHubClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := sensorstest.NewClock(time.Unix(1000, 0))
		s, f := sensorstest.NewFake(die), sensorstest.NewFake(fan)
		h := sensors.NewHub([]sensors.Sensor{s, f}, sensors.HubOptions{Clock: clock})
		defer h.Close()
		for range 3 {
			synctest.Wait()
			clock.Advance(100 * time.Millisecond)
		}
		synctest.Wait()
		if s.Reads() != 4 || f.Reads() != 1 {
			t.Errorf("%d and %d reads in 0.3 s, want 4 and 1", s.Reads(), f.Reads())
		}
		got := h.Latest(nil)
		if want := time.UnixMilli(1000_300); !got[0].At.Equal(want) {
			t.Errorf("read at %v, want %v", got[0].At, want)
		}
	})
}

// TestHubRounds reads a fan every 3 ticks of a power, as 2.5 can't be had.
func TestHubRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := sensorstest.NewFake(total), sensorstest.NewFake(fan)
		h := sensors.NewHub([]sensors.Sensor{f, p}, sensors.HubOptions{})
		time.Sleep(1250 * time.Millisecond)
		if p.Reads() != 7 || f.Reads() != 3 {
			t.Errorf("%d and %d reads in 1.25 s, want 7 and 3", p.Reads(), f.Reads())
		}
		h.Close()
	})
}

// estimate is a sensor that says so.
type estimate struct{ *sensorstest.Fake }

func (estimate) Estimated() bool { return true }

func TestHubLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := sensorstest.NewFake(die, sensorstest.Answer{Value: 300}, sensorstest.Answer{Err: errors.New("chip asleep")}, sensorstest.Answer{Value: 302})
		e := estimate{sensorstest.NewFake(total, sensorstest.Answer{Value: 5})}
		h := sensors.NewHub([]sensors.Sensor{s, e}, sensors.HubOptions{})
		defer h.Close()
		dst := make([]sensors.Reading, 0, 2)
		for i, want := range []sensors.Reading{
			{Value: 300, Quality: sensors.Good, At: start},
			{Quality: sensors.Missing, Reason: "chip asleep", At: start.Add(100 * time.Millisecond)},
			{Value: 302, Quality: sensors.Good, At: start.Add(200 * time.Millisecond)},
		} {
			synctest.Wait()
			got := h.Latest(dst)
			if len(got) != 2 || got[0].Name != "die" || got[1].Name != "total" {
				t.Fatalf("got %v", got)
			}
			want.Info = got[0].Info
			if got[0] != want {
				t.Errorf("reading %d: got %+v, want %+v", i, got[0], want)
			}
			if got[1].Quality != sensors.Estimated || got[1].Value != 5 {
				t.Errorf("estimate: got %+v", got[1])
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

func TestHubNotReadYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := sensorstest.NewFake(die, sensorstest.Answer{Value: 1, Block: release})
		h := sensors.NewHub([]sensors.Sensor{s}, sensors.HubOptions{})
		got := h.Latest(nil)[0]
		if got.Quality != sensors.Missing || got.Reason != "not read yet" || !got.At.IsZero() {
			t.Errorf("got %+v", got)
		}
		close(release)
		h.Close()
	})
}

func TestHubBlockedRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := sensorstest.NewFake(die, sensorstest.Answer{Value: 1}, sensorstest.Answer{Value: 2, Block: release})
		other := sensorstest.NewFake(total)
		h := sensors.NewHub([]sensors.Sensor{stuck, other}, sensors.HubOptions{})
		defer h.Close()
		began := time.Now().Add(100 * time.Millisecond)

		time.Sleep(time.Second)
		if got := h.Latest(nil)[0]; got.Value != 1 || got.Quality != sensors.Good {
			t.Errorf("a read under way for 0.9 s: got %+v, want the reading before", got)
		}
		time.Sleep(time.Second)
		got := h.Latest(nil)
		if want := "does not answer since " + began.Format(time.TimeOnly); got[0].Quality != sensors.Missing || got[0].Reason != want {
			t.Errorf("got %+v, want Missing: %s", got[0], want)
		}
		if got[1].Quality != sensors.Good || time.Since(got[1].At) > 200*time.Millisecond {
			t.Errorf("the other sensor: got %+v, want a fresh reading", got[1])
		}
		if stuck.Reads() != 2 {
			t.Errorf("%d reads of the stuck sensor, want 2", stuck.Reads())
		}
		before := runtime.NumGoroutine()
		time.Sleep(time.Hour)
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("%d goroutines after an hour, %d before", n, before)
		}
		close(release)
		synctest.Wait()
		if got := h.Latest(nil)[0]; got.Value != 2 || got.Quality != sensors.Good {
			t.Errorf("after it came back: got %+v", got)
		}
	})
}

// opener is a sensor whose blocked read ends when it is closed.
type opener struct {
	*sensorstest.Fake
	release chan struct{}
}

func (o opener) Close() error {
	close(o.release)
	return errors.Join(o.Fake.Close(), errors.New("wire loose"))
}

func TestHubClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forever, release := make(chan struct{}), make(chan struct{})
		stuck := sensorstest.NewFake(die, sensorstest.Answer{Block: forever})
		freed := opener{sensorstest.NewFake(total, sensorstest.Answer{Block: release}), release}
		fine := sensorstest.NewFake(fan)
		h := sensors.NewHub([]sensors.Sensor{stuck, freed, fine}, sensors.HubOptions{})
		synctest.Wait()
		start := time.Now()
		err := h.Close()
		want := fmt.Sprintf("sensor die: left behind: it does not answer since %s\nsensor total: wire loose", start.Format(time.TimeOnly))
		if err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("Close took %v, want 1 s", took)
		}
		if again := h.Close(); again != err {
			t.Errorf("second Close: %v", again)
		}
		if !stuck.Closed() || !fine.Closed() {
			t.Error("sensors are not closed")
		}
		close(forever) // the one left behind ends with its read
		synctest.Wait()
	})
}

func TestHubGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := []int64{-1 << 63, 1<<63 - 1, -1, 0}
		var list []sensors.Sensor
		for i, v := range values {
			list = append(list, sensorstest.NewFake(sensors.Info{Name: fmt.Sprint(i)}, sensorstest.Answer{Value: v}))
		}
		h := sensors.NewHub(list, sensors.HubOptions{})
		synctest.Wait()
		for i, r := range h.Latest(nil) {
			if r.Value != values[i] || r.Temperature().String() == "" {
				t.Errorf("got %v, want %d", r.Value, values[i])
			}
		}
		h.Close()
		if got := sensors.NewHub(nil, sensors.HubOptions{}); len(got.Latest(nil)) != 0 || got.Close() != nil {
			t.Error("a hub without sensors is not empty")
		}
	})
}

// sysfsHub returns the sensors of a board with n thermal zones.
func sysfsSensors(t testing.TB, n int) []sensors.Sensor {
	t.Helper()
	tree := sensorstest.NewTree(t)
	for i := range n {
		dir := fmt.Sprintf("sys/class/thermal/thermal_zone%d/", i)
		tree.Write(dir+"type", fmt.Sprintf("cpu%d-thermal\n", i))
		tree.Write(dir+"temp", "51234\n")
	}
	list, problems := sensors.Find(sensors.Env{Root: tree.Root})
	if len(list) != n || len(problems) > 0 {
		t.Fatalf("%d sensors, problems: %v", len(list), problems)
	}
	return list
}

func TestHubLeaks(t *testing.T) {
	files := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc: ", err)
		}
		return len(names)
	}
	list := sysfsSensors(t, 1) // warms up what stays
	sensors.NewHub(list, sensors.HubOptions{}).Close()
	before, goroutines := files(), runtime.NumGoroutine()
	for range 20 {
		if err := sensors.NewHub(sysfsSensors(t, 6), sensors.HubOptions{}).Close(); err != nil {
			t.Fatal(err)
		}
	}
	if after := files(); after != before {
		t.Errorf("%d open files, %d before", after, before)
	}
	for i := 0; runtime.NumGoroutine() > goroutines && i < 100_000; i++ {
		runtime.Gosched() // one that has told its owner still has to end
	}
	if after := runtime.NumGoroutine(); after > goroutines {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before:\n%s", after, goroutines, buf[:runtime.Stack(buf, true)])
	}
}

func TestHubAllocates(t *testing.T) {
	clock := sensorstest.NewClock(time.Unix(0, 0))
	h, _, tick := ticking(t, clock)
	defer h.Close()
	dst := make([]sensors.Reading, 0, 6)
	if n := testing.AllocsPerRun(100, func() {
		tick()
		dst = h.Latest(dst)
	}); n != 0 {
		t.Errorf("%v allocations per tick", n)
	}
	for _, r := range dst {
		if r.Quality != sensors.Good || r.At != clock.Now() {
			t.Errorf("got %+v at %v", r, clock.Now())
		}
	}
}

// ticking returns a hub of 6 sysfs sensors and what makes it read them all once.
func ticking(t testing.TB, clock *sensorstest.Clock) (h *sensors.Hub, dst []sensors.Reading, tick func()) {
	list := sysfsSensors(t, 6)
	done := make(chan struct{}, len(list))
	for i, s := range list {
		list[i] = told{s, done}
	}
	h = sensors.NewHub(list, sensors.HubOptions{Clock: clock})
	wait := func() {
		for range list {
			<-done
		}
		// A read is told of before it is kept.
		for {
			fresh := true
			dst = h.Latest(dst)
			for _, r := range dst {
				fresh = fresh && r.At.Equal(clock.Now())
			}
			if fresh {
				return
			}
			runtime.Gosched()
		}
	}
	wait()
	return h, dst, func() { clock.Advance(100 * time.Millisecond); wait() }
}

// told is a sensor that tells of each read.
type told struct {
	sensors.Sensor
	done chan struct{}
}

func (s told) Read() (int64, error) {
	defer func() { s.done <- struct{}{} }()
	return s.Sensor.Read()
}

// BenchmarkHub is the cost of reading 6 sysfs sensors once, goroutines and all.
func BenchmarkHub(b *testing.B) {
	h, _, tick := ticking(b, sensorstest.NewClock(time.Unix(0, 0)))
	defer h.Close()
	b.ReportAllocs()
	for b.Loop() {
		tick()
	}
}

// BenchmarkHubLatest is the cost of asking for all 6.
func BenchmarkHubLatest(b *testing.B) {
	h, dst, _ := ticking(b, sensorstest.NewClock(time.Unix(0, 0)))
	defer h.Close()
	b.ReportAllocs()
	for b.Loop() {
		dst = h.Latest(dst)
	}
}

func TestHubReasonIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := sensors.NewHub([]sensors.Sensor{sensorstest.NewFake(die, sensorstest.Answer{Block: release})}, sensors.HubOptions{})
		time.Sleep(3 * time.Second)
		dst := h.Latest(nil)
		if n := testing.AllocsPerRun(10, func() { dst = h.Latest(dst) }); n != 0 {
			t.Errorf("%v allocations while a sensor does not answer", n)
		}
		if !strings.HasPrefix(dst[0].Reason, "does not answer since ") {
			t.Errorf("reason: %q", dst[0].Reason)
		}
		close(release)
		h.Close()
	})
}

// A sensor that is well and has nothing to say is Missing, and not broken.
func TestHubIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle := fmt.Errorf("%w: it charges", sensors.ErrIdle)
		list := []sensors.Sensor{
			sensorstest.NewFake(total, sensorstest.Answer{Err: idle}),
			sensorstest.NewFake(die, sensorstest.Answer{Err: errors.New("EIO")}),
			sensorstest.NewFake(fan, sensorstest.Answer{Value: 1}),
		}
		h := sensors.NewHub(list, sensors.HubOptions{})
		time.Sleep(time.Second)
		for i, r := range h.Latest(nil) {
			if want := i == 0; r.Idle != want || (r.Quality == sensors.Missing) != (i < 2) {
				t.Errorf("%s: idle %v, %v; want %v", r.Name, r.Idle, r.Quality, want)
			}
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}
