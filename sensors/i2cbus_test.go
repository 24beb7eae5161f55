package sensors_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"atoll/sensors"
	"atoll/sensors/sensorstest"
	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"
	"periph.io/x/conn/v3/physic"
)

// TestDeviceBus opens what is no I2C bus. (Transfers need a real adapter.)
func TestDeviceBus(t *testing.T) {
	tree := sensorstest.NewTree(t)
	s, err := sensors.Open(sensors.Env{Root: tree.Root}, config("tmp102"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fails(t, s, "i2c-1: no such file or directory: is the bus enabled and the module i2c-dev loaded?")
	tree.Write("dev/i2c-1", "")
	fails(t, s, "i2c-1: not an I2C bus: inappropriate ioctl for device")
	if _, err := sensors.OpenDeviceBus(filepath.Join(tree.Root, "dev")); err == nil {
		t.Error("a folder was opened as a bus")
	}
}

// TestDeviceBusTransfer has the kernel refuse transfers.
func TestDeviceBusTransfer(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "i2c-1"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := sensors.NewDeviceBus(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Tx(0x48, []byte{0}, make([]byte, 2)); !errors.Is(err, unix.ENOTTY) {
		t.Errorf("got %v, want ENOTTY", err)
	}
	if err := b.Tx(0x48, nil, nil); err != nil {
		t.Errorf("nothing to transfer: got %v", err)
	}
	if err := b.SetSpeed(physic.KiloHertz); err == nil || b.String() != f.Name() {
		t.Errorf("%v: the speed was set", b)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := b.Tx(0x48, []byte{0}, nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: got %v", err)
	}
}

func TestSharedBus(t *testing.T) {
	bus := &flaky{Playback: i2ctest.Playback{DontPanic: true}}
	open := sensors.SharedBuses(bus.open)
	a, _ := open("/dev/i2c-1")
	b, err := open("/dev/i2c-1")
	if err != nil || a != b || bus.opened != 1 {
		t.Errorf("opened %d times, %v", bus.opened, err)
	}
	if other, _ := open("/dev/i2c-2"); other == a || bus.opened != 2 {
		t.Errorf("another bus: opened %d times", bus.opened)
	}
	a.Close()
	if bus.closed != 0 {
		t.Error("closed while in use")
	}
	b.Close()
	if bus.closed != 1 {
		t.Error("not closed after its last use")
	}
	again, _ := open("/dev/i2c-1")
	if bus.opened != 3 {
		t.Error("a closed bus was given away")
	}
	bus.errs = []error{unix.ENODEV, unix.ENXIO}
	if err := again.Tx(1, nil, nil); err != unix.ENODEV {
		t.Errorf("got %v", err)
	}
	fresh, _ := open("/dev/i2c-1")
	if fresh == again {
		t.Error("a bus that is gone was given away")
	}
	again.Close()
	if err := fresh.Tx(1, nil, nil); err != unix.ENXIO {
		t.Errorf("got %v", err)
	}
	if still, _ := open("/dev/i2c-1"); still != fresh {
		t.Error("one part that does not answer cost the others their bus")
	}
	cause := errors.New("no bus")
	if _, err := sensors.SharedBuses(func(string) (i2c.BusCloser, error) { return nil, cause })(""); err != cause {
		t.Errorf("got %v", err)
	}
}
