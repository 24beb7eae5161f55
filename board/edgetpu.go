package board

import (
	"fmt"
	"strings"

	"periph.io/x/conn/v3/physic"
)

// Identifiers of the Edge TPU: on PCIe (gasket's apex_driver.c) and on USB before and
// after its firmware is loaded (libedgetpu's usb_driver).
const (
	apexVendor, apexDevice   = 0x1ac1, 0x089a
	usbBootVendor, usbBootID = 0x1a6e, 0x089a
	usbVendor, usbID         = 0x18d1, 0x9302
)

// usb3 is the speed in Mb/s from which models travel fast enough.
const usb3 = 5000

// EdgeTPU is Google's accelerator for int8 models.
type EdgeTPU struct {
	Bus      string               `json:"bus"`     // pcie or usb
	Address  string               `json:"address"` // on it: "0000:01:00.0", "2-1"
	Node     string               `json:"node"`    // "/dev/apex_0", "/dev/bus/usb/002/003"; empty if there is none
	Driver   string               `json:"driver"`  // of the kernel, on PCIe
	Firmware bool                 `json:"firmware_loaded"`
	Status   string               `json:"status,omitempty"`     // of the apex driver: ALIVE or DEAD
	Speed    int                  `json:"speed_mbps,omitempty"` // on USB
	Temp     physic.Temperature   `json:"-"`                    // on PCIe; 0 K if it could not be read
	Trips    []physic.Temperature `json:"-"`                    // on PCIe: where the driver slows its clock
	Problem  *Problem             `json:"problem,omitempty"`
}

func (r *reader) edgeTPUs() []EdgeTPU {
	tpus := []EdgeTPU{}
	for _, address := range r.list("sys/bus/pci/devices", "") {
		dir := "sys/bus/pci/devices/" + address + "/"
		if r.hex(dir+"vendor") == apexVendor && r.hex(dir+"device") == apexDevice {
			tpus = append(tpus, r.apex(address))
		}
	}
	for _, port := range r.list("sys/bus/usb/devices", "") {
		if strings.ContainsRune(port, ':') { // an interface of a device
			continue
		}
		dir := "sys/bus/usb/devices/" + port + "/"
		vendor := r.hex(dir + "idVendor")
		if vendor != usbBootVendor && vendor != usbVendor {
			continue
		}
		switch id := r.hex(dir + "idProduct"); {
		case vendor == usbBootVendor && id == usbBootID, vendor == usbVendor && id == usbID:
			tpus = append(tpus, r.usbTPU(port, vendor == usbVendor))
		}
	}
	return tpus
}

// hex reads an identifier; no file is 0.
func (r *reader) hex(name string) (id int) {
	fmt.Sscanf(strings.TrimPrefix(r.maybe(name), "0x"), "%x", &id)
	return id
}

func (r *reader) apex(address string) EdgeTPU {
	t := EdgeTPU{Bus: "pcie", Address: address, Driver: r.link("sys/bus/pci/devices/" + address + "/driver"), Trips: []physic.Temperature{}}
	switch t.Driver {
	case "apex":
	case "":
		t.Problem = &Problem{Absent, "apex driver not loaded: the kernel has none for PCIe device " + address, "install gasket-dkms (built for this kernel), then: sudo modprobe apex"}
		return t
	default:
		t.Problem = &Problem{Busy, fmt.Sprintf("PCIe device %s belongs to the driver %s, not apex", address, t.Driver), "unbind it, or don't pass it through to a virtual machine; then: sudo modprobe apex"}
		return t
	}
	name := r.apexName(address)
	if name == "" {
		t.Problem = &Problem{Driver, "the apex driver made no /dev/apex_N for PCIe device " + address, "the device did not start: see dmesg; power it off and on (gasket needs the kernel's MSI-X)"}
		return t
	}
	dir := "sys/class/apex/" + name + "/"
	t.Node, t.Firmware = "/dev/"+name, true
	t.Status = r.maybe(dir + "status")
	for i := range 3 {
		if temp, problem := r.temperature(fmt.Sprintf("%strip_point%d_temp", dir, i)); problem == nil {
			t.Trips = append(t.Trips, temp)
		}
	}
	var thermal *Problem
	t.Temp, thermal = r.temperature(dir + "temp")
	t.Problem = r.nodeProblem("dev/"+name, Read|Write,
		`add a udev rule, SUBSYSTEM=="apex", MODE="0660", GROUP="apex", and join the group apex`)
	if t.Problem == nil && t.Status == "DEAD" {
		t.Problem = &Problem{Driver, t.Node + " is dead, says its driver", "reset it: sudo modprobe -r apex && sudo modprobe apex; if it stays so, power it off and on"}
	}
	if t.Problem == nil {
		t.Problem = thermal
	}
	return t
}

// apexName finds the apex_N of a PCIe device.
func (r *reader) apexName(address string) string {
	for _, name := range r.list("sys/class/apex", "apex_") {
		if r.link("sys/class/apex/"+name+"/device") == address {
			return name
		}
	}
	return ""
}

func (r *reader) usbTPU(port string, firmware bool) EdgeTPU {
	dir := "sys/bus/usb/devices/" + port + "/"
	t := EdgeTPU{Bus: "usb", Address: port, Firmware: firmware, Trips: []physic.Temperature{}}
	speed, _ := r.maybeNumber(dir + "speed")
	t.Speed = int(max(0, min(speed, 1e6)))
	bus, okBus := r.maybeNumber(dir + "busnum")
	device, okDevice := r.maybeNumber(dir + "devnum")
	if !okBus || !okDevice || bus < 0 || device < 0 {
		t.Problem = &Problem{Invalid, fmt.Sprintf("USB device %s has no number: /%sdevnum", port, dir), "unplug it and plug it in again"}
		return t
	}
	node := fmt.Sprintf("dev/bus/usb/%03d/%03d", bus, device)
	t.Node = "/" + node
	vendor := "1a6e"
	if firmware {
		vendor = "18d1"
	}
	t.Problem = r.nodeProblem(node, Read|Write,
		fmt.Sprintf(`add a udev rule, SUBSYSTEM=="usb", ATTR{idVendor}==%q, MODE="0660", GROUP="plugdev", and join the group plugdev`, vendor))
	if t.Problem == nil && t.Speed > 0 && t.Speed < usb3 {
		t.Problem = &Problem{Degraded, fmt.Sprintf("USB device %s runs at %d Mb/s of %d", port, t.Speed, usb3), "use a USB 3 port and a USB 3 cable: large models are slower so; one that is soldered to such a bus (Dev Board Mini) is as fast as it gets"}
	}
	return t
}
