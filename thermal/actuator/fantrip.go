package actuator

import (
	"regexp"
	"slices"

	"periph.io/x/conn/v3/physic"
)

var (
	zoneName = regexp.MustCompile(`^thermal_zone[0-9]+$`)
	cdevName = regexp.MustCompile(`^cdev[0-9]+$`)
)

// coolingKinds are the types of the cooling devices that drivers make of their fans.
var coolingKinds = map[string]string{"gpio_fan": "gpio-fan", "gpio-fan": "gpio-fan", "pwmfan": "pwm-fan", "pwm-fan": "pwm-fan"}

// governors are those that turn a fan at its trip points by themselves (Linux,
// Documentation/driver-api/thermal/sysfs-api.rst).
var governors = []string{"step_wise", "bang_bang", "fair_share"}

// fanTrip is the lowest temperature at which the kernel's own cooling wants a fan of
// this driver on, or 0 where it never does.
func (f *finder) fanTrip(driver string) physic.Temperature {
	kind, known := coolingKinds[driver]
	if !known {
		return 0
	}
	lowest := physic.Temperature(0)
	for _, zone := range f.list(coolingDir, zoneName) {
		policy, err := readText(f.root, zone+"/policy")
		mode, off := readText(f.root, zone+"/mode") // old kernels have none
		if err != nil || !slices.Contains(governors, policy) || off == nil && mode != "enabled" {
			continue
		}
		for _, cdev := range f.list(zone, cdevName) {
			if got, err := readText(f.root, cdev+"/type"); err != nil || got != kind {
				continue
			}
			trip, err := readText(f.root, cdev+"_trip_point")
			if err != nil {
				continue
			}
			milli, err := readNumber(f.root, zone+"/trip_point_"+trip+"_temp") // -1: at none
			if err != nil || milli <= 0 || milli > maxMillidegree {
				continue
			}
			if t := physic.ZeroCelsius + physic.Temperature(milli)*physic.MilliKelvin; lowest == 0 || t < lowest {
				lowest = t
			}
		}
	}
	return lowest
}
