package sensors

import "periph.io/x/conn/v3/physic"

// INA3221 (TI data sheet SBOS576B), three channels with a shunt each. Every channel
// is a sensor of its own; all of them set the chip up alike.
func init() {
	registerChip(chipPart{
		kind:     "ina3221",
		summary:  "power by one of the three channels of an INA3221 and its shunt",
		first:    0x40,
		last:     0x43,
		quantity: Power,
		shunt:    true,
		channels: 3,
		setup:    func(c *chip) error { return c.checkTI(0x3220, ina3221Config) },
		value: func(cfg Config) func(*chip) (int64, error) {
			m := ina3221
			m.shuntRegister = byte(2*cfg.Channel - 1)
			m.busRegister = byte(2 * cfg.Channel)
			return func(c *chip) (int64, error) { return m.power(c, cfg.Shunt.ElectricResistance) }
		},
	})
}

// ina3221Config (register 00h, section 8.6.2.1): all channels, mean of 16, 1.1 ms for
// each of the six voltages (105.6 ms for all), continuously.
const ina3221Config = 0b111<<12 | 0b010<<9 | 0b100<<6 | 0b100<<3 | 0b111

// ina3221 (sections 8.6.2.2 to 8.6.2.7): both values begin at bit 3. At most 26 V.
var ina3221 = shuntMonitor{
	shuntShift: 3, shuntLSB: 40 * physic.MicroVolt, shuntMax: 0x7FF8 >> 3,
	busShift: 3, busLSB: 8 * physic.MilliVolt, busMax: 3250,
}
