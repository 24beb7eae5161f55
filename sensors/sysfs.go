package sensors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/physic"
)

// Errors of what a file of the kernel holds.
var (
	errEmpty   = errors.New("empty: the driver gave no value")
	errGarbage = errors.New("not a number")
	errRange   = errors.New("number out of range")
	errLong    = errors.New("longer than a value can be")
)

// attribute is a file of the kernel that is read again and again: by one pread
// each time, which makes the kernel produce it anew, into a buffer that is kept.
type attribute struct {
	path string

	mu     sync.Mutex // guards what follows: close may come while a read blocks
	file   *os.File   // nil: to be opened
	raw    syscall.RawConn
	closed bool

	pread func(fd uintptr) // made once: a closure per read would be allocated
	buf   []byte
	n     int
	err   error

	cause, told error // the last failure and how it was told, so that a lasting one allocates once
}

// numberSize has room for any number and shows when there is more than one.
const numberSize = 64

// newAttribute opens the file; size is the most that is read of it.
func newAttribute(path string, size int) (*attribute, error) {
	a := &attribute{path: path, buf: make([]byte, size)}
	a.pread = func(fd uintptr) {
		for {
			a.n, a.err = unix.Pread(int(fd), a.buf, 0)
			if a.err != unix.EINTR {
				return
			}
		}
	}
	if _, err := a.open(); err != nil {
		return nil, err // names the path
	}
	return a, nil
}

func (a *attribute) open() (syscall.RawConn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, os.ErrClosed
	}
	if a.file != nil {
		return a.raw, nil
	}
	f, err := os.Open(a.path)
	if err != nil {
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, err
	}
	a.file, a.raw = f, raw
	return raw, nil
}

// reopen makes the next read open the file again: a device that was unbound and
// bound has a new one by the same name.
func (a *attribute) reopen() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file != nil {
		a.file.Close()
		a.file = nil
	}
}

// read returns what the file holds now, valid until the next read.
func (a *attribute) read() ([]byte, error) {
	raw, err := a.open()
	if err != nil {
		return nil, err
	}
	if err := raw.Control(a.pread); err != nil {
		return nil, os.ErrClosed // nothing else makes Control fail
	}
	if a.err != nil {
		if a.err == unix.ENODEV {
			a.reopen()
		}
		return nil, a.fail(a.err)
	}
	return a.buf[:max(a.n, 0)], nil
}

// number returns the one whole number that the file holds.
func (a *attribute) number() (int64, error) {
	b, err := a.read()
	if err != nil {
		return 0, err
	}
	if len(b) == len(a.buf) {
		return 0, a.fail(errLong)
	}
	n, err := parseNumber(b)
	if err != nil {
		return 0, a.fail(err)
	}
	return n, nil
}

// readHints say what an error of the kernel means for a sensor's file.
var readHints = map[error]string{
	unix.EAGAIN:    "the sensor is asleep or still converts",
	unix.ENODATA:   "nothing is connected, or no reading is valid yet",
	unix.EINVAL:    "the sensor or its zone may be disabled",
	unix.EIO:       "the chip does not answer its driver",
	unix.ETIMEDOUT: "the chip does not answer its driver",
	unix.ENODEV:    "the device is gone",
}

// fail says where cause, an errno or one of our errors, happened.
func (a *attribute) fail(cause error) error {
	if cause == a.cause {
		return a.told
	}
	a.cause, a.told = cause, fmt.Errorf("%s: %w", a.path, cause)
	if hint, ok := readHints[cause]; ok {
		a.told = fmt.Errorf("%s: %w: %s", a.path, cause, hint)
	}
	return a.told
}

// close closes the file, also while a read blocks.
func (a *attribute) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.file == nil {
		return nil
	}
	err := a.file.Close()
	a.file = nil
	return err
}

// parseNumber reads one decimal number with white space around it.
func parseNumber(b []byte) (int64, error) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return 0, errEmpty
	}
	negative := b[0] == '-'
	if negative || b[0] == '+' {
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, errGarbage
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, errGarbage
		}
		if n > math.MaxInt64/10 {
			return 0, errRange
		}
		n = n*10 + uint64(c-'0')
	}
	switch {
	case negative && n <= 1<<63:
		return -int64(n), nil
	case !negative && n <= math.MaxInt64:
		return int64(n), nil
	}
	return 0, errRange
}

// value is a sensor whose reading is one number of one file.
type value struct {
	info    Info
	file    *attribute
	convert func(int64) (int64, error) // to the unit of the quantity
}

func (v *value) Info() Info   { return v.info }
func (v *value) Close() error { return v.file.close() }

func (v *value) Read() (int64, error) {
	n, err := v.file.number()
	if err != nil {
		return 0, err
	}
	if n, err = v.convert(n); err != nil {
		return 0, v.file.fail(err)
	}
	return n, nil
}

// openValue returns the sensor whose value is in the file at path.
func openValue(info Info, path string, convert func(int64) (int64, error)) (Sensor, error) {
	file, err := newAttribute(path, numberSize)
	if err != nil {
		return nil, err
	}
	return &value{info, file, convert}, nil
}

// maxRaw is more than any unit of the kernel needs for what a board can be, and little
// enough for the conversions and products below.
const maxRaw = 1_000_000_000

func inRange(n int64) bool { return n >= -maxRaw && n <= maxRaw }

// fromMilliCelsius converts from the unit of thermal zones and hwmon.
func fromMilliCelsius(n int64) (int64, error) {
	if !inRange(n) {
		return 0, errRange
	}
	return n*int64(physic.MilliKelvin) + int64(physic.ZeroCelsius), nil
}

// fromMicroWatt converts from the unit of hwmon and power supplies.
func fromMicroWatt(n int64) (int64, error) {
	if !inRange(n) {
		return 0, errRange
	}
	return n * int64(physic.MicroWatt), nil
}

// fromMilliWatt converts from the unit of iio.
func fromMilliWatt(n int64) (int64, error) {
	if !inRange(n) {
		return 0, errRange
	}
	return n * int64(physic.MilliWatt), nil
}

// fromRPM converts from revolutions a minute.
func fromRPM(n int64) (int64, error) {
	if n < 0 || !inRange(n) {
		return 0, errRange
	}
	return n * int64(physic.Hertz) / 60, nil
}

// numbered returns, in order, the numbers of a folder's entries that are called
// prefix, number, suffix. A folder that is not there has none.
func numbered(dir, prefix, suffix string) []int {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(maxEntries) // an error ends the list
	var found []int
	for _, name := range names {
		middle, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if middle, ok = strings.CutSuffix(middle, suffix); !ok {
			continue
		}
		if n, err := strconv.ParseUint(middle, 10, 16); err == nil && strconv.FormatUint(n, 10) == middle {
			found = append(found, int(n))
		}
	}
	slices.Sort(found)
	return found
}

// maxEntries bounds what is looked at of one folder.
const maxEntries = 4096

// maxName bounds the name of a sensor.
const maxName = 64

// text returns the first line of a file as plain text; "" when it can't be read.
func text(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 256)) // what could be read is what there is
	line, _, _ := strings.Cut(string(b), "\n")
	return plain(strings.TrimSpace(line))
}

// plain makes text fit for a name in logs and tables.
func plain(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b[:min(len(b), maxName)])
}
