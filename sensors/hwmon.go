package sensors

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func init() {
	register(Part{
		Kind:    "hwmon",
		Summary: "temperatures, powers and fans of the kernel's hwmon chips, named chip/label",
		Where:   "/sys/class/hwmon/hwmon*/{temp,power,fan}*_input, power*_average, in*_input × curr*_input of an INA3221",
		Find:    findHwmon,
	})
}

// monitor is one hwmon chip.
type monitor struct {
	env   Env
	dir   string
	name  string
	found []Sensor
	errs  []error
}

func findHwmon(env Env) (found []Sensor, errs []error) {
	known := zones(env)
	base := env.path("sys/class/hwmon")
	for _, n := range numbered(base, "hwmon", "") {
		m := &monitor{env: env, dir: filepath.Join(base, fmt.Sprintf("hwmon%d", n))}
		if m.name = text(m.dir + "/name"); m.name == "" {
			m.name = fmt.Sprintf("hwmon%d", n)
		}
		m.temperatures(known)
		m.powers()
		m.fans()
		found, errs = append(found, m.found...), append(errs, m.errs...)
	}
	return found, errs
}

// add opens a channel ("temp1"), whose value is in the file that ends in suffix.
func (m *monitor) add(channel, suffix string, q Quantity, place Place, convert func(int64) (int64, error)) {
	info := Info{Name: m.env.unique(m.channelName(channel)), Part: "hwmon", Quantity: q, Place: place}
	s, err := openValue(info, filepath.Join(m.dir, channel+suffix), convert)
	if err != nil {
		m.errs = append(m.errs, err)
		return
	}
	m.found = append(m.found, s)
}

func (m *monitor) label(channel string) string {
	return text(filepath.Join(m.dir, channel+"_label"))
}

func (m *monitor) channelName(channel string) string {
	if label := m.label(channel); label != "" {
		return m.name + "/" + label
	}
	return m.name + "/" + channel
}

func (m *monitor) temperatures(known []zone) {
	if m.isZone(known) {
		return
	}
	node := string(property(m.dir + "/device/of_node/phandle"))
	for _, n := range numbered(m.dir, "temp", "_input") {
		channel := fmt.Sprintf("temp%d", n)
		label := m.label(channel)
		same := func(z zone) bool {
			return node != "" && z.sensor == node && z.channel == n-1 ||
				z.hwmon == "x86_pkg_temp" && m.name == "coretemp" && strings.HasPrefix(label, "Package id")
		}
		if slices.ContainsFunc(known, same) {
			continue // a zone reads this very sensor
		}
		m.add(channel, "_input", Temperature, placeOf(temperaturePlaces, m.name, label), fromMilliCelsius)
	}
}

// isZone reports whether the chip is nothing but thermal zones, shown once more.
func (m *monitor) isZone(known []zone) bool {
	device, err := filepath.EvalSymlinks(m.dir + "/device")
	if err == nil && strings.HasPrefix(filepath.Base(device), "thermal_zone") {
		return true
	}
	return slices.ContainsFunc(known, func(z zone) bool { return z.hwmon == m.name })
}

func (m *monitor) powers() {
	measured := numbered(m.dir, "power", "_input")
	for _, n := range measured {
		m.power(n, "_input")
	}
	for _, n := range numbered(m.dir, "power", "_average") {
		if !slices.Contains(measured, n) {
			m.power(n, "_average")
		}
	}
	if m.name == "ina3221" {
		m.products()
	}
}

func (m *monitor) power(n int, suffix string) {
	channel := fmt.Sprintf("power%d", n)
	m.add(channel, suffix, Power, placeOf(powerPlaces, m.label(channel), m.name), fromMicroWatt)
}

// products adds what the driver of the INA3221 leaves to its users: channel n has
// inN and currN, and no power (Documentation/hwmon/ina3221.rst).
func (m *monitor) products() {
	for _, n := range numbered(m.dir, "curr", "_input") {
		if n > 3 {
			return // sums
		}
		volts := fmt.Sprintf("in%d", n)
		info := Info{Name: m.env.unique(m.channelName(volts)), Part: "hwmon", Quantity: Power}
		info.Place = placeOf(powerPlaces, m.label(volts), m.name)
		s, err := openProduct(info, filepath.Join(m.dir, volts+"_input"), fmt.Sprintf("%s/curr%d_input", m.dir, n), fromMilliVoltMilliAmpere)
		if err != nil {
			m.errs = append(m.errs, err)
			continue
		}
		m.found = append(m.found, s)
	}
}

func (m *monitor) fans() {
	for _, n := range numbered(m.dir, "fan", "_input") {
		m.add(fmt.Sprintf("fan%d", n), "_input", Speed, PlaceOther, fromRPM)
	}
}

// property returns a property of the device tree: whole cells of 4 bytes, at most 8 of
// them; nil when it is not there.
func property(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil || len(b)%4 != 0 {
		return nil
	}
	return b
}
