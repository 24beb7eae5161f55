package actuator

import (
	"errors"
	"io/fs"
	"math"
	"regexp"
	"slices"
	"time"

	"periph.io/x/conn/v3/physic"
)

const (
	hwmonDir   = "sys/class/hwmon"
	coolingDir = "sys/class/thermal"
)

var (
	hwmonName = regexp.MustCompile(`^hwmon[0-9]+$`)
	pwmName   = regexp.MustCompile(`^pwm[0-9]+$`)
)

// Modes of pwmN_enable (Linux, Documentation/hwmon/sysfs-interface.rst).
const (
	modeFull   = 0 // no control; but off for the driver pwm-fan
	modeManual = 1
)

// A fan speeds up at once and slows down after a dwell, in few enough steps that a
// small change of cooling does not turn it. One that knows only on and off would be
// switched for ever at the temperature where cooling begins: so it begins, and slows
// down, only by more than fanGap, a fifth of the whole range.
const (
	fanDwell = 5 * time.Second
	fanSteps = 15
	fanGap   = 3
	maxPWM   = 255
)

// displayDrivers have fans that also cool what this program does not watch.
var displayDrivers = []string{"amdgpu", "nouveau", "radeon", "xe", "i915"}

// fan speeds up a fan: a PWM output of hwmon, or a cooling device where there is no
// such output. It never turns one slower than the kernel or the chip had it.
type fan struct {
	name  string
	part  string     // who drives it
	level *attribute // pwmN or cur_state
	most  int64
	mode  *attribute         // pwmN_enable; nil: there is none
	kept  func()             // called when there is something else to put back
	trip  physic.Temperature // from here on the kernel wants it on; 0: it never says so

	now     func() time.Time
	idle    bool  // there is nothing to put back: the kernel has it
	base    int64 // what the kernel wants
	raised  bool
	steps   int // of fanSteps
	changed time.Time
}

func (f *finder) fans() []kept {
	var found []kept
	var drivers []string
	for _, dir := range f.list(hwmonDir, hwmonName) {
		driver, err := readText(f.root, dir+"/name")
		if err != nil || slices.Contains(displayDrivers, driver) {
			continue
		}
		for _, pwm := range f.list(dir, pwmName) {
			fan, err := f.pwm(pwm, driver)
			if err != nil {
				f.problem("fan "+pwm[len(hwmonDir)+1:], err)
				continue
			}
			found, drivers = append(found, fan), append(drivers, driver)
		}
	}
	// These two drivers make both a PWM output and a cooling device of one fan.
	if !slices.Contains(drivers, "pwmfan") {
		found = append(found, f.coolingFans("pwm-fan")...)
	}
	if !slices.Contains(drivers, "gpio_fan") {
		found = append(found, f.coolingFans("gpio-fan")...)
	}
	if len(found) == 0 {
		f.problem("fan", errNone("PWM output or fan", hwmonDir+" or /"+coolingDir, "a board without a fan, or its driver is not loaded"))
	}
	return found
}

func (f *finder) pwm(path, driver string) (*fan, error) {
	all, err := f.openAll(path, path+"_enable")
	var mode *attribute
	if errors.Is(err, fs.ErrNotExist) {
		all, err = f.openAll(path)
	} else if err == nil {
		mode = all[1]
	}
	if err != nil {
		return nil, err
	}
	return f.newFan(path[len(hwmonDir)+1:], driver, all[0], maxPWM, mode), nil
}

func (f *finder) coolingFans(kind string) []kept {
	var found []kept
	for _, dir := range f.list(coolingDir, coolingName) {
		if got, err := readText(f.root, dir+"/type"); err != nil || got != kind {
			continue
		}
		name := dir[len(coolingDir)+1:]
		most, err := readNumber(f.root, dir+"/max_state")
		if err != nil || most <= 0 || most > maxState {
			f.problem("fan "+name, errors.Join(errors.New("max_state tells no states to choose from"), err))
			continue
		}
		level, err := f.open(dir + "/cur_state")
		if err != nil {
			f.problem("fan "+name, err)
			continue
		}
		found = append(found, f.newFan(name, kind, level, most, nil))
	}
	return found
}

