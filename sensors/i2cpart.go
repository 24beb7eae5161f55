package sensors

import (
	"errors"
	"fmt"
	"os"

	"periph.io/x/conn/v3/i2c"
)

// chipPart is what a file says of its part; registerChip makes a Part of it.
type chipPart struct {
	kind, summary string
	first, last   uint16 // addresses it can have; the first is the usual one
	quantity      Quantity
	shunt         bool // it measures over a shunt
	channels      int  // 0: one, and no key for it
	setup         func(*chip) error
	value         func(Config) func(*chip) (int64, error)
}

// chipParts are those registered, by kind.
var chipParts = map[string]chipPart{}

func registerChip(p chipPart) {
	chipParts[p.kind] = p
	keys := []string{"bus", "address"}
	if p.shunt {
		keys = append(keys, "shunt")
	}
	if p.channels > 0 {
		keys = append(keys, "channel")
	}
	register(Part{
		Kind:    p.kind,
		Summary: p.summary,
		Where:   fmt.Sprintf("I2C, 0x%02X to 0x%02X", p.first, p.last),
		Keys:    keys,
		Open:    p.open,
		check:   p.check,
	})
}

// address returns the address of c's chip.
func (c Config) address() uint16 {
	if c.Address == 0 {
		return chipParts[c.Kind].first
	}
	return c.Address
}

func (p chipPart) check(cfg Config) error {
	if _, err := cfg.busNumber(); err != nil {
		return err
	}
	if a := cfg.address(); a < p.first || a > p.last {
		return fmt.Errorf("address: 0x%02X: %s can have 0x%02X to 0x%02X", a, p.kind, p.first, p.last)
	}
	if _, err := cfg.place(p.quantity); err != nil {
		return err
	}
	if r := cfg.Shunt.ElectricResistance; p.shunt && (r <= 0 || r > maxShunt) {
		return fmt.Errorf("shunt: %v: give the resistance that the current flows through, up to %v", r, maxShunt)
	}
	if p.channels > 0 && (cfg.Channel < 1 || cfg.Channel > p.channels) {
		return fmt.Errorf("channel: %d: use 1 to %d", cfg.Channel, p.channels)
	}
	return nil
}

func (p chipPart) open(env Env, cfg Config) (Sensor, error) {
	bus, err := cfg.busNumber()
	if err != nil {
		return nil, err
	}
	place, err := cfg.place(p.quantity)
	if err != nil {
		return nil, err
	}
	address := cfg.address()
	if err := unbound(env, bus, address); err != nil {
		return nil, err
	}
	return &chip{
		info:    Info{Name: cfg.Name, Part: p.kind, Quantity: p.quantity, Place: place},
		where:   fmt.Sprintf("%s at 0x%02X on I2C bus %s", p.kind, address, bus),
		address: address,
		clock:   env.Clock,
		bus:     func() (i2c.BusCloser, error) { return env.Bus(bus) },
		setup:   p.setup,
		value:   p.value(cfg),
	}, nil
}

// unbound reports whether the kernel has no driver on that chip. With one, setting
// the chip up would pull its settings from under the driver.
func unbound(env Env, bus string, address uint16) error {
	driver := env.path("sys/bus/i2c/devices", fmt.Sprintf("%s-%04x", bus, address), "driver")
	if _, err := os.Lstat(driver); err == nil {
		return fmt.Errorf("the kernel's driver has the chip (%s): remove this sensor, its readings are found as hwmon or iio", driver)
	} else if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}
