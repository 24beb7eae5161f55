package sensors

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
)

// deviceBus is an I2C bus by its device file (Documentation/i2c/dev-interface.rst).
//
// It stands in for periph's sysfs.I2C, which hands the kernel addresses of its own
// stack and waits for a lock in between: the stack may move meanwhile, and with two
// parts on one bus it does wait. Its errors hide the errno, and its Close waits
// for a transfer that hangs.
type deviceBus struct {
	file *os.File
	raw  syscall.RawConn

	mu   sync.Mutex // guards what follows; held during a transfer
	msgs [2]i2cMessage
	rdwr i2cTransfer
	call func(fd uintptr) // made once: a closure per transfer would be allocated
	err  error
}

// i2cMessage is struct i2c_msg and i2cTransfer struct i2c_rdwr_ioctl_data of linux/i2c.h
// and linux/i2c-dev.h. Their pointers keep what they point to where it is.
type (
	i2cMessage struct {
		address, flags, length uint16
		data                   unsafe.Pointer
	}
	i2cTransfer struct {
		messages *i2cMessage
		count    uint32
	}
)

// Of linux/i2c-dev.h and linux/i2c.h.
const (
	i2cFuncs     = 0x705
	i2cReadWrite = 0x707
	i2cFuncI2C   = 1 // transfers of any form, not only SMBus
	i2cFlagRead  = 1
)

// openDeviceBus opens the bus with that device file.
func openDeviceBus(path string) (i2c.BusCloser, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%w: is the bus enabled and the module i2c-dev loaded?", err)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%w: run as root or join the group that owns it (i2c on most systems)", err)
	case err != nil:
		return nil, err
	}
	b, err := newDeviceBus(f)
	if err == nil {
		err = b.checkFunctions()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

func newDeviceBus(f *os.File) (*deviceBus, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := &deviceBus{file: f, raw: raw}
	b.call = func(fd uintptr) {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, i2cReadWrite, uintptr(unsafe.Pointer(&b.rdwr)))
		b.err = nil
		if errno != 0 {
			b.err = errno
		}
	}
	return b, nil
}

// checkFunctions reports why the bus can't be used.
func (b *deviceBus) checkFunctions() error {
	functions := new(uint) // unsigned long
	var errno syscall.Errno
	err := b.raw.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, i2cFuncs, uintptr(unsafe.Pointer(functions)))
	})
	switch {
	case err != nil:
		return err
	case errno != 0:
		return fmt.Errorf("not an I2C bus: %w", errno)
	case *functions&i2cFuncI2C == 0:
		return errors.New("this bus speaks SMBus only, which these parts can't be read by: use another")
	}
	return nil
}

// busHints say what an error of a transfer means.
var busHints = map[error]string{
	unix.ENXIO:     "no answer at this address: is the part powered, and are kind, bus and address right?",
	unix.EREMOTEIO: "no answer at this address: is the part powered, and are kind, bus and address right?",
	unix.ETIMEDOUT: "no answer in time: is the part there, or does one hold the bus?",
	unix.EAGAIN:    "another master has the bus",
	unix.EIO:       "the transfer was disturbed",
}

// Tx writes w and then reads r in one transfer. It is safe for concurrent use.
func (b *deviceBus) Tx(address uint16, w, r []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rdwr = i2cTransfer{messages: &b.msgs[0]}
	b.message(address, 0, w)
	b.message(address, i2cFlagRead, r)
	if b.rdwr.count == 0 {
		return nil
	}
	err := b.raw.Control(b.call)
	b.msgs = [2]i2cMessage{}
	switch {
	case err != nil:
		return os.ErrClosed // nothing else makes Control fail
	case b.err == nil:
		return nil
	case busHints[b.err] != "":
		return fmt.Errorf("%w: %s", b.err, busHints[b.err])
	}
	return b.err
}

func (b *deviceBus) message(address, flags uint16, data []byte) {
	if len(data) == 0 {
		return
	}
	b.msgs[b.rdwr.count] = i2cMessage{address, flags, uint16(len(data)), unsafe.Pointer(&data[0])}
	b.rdwr.count++
}

func (b *deviceBus) String() string { return b.file.Name() }

// SetSpeed is an error: the speed is the device tree's.
func (b *deviceBus) SetSpeed(physic.Frequency) error {
	return fmt.Errorf("%s: the speed is fixed by the device tree", b)
}

// Close closes the device file; it does not wait for a transfer under way.
func (b *deviceBus) Close() error { return b.file.Close() }

// buses shares one handle of a bus among the parts on it.
type buses struct {
	device func(path string) (i2c.BusCloser, error)
	mu     sync.Mutex
	handle map[string]*sharedBus
}

var deviceBuses = &buses{device: openDeviceBus, handle: map[string]*sharedBus{}}

type sharedBus struct {
	i2c.BusCloser
	of    *buses
	path  string
	users int // guarded by of.mu
}

// open returns the handle of the bus with that device file; its Close is to be called
// as often as open was.
func (b *buses) open(path string) (i2c.BusCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.handle[path]
	if s == nil {
		device, err := b.device(path)
		if err != nil {
			return nil, err
		}
		s = &sharedBus{BusCloser: device, of: b, path: path}
		b.handle[path] = s
	}
	s.users++
	return s, nil
}

// Tx is the bus's. When the bus is gone, later users get a new handle.
func (s *sharedBus) Tx(address uint16, w, r []byte) error {
	err := s.BusCloser.Tx(address, w, r)
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ESHUTDOWN) {
		s.of.mu.Lock()
		s.forget()
		s.of.mu.Unlock()
	}
	return err
}

// forget is called with of.mu held.
func (s *sharedBus) forget() {
	if s.of.handle[s.path] == s {
		delete(s.of.handle, s.path)
	}
}

// Close ends one use; the last one closes the bus.
func (s *sharedBus) Close() error {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.users--
	if s.users > 0 {
		return nil
	}
	s.forget()
	return s.BusCloser.Close()
}