func (f *finder) newFan(name, part string, level *attribute, most int64, mode *attribute) *fan {
	return &fan{
		name: "fan " + name, part: part, level: level, most: most, mode: mode, trip: f.fanTrip(part),
		kept: func() {}, now: f.now, base: level.original, idle: !level.dirty && (mode == nil || !mode.dirty),
	}
}

func (f *fan) Name() string { return f.name }

func (f *fan) Apply(s Setting) (changed bool, err error) {
	steps := f.want(s.Cooling)
	if steps == 0 {
		if !f.raised {
			return false, nil
		}
		if err = f.Restore(); err == nil {
			f.kept()
		}
		return true, err
	}
	if !f.raised {
		if err := f.take(); err != nil {
			return false, err
		}
	}
	changed, err = f.turn(steps, s.Hottest)
	if err == nil && steps != f.steps {
		f.steps, f.changed = steps, f.now()
	}
	return changed, err
}

// want is how many steps of cooling there shall be.
func (f *fan) want(cooling float64) int {
	steps := int(math.Ceil(cooling*fanSteps - 1e-6)) // 0.2·15 is more than 3 to a computer
	switch {
	case f.steps == 0 && steps <= fanGap:
		return 0
	case steps < f.steps && f.now().Sub(f.changed) < fanDwell,
		steps < f.steps && steps > 0 && f.steps-steps < fanGap:
		return f.steps
	}
	return steps
}

// take notes what there is to put back before the first change.
func (f *fan) take() error {
	now, err := f.level.get()
	if err != nil {
		return err
	}
	mode := int64(modeManual)
	if f.mode != nil {
		if mode, err = f.mode.get(); err != nil {
			return err
		}
	}
	f.base = now
	f.level.wrote, f.level.seen = now, now
	if wasIdle := f.idle; !f.level.dirty {
		f.idle = false
		f.keep(now, mode, wasIdle)
	}
	f.raised = true
	return nil
}

// keep makes these what is put back, and tells so if they are others or at last.
func (f *fan) keep(level, mode int64, anew bool) {
	if !anew && f.level.original == level && (f.mode == nil || f.mode.original == mode) {
		return
	}
	f.level.original = level
	if f.mode != nil {
		f.mode.original = mode
	}
	f.kept()
}

// turn makes the fan at least as fast as steps want it.
func (f *fan) turn(steps int, hottest physic.Temperature) (changed bool, err error) {
	if f.mode != nil {
		mode, err := f.mode.get()
		if err != nil {
			return false, err
		}
		if mode == modeFull && f.part != "pwmfan" {
			return false, nil // as fast as can be
		}
		if mode != modeManual {
			if err := f.mode.set(modeManual); err != nil {
				return false, err
			}
			changed = true
		}
	}
	now, err := f.level.get()
	if err != nil {
		return changed, err
	}
	// The kernel has another wish by now; one for what the fan does already can't be
	// seen, and it is not repeated later.
	if now != f.level.seen || f.base == 0 && f.trip > 0 && hottest >= f.trip {
		f.base = now
		if f.mode == nil || f.mode.original == modeManual {
			f.keep(now, modeManual, false)
		}
	}
	want := max(f.base, (f.most*int64(steps)+fanSteps-1)/fanSteps)
	if now >= want && want >= f.level.wrote || want == f.level.wrote && now == f.level.seen {
		return changed, nil
	}
	return true, f.level.set(want)
}

// Restore puts back the speed while it is still this program's to set, then the
// mode.
func (f *fan) Restore() error {
	if err := f.level.restore(); err != nil {
		return err
	}
	if f.mode != nil {
		if err := f.mode.restore(); err != nil {
			return err
		}
	}
	f.raised, f.steps, f.idle = false, 0, true
	return nil
}

func (f *fan) entries() []entry {
	level := f.level.entry()
	level.Part = f.part
	if f.mode == nil {
		return []entry{level}
	}
	mode := f.mode.entry()
	mode.Part = f.part
	return []entry{level, mode}
}

func (f *fan) close() {
	f.level.close()
	if f.mode != nil {
		f.mode.close()
	}
}
