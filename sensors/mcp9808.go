package sensors

import "fmt"

// MCP9808 (Microchip data sheet DS25095A). periph's driver is not used: it takes any
// chip for an MCP9808, its errors hide those of the bus, and each reading allocates
// (docs/sensors.md).
func init() {
	registerChip(chipPart{
		kind:     "mcp9808",
		summary:  "temperature by an MCP9808",
		first:    0x18,
		last:     0x1F,
		quantity: Temperature,
		setup:    mcp9808Setup,
		value:    func(Config) func(*chip) (int64, error) { return mcp9808Value },
	})
}

// mcp9808Setup checks manufacturer (register 06h, section 5.1.5) and device (07h, 5.1.6;
// the low byte counts revisions), and ends a shutdown (01h, 5.1.1), in which the
// temperature would stand still. The part begins with its finest resolution.
func mcp9808Setup(c *chip) error {
	if err := c.identify(6, 0xFFFF, 0x0054); err != nil {
		return err
	}
	if err := c.identify(7, 0xFF00, 0x0400); err != nil {
		return err
	}
	return c.write(1, 0)
}

// mcp9808Value reads the temperature (register 05h, section 5.1.3): 1/16 °C, with the
// sign in bit 12. Above it are flags of being over, over and under limits, which
// can't be all set.
func mcp9808Value(c *chip) (int64, error) {
	raw, err := c.register(5)
	if err != nil {
		return 0, err
	}
	if raw>>13 == 0b111 {
		return 0, fmt.Errorf("0x%04X is no temperature of an MCP9808: is the bus disturbed?", raw)
	}
	return sixteenths(int16(raw<<3) >> 3), nil
}
