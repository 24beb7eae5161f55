package actuator

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

const apexDir = "sys/class/apex"

var apexName = regexp.MustCompile(`^apex_[0-9]+$`)

// The driver looks at the temperature every 5 s (temp_poll_interval), so a clock
// needs longer than that to show its effect.
const apexDwell = 10 * time.Second

// forcedTrip is a trip point below any temperature at which an Edge TPU needs
// throttling, in m°C. The driver keeps trip points as ADC counts, (550-t)/250+662,
// and gives this one back as it was written.
const forcedTrip = 550

// apex slows down an Edge TPU on PCIe, whoever uses it. Its driver halves the clock
// at each of three trip points, 500 MHz to 62.5 MHz, and decides so every
// temp_poll_interval: the clock is that of the highest trip point not above the
// temperature (check_temperature_work_handler and sysfs_store in apex_driver.c of
// github.com/google/gasket-driver; "Manage the PCIe module temperature" at
// coral.ai/docs/pcie-parameters). So a trip point far below the temperature forces a
// clock. Trip points must never be out of order, or the driver says EINVAL: they are
// lowered from the first to the last and raised from the last to the first.
type apex struct {
	name    string
	trips   []*attribute // trip_point0_temp to trip_point2_temp
	level   int          // how many are forced
	now     func() time.Time
	changed time.Time
}

func (f *finder) apex() []kept {
	var found []kept
	dirs := f.list(apexDir, apexName)
	if len(dirs) == 0 {
		f.problem("apex", errNone("apex_N", apexDir, "no Edge TPU on PCIe, or its driver is not loaded"))
	}
	for _, dir := range dirs {
		name := "apex clock " + dir[len(apexDir)+1:]
		trips, err := f.trips(dir)
		if err != nil {
			f.problem(name, err)
			continue
		}
		found = append(found, &apex{name: name, trips: trips, now: f.now})
	}
	return found
}

func (f *finder) trips(dir string) ([]*attribute, error) {
	interval, err := readNumber(f.root, dir+"/temp_poll_interval")
	if err != nil {
		return nil, err
	}
	if interval <= 0 {
		return nil, errors.New("its driver never looks at the temperature: write the milliseconds between two looks to temp_poll_interval, 5000 is usual")
	}
	trips, err := f.openAll(dir+"/trip_point0_temp", dir+"/trip_point1_temp", dir+"/trip_point2_temp")
	if err != nil {
		return nil, err
	}
	last := int64(forcedTrip)
	for _, t := range trips {
		if t.original < last || t.original > maxMillidegree {
			err = fmt.Errorf("trip points %d, %d and %d m°C can't be", trips[0].original, trips[1].original, trips[2].original)
		}
		last = t.original
	}
	if err != nil {
		for _, t := range trips {
			t.close()
		}
		return nil, err
	}
	return trips, nil
}

func (a *apex) Name() string { return a.name }

func (a *apex) Apply(s Setting) (changed bool, err error) {
	level := a.want(s.Share)
	changed, err = a.turn(level)
	if err == nil && level != a.level {
		a.level, a.changed = level, a.now()
	}
	return changed, err
}

// want is how often the clock is halved, as far as the share of work allows.
func (a *apex) want(share float64) int {
	down := halvings(share)
	if down >= a.level {
		return down
	}
	if up := halvings(share * clockSpare); up < a.level && a.now().Sub(a.changed) >= apexDwell {
		return up
	}
	return a.level
}

func halvings(share float64) int {
	level := 0
	for clock := 0.5; level < 3 && share <= clock; clock /= 2 {
		level++
	}
	return level
}

// turn forces the first trip points and puts the others back, those that fall
// first.
func (a *apex) turn(level int) (changed bool, err error) {
	for i := range level {
		did, err := a.trips[i].hold(forcedTrip)
		if err != nil {
			return changed, err
		}
		changed = changed || did
	}
	for i := len(a.trips) - 1; i >= level; i-- {
		t := a.trips[i]
		if !t.dirty || t.wrote == t.original {
			continue // not ours, or put back: someone may set it as they like
		}
		did, err := t.hold(t.original)
		if err != nil {
			return changed, err
		}
		changed = changed || did
	}
	return changed, nil
}

func (a *apex) Restore() error {
	for i := len(a.trips) - 1; i >= 0; i-- {
		if err := a.trips[i].restore(); err != nil {
			return err
		}
	}
	a.level = 0
	return nil
}

func (a *apex) entries() []entry {
	return []entry{a.trips[2].entry(), a.trips[1].entry(), a.trips[0].entry()}
}

func (a *apex) close() {
	for _, t := range a.trips {
		t.close()
	}
}
