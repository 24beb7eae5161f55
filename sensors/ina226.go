package sensors

import "periph.io/x/conn/v3/physic"

// INA226 (TI data sheet SBOS547A).
func init() {
	registerChip(chipPart{
		kind:     "ina226",
		summary:  "power by an INA226 and its shunt",
		first:    0x40,
		last:     0x4F,
		quantity: Power,
		shunt:    true,
		setup:    func(c *chip) error { return c.checkTI(0x2260, ina226Config) },
		value: func(cfg Config) func(*chip) (int64, error) {
			return func(c *chip) (int64, error) { return ina226.power(c, cfg.Shunt.ElectricResistance) }
		},
	})
}

// ina226Config (register 00h, section 7.6.1): mean of 16, 2.116 ms for each voltage
// (67.7 ms for a pair), continuously. Bit 14 reads 1.
const ina226Config = 1<<14 | 0b010<<9 | 0b101<<6 | 0b101<<3 | 0b111

// ina226 (sections 7.6.2 and 7.6.3): at most 36 V.
var ina226 = shuntMonitor{
	shuntRegister: 1, shuntLSB: 2500 * physic.NanoVolt, shuntMax: 0x7FFF,
	busRegister: 2, busLSB: 1250 * physic.MicroVolt, busMax: 28800,
}
