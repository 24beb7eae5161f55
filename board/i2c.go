package board

import (
	"strconv"
	"strings"
)

// Bus is an I2C bus.
type Bus struct {
	Number  int         `json:"number"`
	Adapter string      `json:"adapter"` // what drives it: "30a20000.i2c"
	Node    string      `json:"node"`    // "/dev/i2c-0"
	Devices []BusDevice `json:"devices"` // that the kernel knows; there may be others
	Problem *Problem    `json:"problem,omitempty"`
}

// BusDevice is a device on an I2C bus that the kernel was told of.
type BusDevice struct {
	Address uint16 `json:"address"`
	Name    string `json:"name"`
	Driver  string `json:"driver"` // that has it; empty: atoll may use it
}

const i2cDir = "sys/bus/i2c/devices/"

func (r *reader) buses() []Bus {
	buses := []Bus{}
	names := r.list(strings.TrimSuffix(i2cDir, "/"), "")
	loaded := r.exists("sys/class/i2c-dev")
	for _, name := range names {
		n, ok := index(name, "i2c-")
		if !ok {
			continue
		}
		node := "dev/i2c-" + strconv.Itoa(n)
		b := Bus{Number: n, Adapter: r.maybe(i2cDir + name + "/name"), Node: "/" + node, Devices: r.busDevices(names, n)}
		b.Problem = r.nodeProblem(node, Read|Write, groupRule("i2c"))
		if b.Problem != nil && b.Problem.Kind == Absent && !loaded {
			b.Problem = &Problem{Absent, "i2c-dev is not loaded: " + b.Node + " does not exist", "sudo modprobe i2c-dev; at every start: echo i2c-dev | sudo tee /etc/modules-load.d/i2c.conf"}
		}
		buses = append(buses, b)
	}
	return buses
}

// busDevices are the entries like 1-0048 of bus 1.
func (r *reader) busDevices(names []string, bus int) []BusDevice {
	devices := []BusDevice{}
	for _, name := range names {
		address, ok := strings.CutPrefix(name, strconv.Itoa(bus)+"-")
		n, err := strconv.ParseUint(address, 16, 16)
		if !ok || err != nil {
			continue
		}
		devices = append(devices, BusDevice{uint16(n) & 0x3ff, r.maybe(i2cDir + name + "/name"), r.link(i2cDir + name + "/driver")})
	}
	return devices
}
