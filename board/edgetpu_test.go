package board

import (
	"strings"
	"testing"

	"periph.io/x/conn/v3/physic"
)

func TestApex(t *testing.T) {
	const pci = "-- sys/bus/pci/devices/0000:01:00.0/vendor --\n0x1ac1\n-- sys/bus/pci/devices/0000:01:00.0/device --\n0x089a\n"
	const bound = pci + "-- sys/bus/pci/devices/0000:01:00.0/driver -> ../../../bus/pci/drivers/apex --\n"
	const class = bound + "-- sys/class/apex/apex_3/device -> ../../../0000:01:00.0 --\n"
	const temp = class + "-- sys/class/apex/apex_3/temp --\n54300\n"
	const node = "-- dev/apex_3 (node rw) --\n"
	for _, test := range []struct {
		name, tree string
		kind       Kind
		what       string
	}{
		{"usable", temp + node, "", ""},
		{"no driver", pci, Absent, "apex driver not loaded"},
		{"another driver", pci + "-- sys/bus/pci/devices/0000:01:00.0/driver -> ../x/vfio-pci --\n", Busy, "PCIe device 0000:01:00.0 belongs to the driver vfio-pci"},
		{"did not start", bound, Driver, "the apex driver made no /dev/apex_N"},
		{"another's class", bound + "-- sys/class/apex/apex_0/device -> ../0000:02:00.0 --\n", Driver, "the apex driver made no /dev/apex_N"},
		{"no node", temp, Absent, "/dev/apex_3 does not exist"},
		{"no permission", temp + "-- dev/apex_3 (node r) --\n", Permission, "no permission on /dev/apex_3"},
		{"dead", temp + node + "-- sys/class/apex/apex_3/status --\nDEAD\n", Driver, "/dev/apex_3 is dead"},
		{"dead sensor", class + node + "-- sys/class/apex/apex_3/temp --\n-89700\n", Invalid, "/sys/class/apex/apex_3/temp reads -89700"},
		{"no temperature", class + node, Absent, "/sys/class/apex/apex_3/temp does not exist"},
		{"sensor fails", class + node + "-- sys/class/apex/apex_3/temp (error EIO) --\n", Driver, "the driver cannot read /sys/class/apex/apex_3/temp (EIO)"},
	} {
		got := read(t, test.tree).edgeTPUs()
		if len(got) != 1 || kindOf(got[0].Problem) != test.kind || test.kind != "" && !strings.HasPrefix(got[0].Problem.What, test.what) {
			t.Errorf("%s: got %+v", test.name, got)
			continue
		}
		if p := got[0].Problem; p != nil && p.Fix == "" {
			t.Errorf("%s: nothing to do about it", test.name)
		}
	}
	found := Detect(tree(t, imaginary)).EdgeTPUs
	if len(found) != 2 || found[0].Temp != physic.ZeroCelsius+54300*physic.MilliKelvin || len(found[0].Trips) != 3 || found[0].Node != "/dev/apex_0" {
		t.Errorf("got %+v", found)
	}
}

func TestUSB(t *testing.T) {
	device := func(vendor, product, speed string) string {
		const dir = "-- sys/bus/usb/devices/2-1/"
		return dir + "idVendor --\n" + vendor + "\n" + dir + "idProduct --\n" + product + "\n" + dir + "speed --\n" + speed + "\n" + dir + "busnum --\n2\n" + dir + "devnum --\n7\n"
	}
	const node = "-- dev/bus/usb/002/007 (node rw) --\n"
	for _, test := range []struct {
		name, tree string
		firmware   bool
		kind       Kind
	}{
		{"before its firmware", device("1a6e", "089a", "5000") + node, false, ""},
		{"after", device("18d1", "9302", "5000") + node, true, ""},
		{"faster", device("18d1", "9302", "10000") + node, true, ""},
		{"slow", device("18d1", "9302", "480") + node, true, Degraded},
		{"speed unknown", device("18d1", "9302", "unknown") + node, true, ""},
		{"no permission", device("1a6e", "089a", "480") + "-- dev/bus/usb/002/007 (node none) --\n", false, Permission},
		{"no node", device("1a6e", "089a", "480"), false, Absent},
		{"no number", "-- sys/bus/usb/devices/2-1/idVendor --\n1a6e\n-- sys/bus/usb/devices/2-1/idProduct --\n089a\n", false, Invalid},
	} {
		got := read(t, test.tree).edgeTPUs()
		if len(got) != 1 || got[0].Firmware != test.firmware || kindOf(got[0].Problem) != test.kind {
			t.Errorf("%s: got %+v", test.name, got)
		}
	}
	for _, other := range []string{device("18d1", "4ee7", "480"), device("1a6e", "1234", "480"), device("0bda", "9302", "480"), device("", "", ""), "-- sys/bus/usb/devices/2-1:1.0/idVendor --\n1a6e\n"} {
		if got := read(t, other).edgeTPUs(); len(got) != 0 {
			t.Errorf("not an Edge TPU: %+v", got)
		}
	}
}
