package sensors

import "periph.io/x/conn/v3/physic"

// INA219 (TI data sheet SBOS448G). periph's driver is not used: each reading takes four
// transfers and 8 allocations, it fails on the overflow of a register that is not
// needed, and its errors hide those of the bus (docs/sensors.md).
func init() {
	registerChip(chipPart{
		kind:     "ina219",
		summary:  "power by an INA219 and its shunt",
		first:    0x40,
		last:     0x4F,
		quantity: Power,
		shunt:    true,
		setup:    func(c *chip) error { return c.write(0, ina219Config) },
		value: func(cfg Config) func(*chip) (int64, error) {
			return func(c *chip) (int64, error) { return ina219.power(c, cfg.Shunt.ElectricResistance) }
		},
	})
}

// ina219Config (register 00h, section 8.6.2.1): 32 V, gain /8 (±320 mV), 64 samples of
// each voltage (34.05 ms each), continuously. The part has no register that names it.
const ina219Config = 1<<13 | 3<<11 | 0b1110<<7 | 0b1110<<3 | 0b111

// ina219 (sections 8.6.3.1 and 8.6.3.2): the bus voltage begins at bit 3; below it are
// a bit that is 0 and two flags, of a new conversion and of an overflow of the
// power register, which we don't read.
var ina219 = shuntMonitor{
	shuntRegister: 1, shuntLSB: 10 * physic.MicroVolt, shuntMax: 32000,
	busRegister: 2, busShift: 3, busLSB: 4 * physic.MilliVolt, busMax: 8000,
}
