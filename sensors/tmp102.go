package sensors

import (
	"fmt"

	"periph.io/x/conn/v3/physic"
)

// TMP102 (TI data sheet SBOS397). periph's driver is not used: it takes the 13-bit
// form, which a boot loader may have left switched on, for the 12-bit form and
// so halves the temperature; it writes back a configuration that it failed to read; and
// each reading allocates (docs/sensors.md).
func init() {
	registerChip(chipPart{
		kind:     "tmp102",
		summary:  "temperature by a TMP102",
		first:    0x48,
		last:     0x4B,
		quantity: Temperature,
		setup:    tmp102Setup,
		value:    func(Config) func(*chip) (int64, error) { return tmp102Value },
	})
}

// tmp102Setup ends a shutdown (register 01h, bit SD), in which the temperature would
// stand still. The part has no register that names it.
func tmp102Setup(c *chip) error {
	const shutdown = 1 << 8
	config, err := c.register(1)
	if err != nil {
		return err
	}
	if config&shutdown == 0 {
		return nil
	}
	return c.write(1, config&^shutdown)
}

// tmp102Value reads the temperature (register 00h, 1/16 °C in the upper 12 bits). Bit 0
// is set when there are 13 of them; bits 1 and 2 are always 0.
func tmp102Value(c *chip) (int64, error) {
	raw, err := c.register(0)
	if err != nil {
		return 0, err
	}
	if raw&0b110 != 0 {
		return 0, fmt.Errorf("0x%04X is no temperature of a TMP102: check kind and address", raw)
	}
	steps := int16(raw) >> 4
	if raw&1 != 0 {
		steps = int16(raw) >> 3
	}
	return sixteenths(steps), nil
}

// sixteenths converts from 1/16 °C.
func sixteenths(steps int16) int64 {
	return int64(steps)*int64(62500*physic.MicroKelvin) + int64(physic.ZeroCelsius)
}
