package sensors

import (
	"fmt"
	"strings"
)

func init() {
	register(Part{
		Kind:    "thermal zone",
		Summary: "the kernel's thermal zones, named by their type",
		Where:   "/sys/class/thermal/thermal_zone*/temp",
		Find:    findZones,
	})
}

const zoneDir = "sys/class/thermal"

func findZones(env Env) (found []Sensor, errs []error) {
	for _, n := range numbered(env.path(zoneDir), "thermal_zone", "") {
		dir := env.path(zoneDir, fmt.Sprintf("thermal_zone%d", n))
		name := text(dir + "/type")
		if name == "" {
			name = fmt.Sprintf("zone%d", n)
		}
		info := Info{Part: "thermal zone", Quantity: Temperature, Place: placeOf(temperaturePlaces, name)}
		info.Name = env.unique(name)
		s, err := openValue(info, dir+"/temp", fromMilliCelsius)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, s)
	}
	return found, errs
}

// zone is what is needed to tell whether an hwmon channel is the same sensor.
type zone struct {
	hwmon   string // the name its hwmon twin has
	sensor  string // phandle of its sensor in the device tree, 4 bytes; "" if there is none
	channel int    // of that sensor, from 0
}

// zones returns the zones whose temperature can be read.
func zones(env Env) []zone {
	var all []zone
	for _, n := range numbered(env.path(zoneDir), "thermal_zone", "") {
		kind := text(env.path(zoneDir, fmt.Sprintf("thermal_zone%d/type", n)))
		if kind == "" {
			continue
		}
		// The kernel names the twin so (drivers/thermal/thermal_hwmon.c).
		z := zone{hwmon: strings.ReplaceAll(kind, "-", "_")}
		cells := property(env.path("sys/firmware/devicetree/base/thermal-zones", strings.ReplaceAll(kind, "/", "_"), "thermal-sensors"))
		if len(cells) == 4 || len(cells) == 8 {
			z.sensor = string(cells[:4])
		}
		if len(cells) == 8 {
			z.channel = int(cells[7])
		}
		all = append(all, z)
	}
	return all
}
