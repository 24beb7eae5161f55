package sensors

import "periph.io/x/conn/v3/i2c"

// What the tests see of the inside.
var (
	ParseNumber   = parseNumber
	OpenDeviceBus = openDeviceBus
	NewDeviceBus  = newDeviceBus
)

// CPU is a line of /proc/stat.
type CPU struct {
	Number     int
	Busy, Idle uint64
}

// ParseStat returns all CPUs of /proc/stat.
func ParseStat(b []byte) (all []CPU, err error) {
	for {
		t, rest, err := nextCPU(b)
		if err != nil {
			return all, err
		}
		all, b = append(all, CPU{t.number, t.busy, t.idle}), rest
	}
}

// Share returns how busy a CPU was between two states of it.
func Share(before, after CPU, kept float64) float64 {
	last := cpuTimes{busy: before.Busy, idle: before.Idle, share: kept}
	return cpuTimes{busy: after.Busy, idle: after.Idle}.since(last)
}

// TemperaturePlace and PowerPlace return where names measure.
func TemperaturePlace(names ...string) Place { return placeOf(temperaturePlaces, names...) }
func PowerPlace(names ...string) Place       { return placeOf(powerPlaces, names...) }

// SharedBuses returns an opener that shares what device opens.
func SharedBuses(device func(path string) (i2c.BusCloser, error)) func(path string) (i2c.BusCloser, error) {
	return (&buses{device: device, handle: map[string]*sharedBus{}}).open
}

// OnRead makes every pread of a sensor's file call before first, which may give an
// errno in place of the read, or block.
func OnRead(s Sensor, before func() error) {
	a := s.(*value).file
	real := a.pread
	a.pread = func(fd uintptr) {
		if a.n, a.err = 0, before(); a.err == nil {
			real(fd)
		}
	}
}
