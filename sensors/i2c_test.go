package sensors_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"atoll/sensors"
	"atoll/sensors/sensorstest"
	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"
	"periph.io/x/conn/v3/physic"
)

var milliOhm10 = sensors.Resistance{ElectricResistance: 10 * physic.MilliOhm}

// get is the transfer that reads a register, set the one that writes it.
func get(address uint16, register byte, value uint16) i2ctest.IO {
	return i2ctest.IO{Addr: address, W: []byte{register}, R: []byte{byte(value >> 8), byte(value)}}
}

func set(address uint16, register byte, value uint16) i2ctest.IO {
	return i2ctest.IO{Addr: address, W: []byte{register, byte(value >> 8), byte(value)}}
}

// onBus returns the configured sensor, on a bus that plays ops.
func onBus(t *testing.T, cfg sensors.Config, ops ...i2ctest.IO) sensors.Sensor {
	t.Helper()
	bus := &i2ctest.Playback{Ops: ops, DontPanic: true}
	env := sensors.Env{Root: t.TempDir(), Bus: func(number string) (i2c.BusCloser, error) {
		if number != "1" {
			t.Errorf("bus %q was opened, want 1", number)
		}
		return bus, nil
	}}
	s, err := sensors.Open(env, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// setUp is what the chip of each kind does before its first reading.
var setUp = map[string][]i2ctest.IO{
	"ina219":  {set(0x40, 0, 0x3F77)},
	"ina226":  {get(0x40, 0xFE, 0x5449), get(0x40, 0xFF, 0x2260), set(0x40, 0, 0x456F)},
	"ina260":  {get(0x40, 0xFE, 0x5449), get(0x40, 0xFF, 0x2270), set(0x40, 0, 0x656F)},
	"ina3221": {get(0x40, 0xFE, 0x5449), get(0x40, 0xFF, 0x3220), set(0x40, 0, 0x7527)},
	"tmp102":  {get(0x48, 1, 0x60A0)},
	"mcp9808": {get(0x18, 6, 0x0054), get(0x18, 7, 0x0401), set(0x18, 1, 0)},
}

// config returns the least that a kind takes.
func config(kind string) sensors.Config {
	c := sensors.Config{Name: "it", Kind: kind, Bus: "1"}
	switch kind {
	case "ina219", "ina226":
		c.Shunt = milliOhm10
	case "ina3221":
		c.Shunt, c.Channel = milliOhm10, 2
	}
	return c
}

func TestChipReadings(t *testing.T) {
	celsius := func(c float64) int64 { return int64(physic.ZeroCelsius) + int64(c*float64(physic.Kelvin)) }
	for _, c := range []struct {
		name, kind string
		ops        []i2ctest.IO
		want       int64
		err        string
	}{
		// 10 mV over 10 mΩ is 1 A; at 5 V that is 5 W.
		{"forward", "ina219", []i2ctest.IO{get(0x40, 1, 1000), get(0x40, 2, 1250<<3|2)}, int64(5 * physic.Watt), ""},
		{"back", "ina219", []i2ctest.IO{get(0x40, 1, 0xFC18), get(0x40, 2, 1250<<3)}, int64(-5 * physic.Watt), ""},
		{"nothing", "ina219", []i2ctest.IO{get(0x40, 1, 0), get(0x40, 2, 0)}, 0, ""},
		{"flag of the power register", "ina219", []i2ctest.IO{get(0x40, 1, 1000), get(0x40, 2, 1250<<3|1)}, int64(5 * physic.Watt), ""},
		{"saturated", "ina219", []i2ctest.IO{get(0x40, 1, 32000)}, 0, "more current than this shunt can measure"},
		{"saturated back", "ina219", []i2ctest.IO{get(0x40, 1, 0x8300)}, 0, "more current than this shunt can measure"},
		{"bus at rest", "ina219", []i2ctest.IO{get(0x40, 1, 0xFFFF), get(0x40, 2, 0xFFFF)}, 0, "0xFFFF, which the part can't measure"},
		{"forward", "ina226", []i2ctest.IO{get(0x40, 1, 4000), get(0x40, 2, 9600)}, int64(12 * physic.Watt), ""},
		{"back", "ina226", []i2ctest.IO{get(0x40, 1, 0xF060), get(0x40, 2, 9600)}, int64(-12 * physic.Watt), ""},
		{"saturated", "ina226", []i2ctest.IO{get(0x40, 1, 0x7FFF)}, 0, "more current"},
		{"saturated back", "ina226", []i2ctest.IO{get(0x40, 1, 0x8000)}, 0, "more current"},
		{"too high", "ina226", []i2ctest.IO{get(0x40, 1, 1), get(0x40, 2, 0x7FFF)}, 0, "register 0x02 is 0x7FFF"},

		{"forward", "ina260", []i2ctest.IO{get(0x40, 1, 800), get(0x40, 2, 4000)}, int64(5 * physic.Watt), ""},
		{"back", "ina260", []i2ctest.IO{get(0x40, 1, 0xFCE0), get(0x40, 2, 4000)}, int64(-5 * physic.Watt), ""},
		{"saturated", "ina260", []i2ctest.IO{get(0x40, 1, 0x8000)}, 0, "more current"},

		// 250 steps of 40 µV and 625 of 8 mV, both from bit 3 on.
		{"forward", "ina3221", []i2ctest.IO{get(0x40, 3, 250<<3), get(0x40, 4, 625<<3)}, int64(5 * physic.Watt), ""},
		{"back", "ina3221", []i2ctest.IO{get(0x40, 3, 0xF830), get(0x40, 4, 625<<3)}, int64(-5 * physic.Watt), ""},
		{"saturated", "ina3221", []i2ctest.IO{get(0x40, 3, 0x7FF8)}, 0, "more current"},
		{"saturated back", "ina3221", []i2ctest.IO{get(0x40, 3, 0x8000)}, 0, "more current"},
		{"negative bus", "ina3221", []i2ctest.IO{get(0x40, 3, 8), get(0x40, 4, 0x8000)}, 0, "can't measure"},

		// From the data sheet's table of temperatures.
		{"150", "tmp102", []i2ctest.IO{get(0x48, 0, 0x7FF0)}, celsius(127.9375), ""},
		{"25", "tmp102", []i2ctest.IO{get(0x48, 0, 0x1900)}, celsius(25), ""},
		{"quarter", "tmp102", []i2ctest.IO{get(0x48, 0, 0x0040)}, celsius(0.25), ""},
		{"minus quarter", "tmp102", []i2ctest.IO{get(0x48, 0, 0xFFC0)}, celsius(-0.25), ""},
		{"minus 55", "tmp102", []i2ctest.IO{get(0x48, 0, 0xC900)}, celsius(-55), ""},
		{"extended 150", "tmp102", []i2ctest.IO{get(0x48, 0, 0x4B01)}, celsius(150), ""},
		{"extended minus 25", "tmp102", []i2ctest.IO{get(0x48, 0, 0xF381)}, celsius(-25), ""},
		{"bus at rest", "tmp102", []i2ctest.IO{get(0x48, 0, 0xFFFF)}, 0, "no temperature of a TMP102"},

		{"25.25", "mcp9808", []i2ctest.IO{get(0x18, 5, 0xC194)}, celsius(25.25), ""},
		{"minus 1/16", "mcp9808", []i2ctest.IO{get(0x18, 5, 0x3FFF)}, celsius(-0.0625), ""},
		{"minus 40", "mcp9808", []i2ctest.IO{get(0x18, 5, 0x3D80)}, celsius(-40), ""},
		{"bus at rest", "mcp9808", []i2ctest.IO{get(0x18, 5, 0xFFFF)}, 0, "no temperature of an MCP9808"},
	} {
		t.Run(c.kind+" "+c.name, func(t *testing.T) {
			s := onBus(t, config(c.kind), append(append([]i2ctest.IO(nil), setUp[c.kind]...), c.ops...)...)
			if c.err != "" {
				fails(t, s, c.err)
				return
			}
			if got := read(t, s); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestChipRefusesAnother(t *testing.T) {
	for _, c := range []struct {
		kind string
		ops  []i2ctest.IO
		want string
	}{
		{"ina226", []i2ctest.IO{get(0x40, 0xFE, 0xFFFF)}, "ina226 at 0x40 on I2C bus 1: not this part: register 0xFE is 0xFFFF, not 0x5449: check kind and address"},
		{"ina226", []i2ctest.IO{get(0x40, 0xFE, 0x5449), get(0x40, 0xFF, 0x2270)}, "register 0xFF is 0x2270, not 0x2260"},
		{"ina260", []i2ctest.IO{get(0x40, 0xFE, 0x5449), get(0x40, 0xFF, 0x2261)}, "register 0xFF is 0x2261, not 0x2270"},
		{"ina3221", []i2ctest.IO{get(0x40, 0xFE, 0x5449), get(0x40, 0xFF, 0x2260)}, "register 0xFF is 0x2260, not 0x3220"},
		{"mcp9808", []i2ctest.IO{get(0x18, 6, 0x0054), get(0x18, 7, 0x0300)}, "register 0x07 is 0x0300, not 0x0400"},
		{"mcp9808", []i2ctest.IO{get(0x18, 6, 0)}, "register 0x06 is 0x0000, not 0x0054"},
	} {
		fails(t, onBus(t, config(c.kind), c.ops...), c.want)
	}
}

// TestRevisions takes other revisions of the same die.
func TestRevisions(t *testing.T) {
	s := onBus(t, config("ina226"), get(0x40, 0xFE, 0x5449), get(0x40, 0xFF, 0x2261), set(0x40, 0, 0x456F), get(0x40, 1, 0), get(0x40, 2, 0))
	if got := read(t, s); got != 0 {
		t.Errorf("got %d", got)
	}
}

// TestShutdownEnds wakes a TMP102 that was left asleep, and leaves the rest as it is.
func TestShutdownEnds(t *testing.T) {
	s := onBus(t, config("tmp102"), get(0x48, 1, 0x61B0), set(0x48, 1, 0x60B0), get(0x48, 0, 0))
	if got := read(t, s); got != int64(physic.ZeroCelsius) {
		t.Errorf("got %d", got)
	}
}

// flaky is a bus whose next transfers fail.
type flaky struct {
	i2ctest.Playback
	errs   []error
	opened int
	closed int
}

func (f *flaky) Tx(address uint16, w, r []byte) error {
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		if err != nil {
			return err
		}
	}
	return f.Playback.Tx(address, w, r)
}

func (f *flaky) Close() error {
	f.closed++
	return nil
}

func (f *flaky) open(string) (i2c.BusCloser, error) {
	f.opened++
	return f, nil
}

// TestChipComesBack lets each transfer of a reading fail in turn: the reading fails,
// the next one sets the chip up again.
func TestChipComesBack(t *testing.T) {
	for kind, first := range setUp {
		values := map[string][]i2ctest.IO{
			"ina219": {get(0x40, 1, 0), get(0x40, 2, 0)}, "ina226": {get(0x40, 1, 0), get(0x40, 2, 0)},
			"ina260": {get(0x40, 1, 0), get(0x40, 2, 0)}, "ina3221": {get(0x40, 3, 0), get(0x40, 4, 0)},
			"tmp102": {get(0x48, 0, 0)}, "mcp9808": {get(0x18, 5, 0)},
		}[kind]
		whole := append(append([]i2ctest.IO(nil), first...), values...)
		for i := range whole {
			bus := &flaky{Playback: i2ctest.Playback{DontPanic: true}, errs: append(make([]error, i), unix.ENXIO)}
			bus.Ops = append(append([]i2ctest.IO(nil), whole[:i]...), whole...)
			s, err := sensors.Open(sensors.Env{Root: t.TempDir(), Bus: bus.open}, config(kind))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Read(); !errors.Is(err, unix.ENXIO) {
				t.Errorf("%s, transfer %d fails: got %v, want ENXIO", kind, i, err)
			}
			if _, err := s.Read(); err != nil {
				t.Errorf("%s, after transfer %d failed: %v", kind, i, err)
			}
			if err := s.Close(); err != nil || bus.opened != bus.closed {
				t.Errorf("%s: opened %d times, closed %d times, %v", kind, bus.opened, bus.closed, err)
			}
			if bus.Count != len(bus.Ops) {
				t.Errorf("%s: %d of %d transfers made", kind, bus.Count, len(bus.Ops))
			}
			if _, err := s.Read(); !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s, after Close: got %v", kind, err)
			}
			if bus.opened != bus.closed {
				t.Errorf("%s: a read after Close left the bus open", kind)
			}
		}
	}
}

// TestChipIsLeftAlone counts how often an absent part costs its bus a transfer.
func TestChipIsLeftAlone(t *testing.T) {
	clock := sensorstest.NewClock(time.Unix(0, 0))
	bus := &flaky{Playback: i2ctest.Playback{DontPanic: true, Ops: []i2ctest.IO{get(0x48, 1, 0), get(0x48, 0, 0)}}}
	s, err := sensors.Open(sensors.Env{Root: t.TempDir(), Bus: bus.open, Clock: clock}, config("tmp102"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var tries []time.Duration
	for clock.Now().Before(time.Unix(100, 0)) {
		bus.errs = []error{unix.ENXIO}
		before := bus.opened
		if _, err := s.Read(); !errors.Is(err, unix.ENXIO) {
			t.Fatalf("got %v", err)
		}
		if bus.opened != before {
			tries = append(tries, clock.Now().Sub(time.Unix(0, 0)))
		}
		clock.Advance(100 * time.Millisecond)
	}
	const ms, sec = time.Millisecond, time.Second
	want := []time.Duration{0, 100 * ms, sec + 100*ms, 3*sec + 100*ms, 7*sec + 100*ms, 15*sec + 100*ms, 31*sec + 100*ms, 63*sec + 100*ms, 95*sec + 100*ms}
	if !slices.Equal(tries, want) {
		t.Errorf("tried at %v, want %v", tries, want)
	}
	bus.errs = nil
	clock.Advance(32 * time.Second)
	read(t, s)
	bus.errs = []error{unix.ENXIO, unix.ENXIO}
	fails(t, s, "no such device or address")
	before := bus.opened
	fails(t, s, "no such device or address")
	if bus.opened == before {
		t.Error("after a success the first failure is not tried again at once")
	}
}

// TestChipCloseDuringRead closes a sensor whose bus hangs.
func TestChipCloseDuringRead(t *testing.T) {
	bus := hung{&flaky{}, make(chan struct{}), make(chan struct{})}
	s, err := sensors.Open(sensors.Env{Root: t.TempDir(), Bus: func(string) (i2c.BusCloser, error) { return bus, nil }}, config("tmp102"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { _, err := s.Read(); done <- err }()
	<-bus.began
	if err := s.Close(); err != nil || bus.closed != 1 {
		t.Errorf("closed %d times, %v", bus.closed, err)
	}
	close(bus.release)
	if err := <-done; !errors.Is(err, unix.ETIMEDOUT) || bus.closed != 1 {
		t.Errorf("the read under way: %v, closed %d times", err, bus.closed)
	}
}

// hung is a bus on which a transfer waits to be released, and then fails.
type hung struct {
	*flaky
	began, release chan struct{}
}

func (h hung) Tx(uint16, []byte, []byte) error {
	close(h.began)
	<-h.release
	return unix.ETIMEDOUT
}

func TestChipShortAnswer(t *testing.T) {
	bus := &flaky{Playback: i2ctest.Playback{DontPanic: true, Ops: []i2ctest.IO{
		set(0x40, 0, 0x3F77), {Addr: 0x40, W: []byte{1}, R: []byte{1}},
	}}}
	s, err := sensors.Open(sensors.Env{Root: t.TempDir(), Bus: bus.open}, config("ina219"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fails(t, s, "ina219 at 0x40 on I2C bus 1: reading register 0x01: ")
}

func TestChipAllocates(t *testing.T) {
	for kind, die := range map[string]uint16{"ina219": 0, "ina226": 0x2260, "ina260": 0x2270, "ina3221": 0x3220, "tmp102": 0, "mcp9808": 0} {
		bus := identities{die}
		s, err := sensors.Open(sensors.Env{Root: t.TempDir(), Bus: func(string) (i2c.BusCloser, error) { return bus, nil }}, config(kind))
		if err != nil {
			t.Fatal(err)
		}
		read(t, s)
		if n := testing.AllocsPerRun(20, func() { s.Read() }); n != 0 {
			t.Errorf("%s: %v allocations per reading", kind, n)
		}
		s.Close()
	}
}

// identities is a bus on which every chip names itself and reads 0.
type identities struct{ die uint16 }

func (identities) String() string                  { return "" }
func (identities) SetSpeed(physic.Frequency) error { return nil }
func (identities) Close() error                    { return nil }

func (b identities) Tx(address uint16, w, r []byte) error {
	if len(r) < 2 {
		return nil
	}
	var v uint16
	switch w[0] {
	case 0xFE:
		v = 0x5449
	case 0xFF:
		v = b.die
	case 6:
		v = 0x0054
	case 7:
		v = 0x0400
	}
	r[0], r[1] = byte(v>>8), byte(v)
	return nil
}

func TestOpenRefuses(t *testing.T) {
	tree := sensorstest.NewTree(t)
	tree.Write("sys/bus/i2c/drivers/ina2xx/bind", "")
	tree.Write("sys/bus/i2c/devices/1-0040/name", "ina226\n")
	tree.Link("sys/bus/i2c/devices/1-0040/driver", "../../drivers/ina2xx")
	_, err := sensors.Open(sensors.Env{Root: tree.Root}, config("ina226"))
	if err == nil || !strings.Contains(err.Error(), "the kernel's driver has the chip") || !strings.Contains(err.Error(), "1-0040/driver") {
		t.Errorf("got %v", err)
	}
	if _, err := sensors.Open(sensors.Env{}, sensors.Config{Name: "x", Kind: "hwmon"}); err == nil || !strings.Contains(err.Error(), `unknown kind "hwmon": use one of ina219, ina226,`) {
		t.Errorf("got %v", err)
	}
}
