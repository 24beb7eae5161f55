package sensors

import (
	"fmt"
	"path/filepath"
)

func init() {
	register(Part{
		Kind:    "iio",
		Summary: "powers of the kernel's iio devices on I2C, as Jetson's Linux 4.9 shows its INA3221; named chip/rail",
		Where:   "/sys/bus/i2c/devices/*/iio:device*/in_power*_input",
		Find:    findIIO,
	})
}

// findIIO finds powers that are given in mW (Documentation/ABI/testing/sysfs-bus-iio).
// NVIDIA's driver of the INA3221, ina3221x, names rails in rail_name_N, others in
// in_powerN_label.
func findIIO(env Env) (found []Sensor, errs []error) {
	base := env.path("sys/bus/i2c/devices")
	for _, device := range entries(base) {
		for _, n := range numbered(filepath.Join(base, device), "iio:device", "") {
			dir := filepath.Join(base, device, fmt.Sprintf("iio:device%d", n))
			chip := text(filepath.Join(base, device, "name"))
			for _, channel := range numbered(dir, "in_power", "_input") {
				s, err := openRail(env, dir, chip, channel)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				found = append(found, s)
			}
		}
	}
	return found, errs
}

// openRail opens one channel of the device in a folder.
func openRail(env Env, dir, chip string, channel int) (Sensor, error) {
	file := fmt.Sprintf("%s/in_power%d", dir, channel)
	rail := text(fmt.Sprintf("%s/rail_name_%d", dir, channel))
	if rail == "" {
		rail = text(file + "_label")
	}
	place := placeOf(powerPlaces, rail, chip)
	if rail == "" {
		rail = fmt.Sprintf("power%d", channel)
	}
	if chip == "" {
		chip = filepath.Base(dir)
	}
	info := Info{Name: env.unique(chip + "/" + rail), Part: "iio", Quantity: Power, Place: place}
	return openValue(info, file+"_input", fromMilliWatt)
}
