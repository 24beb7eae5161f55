package sensors

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
)

// chip is a sensor on an I2C bus with 16-bit registers, the high byte first, as all
// of ours have.
type chip struct {
	info    Info
	where   string // "ina226 at 0x40 on I2C bus 1"
	address uint16
	bus     func() (i2c.BusCloser, error)
	setup   func(*chip) error          // checks and configures the chip
	value   func(*chip) (int64, error) // in the unit of the quantity

	mu     sync.Mutex // guards dev and closed: Close may come while a read blocks
	dev    i2c.BusCloser
	closed bool

	clock    Clock
	failures int       // since the last reading that succeeded
	failed   error     // the last of them
	again    time.Time // when the chip is tried again after it

	w [3]byte
	r [2]byte
}

// A chip that fails twice is left alone for retryFirst, then for twice as long each
// time, at most retryMost: a part that is absent can hold the bus for a second at
// every try (seen with i2c-imx), during which no other part on it can be read.
const (
	retryFirst = time.Second
	retryMost  = 32 * time.Second
)

func (c *chip) Info() Info { return c.info }

// Read opens the bus and sets the chip up where that has not been done or the last
// reading failed: the part may have been without power since. While the chip is left
// alone, the last error stands.
func (c *chip) Read() (int64, error) {
	if c.failures > 1 && c.clock.Now().Before(c.again) {
		return 0, c.failed
	}
	v, err := c.read()
	if err == nil {
		c.failures = 0
		return v, nil
	}
	c.failed = errors.Join(fmt.Errorf("%s: %w", c.where, err), c.disconnect())
	c.again = c.clock.Now().Add(min(retryFirst<<min(max(c.failures-1, 0), 10), retryMost))
	c.failures++
	return 0, c.failed
}

func (c *chip) read() (int64, error) {
	c.mu.Lock()
	fresh := c.dev == nil
	c.mu.Unlock()
	if fresh {
		if err := c.connect(); err != nil {
			return 0, err
		}
		if err := c.setup(c); err != nil {
			return 0, err
		}
	}
	return c.value(c)
}

func (c *chip) connect() error {
	dev, err := c.bus()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errors.Join(os.ErrClosed, dev.Close())
	}
	c.dev = dev
	return nil
}

func (c *chip) disconnect() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dev == nil {
		return nil
	}
	dev := c.dev
	c.dev = nil
	return dev.Close()
}

// Close ends the chip's use of the bus.
func (c *chip) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	return c.disconnect()
}

// tx is one transfer.
func (c *chip) tx(w, r []byte) error {
	c.mu.Lock()
	dev := c.dev
	c.mu.Unlock()
	if dev == nil {
		return os.ErrClosed
	}
	return dev.Tx(c.address, w, r)
}

// register reads a register.
func (c *chip) register(number byte) (uint16, error) {
	c.w[0] = number
	if err := c.tx(c.w[:1], c.r[:]); err != nil {
		return 0, fmt.Errorf("reading register 0x%02X: %w", number, err)
	}
	return uint16(c.r[0])<<8 | uint16(c.r[1]), nil
}

// write writes a register.
func (c *chip) write(number byte, v uint16) error {
	c.w = [3]byte{number, byte(v >> 8), byte(v)}
	if err := c.tx(c.w[:], nil); err != nil {
		return fmt.Errorf("writing register 0x%02X: %w", number, err)
	}
	return nil
}

// identify reports whether a register that tells the part, under the mask, holds what it should.
func (c *chip) identify(number byte, mask, want uint16) error {
	got, err := c.register(number)
	if err != nil {
		return err
	}
	if got&mask != want {
		return fmt.Errorf("not this part: register 0x%02X is 0x%04X, not 0x%04X: check kind and address", number, got, want)
	}
	return nil
}

// checkTI checks and configures one of TI's power monitors that name themselves.
func (c *chip) checkTI(die, config uint16) error {
	const maker, maskRevision = 0x5449, 0xFFF0 // "TI"; the last 4 bits count revisions
	if err := c.identify(0xFE, 0xFFFF, maker); err != nil {
		return err
	}
	if err := c.identify(0xFF, maskRevision, die); err != nil {
		return err
	}
	return c.write(0, config)
}

// shuntMonitor says how a power monitor shows the voltage over its shunt and that of its bus.
// We multiply them ourselves: the parts' own power registers need a calibration
// that a brown-out erases, whereupon they read 0 W without any error, while these
// two mean the same after any reset.
type shuntMonitor struct {
	shuntRegister, busRegister byte
	shuntShift, busShift       uint
	shuntLSB, busLSB           physic.ElectricPotential
	shuntMax                   int16 // at which the shunt's register saturates, after the shift
	busMax                     int16 // most that the part can measure, after the shift
}

var errOverflow = errors.New("more current than this shunt can measure")

// power returns the product in nW. It is negative when the current flows back.
func (m *shuntMonitor) power(c *chip, shunt physic.ElectricResistance) (int64, error) {
	raw, err := c.register(m.shuntRegister)
	if err != nil {
		return 0, err
	}
	drop := int16(raw) >> m.shuntShift
	if drop >= m.shuntMax || drop <= -m.shuntMax {
		return 0, errOverflow
	}
	if raw, err = c.register(m.busRegister); err != nil {
		return 0, err
	}
	volts := int16(raw >> m.busShift)
	if volts < 0 || volts > m.busMax {
		return 0, fmt.Errorf("register 0x%02X is 0x%04X, which the part can't measure: is the bus shorted?", m.busRegister, raw)
	}
	current := float64(drop) * float64(m.shuntLSB) / float64(shunt) // A
	return int64(current * float64(volts) * float64(m.busLSB)), nil
}
