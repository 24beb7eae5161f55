package sensors_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"atoll/sensors"
	"atoll/sensors/sensorstest"
	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/physic"
)

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]int64{
		"0\n": 0, "51234\n": 51234, "-5000\n": -5000, "+7": 7, " 12 \n": 12, "007": 7,
		"9223372036854775807": math.MaxInt64, "-9223372036854775808\n": math.MinInt64,
	} {
		if got, err := sensors.ParseNumber([]byte(text)); got != want || err != nil {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "empty", "\n": "empty", "-": "not a number", "12a\n": "not a number", "1 2": "not a number", "1.5": "not a number",
		"--1": "not a number", "0x10": "not a number", "12\x00": "not a number",
		"9223372036854775808": "out of range", "-9223372036854775809": "out of range", "99999999999999999999999": "out of range",
	} {
		if got, err := sensors.ParseNumber([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %d, %v, want an error with %q", text, got, err, want)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"51234\n", "-5000", "+", "9223372036854775808", "-9223372036854775808", " 1 2"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := sensors.ParseNumber(b)
		want, wantErr := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
		if (err != nil) != (wantErr != nil) || err == nil && got != want {
			t.Errorf("%q: got %d, %v; strconv has %d, %v", b, got, err, want, wantErr)
		}
	})
}

// find returns the sensors of the tree by name, and closes them with the test.
func find(t *testing.T, tree *sensorstest.Tree, clock sensors.Clock) (map[string]sensors.Sensor, []sensors.Problem) {
	t.Helper()
	list, problems := sensors.Find(sensors.Env{Root: tree.Root, Clock: clock})
	found := map[string]sensors.Sensor{}
	for _, s := range list {
		if found[s.Info().Name] != nil {
			t.Errorf("two sensors are called %q", s.Info().Name)
		}
		found[s.Info().Name] = s
		t.Cleanup(func() { s.Close() })
	}
	return found, problems
}

// expect checks which sensors were found: name to part, quantity, place.
func expect(t *testing.T, found map[string]sensors.Sensor, want map[string]sensors.Info) {
	t.Helper()
	for name, info := range want {
		info.Name = name
		if s := found[name]; s == nil {
			t.Errorf("%s was not found", name)
		} else if s.Info() != info {
			t.Errorf("got %+v, want %+v", s.Info(), info)
		}
	}
	for name := range found {
		if _, ok := want[name]; !ok {
			t.Errorf("%s was found, and should not be", name)
		}
	}
}

func TestZoneReadings(t *testing.T) {
	tree := sensorstest.NewTree(t)
	temp := "sys/class/thermal/thermal_zone0/temp"
	tree.Write("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
	tree.Write(temp, "0\n")
	found, _ := find(t, tree, nil)
	s := found["cpu-thermal"]
	if s == nil {
		t.Fatal("no sensor")
	}
	for content, want := range map[string]physic.Temperature{
		"51234\n":  physic.ZeroCelsius + 51234*physic.MilliKelvin,
		"50":       physic.ZeroCelsius + 50*physic.MilliKelvin,
		"-5000\n":  physic.ZeroCelsius - 5*physic.Kelvin,
		"-89000\n": physic.ZeroCelsius - 89*physic.Kelvin, // left to the filter
	} {
		tree.Write(temp, content)
		if got, err := s.Read(); err != nil || physic.Temperature(got) != want {
			t.Errorf("%q: got %v, %v, want %v", content, physic.Temperature(got), err, want)
		}
	}
	for content, want := range map[string]string{
		"":                        "empty",
		"hot\n":                   "not a number",
		"45000\n45000\n":          "not a number",
		"99999999999\n":           "out of range",
		"9223372036854775807\n":   "out of range",
		"9223372036854775808\n":   "out of range",
		strings.Repeat("1", 1000): "longer than a value",
	} {
		tree.Write(temp, content)
		got, err := s.Read()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "thermal_zone0/temp") {
			t.Errorf("%.20q: got %d, %v, want an error of the file with %q", content, got, err, want)
		}
		if n := testing.AllocsPerRun(5, func() { s.Read() }); n != 0 {
			t.Errorf("%.20q: %v allocations for a failure that lasts", content, n)
		}
	}
	tree.Write(temp, "42000\n")
	if got, err := s.Read(); err != nil || physic.Temperature(got) != physic.ZeroCelsius+42*physic.Kelvin {
		t.Errorf("after failures: got %d, %v", got, err)
	}
	if n := testing.AllocsPerRun(100, func() { s.Read() }); n != 0 {
		t.Errorf("%v allocations per reading", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Read(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: got %v, want os.ErrClosed", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestFindProblems(t *testing.T) {
	tree := sensorstest.NewTree(t)
	tree.Write("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n") // no temp
	tree.Write("sys/class/thermal/thermal_zonex/temp", "1\n")           // no zone
	tree.Write("sys/class/thermal/cooling_device0/type", "fan\n")
	tree.Write("sys/class/apex/apex_0/temp", "40000\n")
	tree.Write("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "none\n")
	found, problems := find(t, tree, nil)
	expect(t, found, map[string]sensors.Info{
		"apex_0": {Part: "apex", Quantity: sensors.Temperature, Place: sensors.PlaceTPU},
	})
	if len(problems) != 2 || problems[1].Part != "thermal zone" || !errors.Is(problems[1], os.ErrNotExist) {
		t.Errorf("got %v, want the zone without a temperature", problems)
	}
	if want := "intel-rapl:0/max_energy_range_uj: not a number"; len(problems) < 1 || !strings.HasSuffix(problems[0].Error(), want) {
		t.Errorf("got %v, want %s", problems, want)
	}
	if list, problems := sensors.Find(sensors.Env{Root: t.TempDir()}); len(list) != 0 || len(problems) != 0 {
		t.Errorf("an empty root: got %v, %v", list, problems)
	}
}

// TestReadErrors reads files that the kernel gives errors for.
func TestReadErrors(t *testing.T) {
	for path, want := range map[string]string{
		"/proc/self/mem": "input/output error: the chip does not answer its driver", // offset 0 is not mapped
		"/proc/self/fd":  "is a directory",
	} {
		tree := sensorstest.NewTree(t)
		tree.Link("sys/class/apex/apex_3/temp", path)
		found, problems := find(t, tree, nil)
		s := found["apex_3"]
		if s == nil {
			t.Errorf("%s: not found: %v", path, problems)
			continue
		}
		if _, err := s.Read(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}

// zoneOf returns a sensor of one zone in a tree of its own.
func zoneOf(t *testing.T) (*sensorstest.Tree, sensors.Sensor) {
	t.Helper()
	tree := sensorstest.NewTree(t)
	tree.Write("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
	tree.Write("sys/class/thermal/thermal_zone0/temp", "1000\n")
	found, _ := find(t, tree, nil)
	return tree, found["cpu-thermal"]
}

func TestErrno(t *testing.T) {
	for errno, want := range map[error]string{
		unix.EAGAIN:    "the sensor is asleep or still converts",
		unix.ENODATA:   "nothing is connected, or no reading is valid yet",
		unix.EINVAL:    "the sensor or its zone may be disabled",
		unix.EIO:       "the chip does not answer its driver",
		unix.ETIMEDOUT: "the chip does not answer its driver",
		unix.ENODEV:    "the device is gone",
		unix.ENOMEM:    "cannot allocate memory",
	} {
		_, s := zoneOf(t)
		var now error
		sensors.OnRead(s, func() error { return now })
		now = errno
		fails(t, s, want)
		if _, err := s.Read(); !errors.Is(err, errno) || !strings.Contains(err.Error(), "thermal_zone0/temp: ") {
			t.Errorf("got %v, want %v of the file", err, errno)
		}
		now = nil
		if got := read(t, s); got != int64(physic.ZeroCelsius+physic.Kelvin) {
			t.Errorf("after %v: got %d", errno, got)
		}
	}
}

// TestReopen has a device that goes and comes back: only a new file reads it.
func TestReopen(t *testing.T) {
	tree, s := zoneOf(t)
	var now error
	sensors.OnRead(s, func() error { return now })
	tree.Remove("sys/class/thermal/thermal_zone0/temp")
	now = unix.ENODEV
	fails(t, s, "the device is gone")
	now = nil
	if _, err := s.Read(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("while it is gone: got %v", err)
	}
	tree.Write("sys/class/thermal/thermal_zone0/temp", "2000\n")
	if got := read(t, s); got != int64(physic.ZeroCelsius+2*physic.Kelvin) {
		t.Errorf("after it came back: got %d", got)
	}
}

// TestCloseDuringRead closes a sensor whose read blocks.
func TestCloseDuringRead(t *testing.T) {
	_, s := zoneOf(t)
	began, release := make(chan struct{}), make(chan struct{})
	sensors.OnRead(s, func() error { close(began); <-release; return nil })
	done := make(chan error)
	go func() { _, err := s.Read(); done <- err }()
	<-began
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Errorf("the read under way: %v", err) // it still had the file
	}
	if _, err := s.Read(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: got %v", err)
	}
}

func TestUniqueNames(t *testing.T) {
	tree := sensorstest.NewTree(t)
	for i, name := range []string{"acpitz", "acpitz", "acpitz-2", "bad\x07name", ""} {
		dir := filepath.Join("sys/class/thermal", "thermal_zone"+strconv.Itoa(i))
		tree.Write(dir+"/type", name)
		tree.Write(dir+"/temp", "1")
	}
	found, _ := find(t, tree, nil)
	board, other := sensors.Info{Part: "thermal zone", Place: sensors.PlaceBoard}, sensors.Info{Part: "thermal zone"}
	expect(t, found, map[string]sensors.Info{
		"acpitz": board, "acpitz-2": board, "acpitz-2-2": board, "bad?name": other, "zone4": other,
	})
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		names string
		want  sensors.Place
	}{
		{"cpu-thermal", sensors.PlaceDie}, {"cpu_thermal", sensors.PlaceDie}, {"CPU-therm", sensors.PlaceDie},
		{"GPU-therm", sensors.PlaceDie}, {"soc", sensors.PlaceDie}, {"imx_thermal_zone", sensors.PlaceDie},
		{"AO-therm", sensors.PlaceDie}, {"PLL-therm", sensors.PlaceDie}, {"x86_pkg_temp", sensors.PlaceDie},
		{"coretemp/Core 0", sensors.PlaceDie}, {"k10temp", sensors.PlaceDie}, {"bcm2835_thermal", sensors.PlaceDie},
		{"PMIC-Die", sensors.PlaceOther}, {"thermal-fan-est", sensors.PlaceOther}, {"nvme", sensors.PlaceOther},
		{"iwlwifi_1", sensors.PlaceOther}, {"something", sensors.PlaceOther}, {"", sensors.PlaceOther},
		{"acpitz", sensors.PlaceBoard}, {"lm75", sensors.PlaceBoard}, {"tmp102", sensors.PlaceBoard}, {"w1_slave_temp", sensors.PlaceBoard},
		{"apex_0", sensors.PlaceTPU},
	} {
		if got := sensors.TemperaturePlace(c.names); got != c.want {
			t.Errorf("%s: got %v, want %v", c.names, got, c.want)
		}
	}
	if got := sensors.TemperaturePlace("nct6798", "CPUTIN"); got != sensors.PlaceOther {
		t.Errorf("CPUTIN of a super I/O chip: got %v", got)
	}
	if got := sensors.PowerPlace("VDD_IN", "ina3221"); got != sensors.PlaceTotal {
		t.Errorf("VDD_IN: got %v", got)
	}
	if got := sensors.PowerPlace("", "ina226"); got != sensors.PlaceBoard {
		t.Errorf("ina226 without a label: got %v", got)
	}
}
