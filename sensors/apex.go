package sensors

import "fmt"

func init() {
	register(Part{
		Kind:    "apex",
		Summary: "the die of an Edge TPU on PCIe, as its driver tells it",
		Where:   "/sys/class/apex/apex_*/temp",
		Find:    findApex,
	})
}

// findApex finds the temperatures of Edge TPUs. A chip that is switched off reads
// −89 °C (the driver's formula on a raw value of 0xFFF), which is left to the Filter.
func findApex(env Env) (found []Sensor, errs []error) {
	base := env.path("sys/class/apex")
	for _, n := range numbered(base, "apex_", "") {
		name := fmt.Sprintf("apex_%d", n)
		info := Info{Name: env.unique(name), Part: "apex", Quantity: Temperature, Place: PlaceTPU}
		s, err := openValue(info, fmt.Sprintf("%s/%s/temp", base, name), fromMilliCelsius)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, s)
	}
	return found, errs
}
