package sensors

import "periph.io/x/conn/v3/physic"

// INA260 (TI data sheet SBOS656C), which has its shunt of 2 mΩ inside.
func init() {
	registerChip(chipPart{
		kind:     "ina260",
		summary:  "power by an INA260, whose shunt is inside",
		first:    0x40,
		last:     0x4F,
		quantity: Power,
		setup:    func(c *chip) error { return c.checkTI(0x2270, ina260Config) },
		value: func(Config) func(*chip) (int64, error) {
			return func(c *chip) (int64, error) { return ina260.power(c, ina260Shunt) }
		},
	})
}

// ina260Config (register 00h, section 8.6.1): mean of 16, 2.116 ms each for current and
// voltage (67.7 ms for a pair), continuously. Bits 14 and 13 read 1.
const ina260Config = 0b11<<13 | 0b010<<9 | 0b101<<6 | 0b101<<3 | 0b111

// ina260Shunt turns the current's 1.25 mA into the 2.5 µV that it is over the shunt.
const ina260Shunt = 2 * physic.MilliOhm

// ina260 (sections 8.6.2 and 8.6.3): current and bus voltage. The power register is
// coarser, 10 mW, and has no sign. At most 36 V.
var ina260 = shuntMonitor{
	shuntRegister: 1, shuntLSB: 2500 * physic.NanoVolt, shuntMax: 0x7FFF,
	busRegister: 2, busLSB: 1250 * physic.MicroVolt, busMax: 28800,
}
