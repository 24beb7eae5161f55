package sensors

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

func init() {
	register(Part{
		Kind:    "power supply",
		Summary: "what the board draws from its battery while that discharges, else from its mains or USB supply",
		Where:   "/sys/class/power_supply/*/{power_now, or voltage_now × current_now}",
		Find:    findSupplies,
	})
}

// findSupplies finds the supplies that measure what the board draws. Where there is a
// battery only that counts: what charges it is in the mains supply's power.
// Batteries of devices (mice) are left out.
func findSupplies(env Env) (found []Sensor, errs []error) {
	base := env.path("sys/class/power_supply")
	var batteries, others []string
	for _, name := range entries(base) {
		dir := filepath.Join(base, name)
		switch {
		case text(dir+"/scope") == "Device" || !measures(dir):
		case text(dir+"/type") == "Battery":
			batteries = append(batteries, dir)
		case text(dir+"/type") == "Mains" || text(dir+"/type") == "USB":
			others = append(others, dir)
		}
	}
	dirs, state, want := batteries, "status", "Discharging"
	if len(batteries) == 0 {
		dirs, state, want = others, "online", "1"
	}
	for _, dir := range dirs {
		s, err := openSupply(env, dir, state, want)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, s)
	}
	return found, errs
}

// measures reports whether a supply tells its power in any way.
func measures(dir string) bool {
	_, err := os.Stat(dir + "/power_now")
	if err == nil {
		return true
	}
	_, volts := os.Stat(dir + "/voltage_now")
	_, amperes := os.Stat(dir + "/current_now")
	return volts == nil && amperes == nil
}

// entries returns the names in a folder, sorted; none if it is not there.
func entries(dir string) []string {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(maxEntries) // an error ends the list
	slices.Sort(names)
	return names
}

// supply is a power that counts only while the supply is in a certain state.
type supply struct {
	Sensor // the power
	state  *attribute
	want   string // what state holds while the power is the board's
	idle   error  // of a reading while it is not
}

// openSupply opens the supply in a folder.
func openSupply(env Env, dir, state, want string) (Sensor, error) {
	name := plain(filepath.Base(dir))
	info := Info{Name: env.unique(name), Part: "power supply", Quantity: Power, Place: PlaceTotal}
	file, err := newAttribute(filepath.Join(dir, state), numberSize)
	if err != nil {
		return nil, err
	}
	s := &supply{state: file, want: want, idle: fmt.Errorf("%s: %w: its %s is not %q, so what it measures is not the board's power", dir, ErrIdle, state, want)}
	if _, missing := os.Stat(dir + "/power_now"); missing == nil {
		s.Sensor, err = openValue(info, dir+"/power_now", fromMicroWatt)
	} else {
		s.Sensor, err = openProduct(info, dir+"/voltage_now", dir+"/current_now", fromMicroVoltMicroAmpere)
	}
	if err != nil {
		file.close()
		return nil, err
	}
	return s, nil
}

func (s *supply) Close() error { return errors.Join(s.Sensor.Close(), s.state.close()) }

// Read returns the power, without the sign: drivers disagree on which way is
// negative.
func (s *supply) Read() (int64, error) {
	state, err := s.state.read()
	if err != nil {
		return 0, err
	}
	if string(bytes.TrimSpace(state)) != s.want {
		return 0, s.idle
	}
	p, err := s.Sensor.Read()
	return max(p, -p), err
}
