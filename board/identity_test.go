package board

import (
	"slices"
	"testing"
)

func TestIdentify(t *testing.T) {
	const arm = "-- proc/cpuinfo --\nprocessor : 0\nCPU implementer : 0x41\nCPU architecture: 8\nCPU part : 0xd03\n"
	for _, test := range []struct {
		name, tree       string
		model, soc, arch string
		compatible       []string
	}{
		{"device tree", arm + "-- proc/device-tree/model (quoted) --\n\"Board\\x00\"\n-- proc/device-tree/compatible (quoted) --\n\"a,b\\x00brcm,bcm2711\\x00\"\n",
			"Board", "BCM2711", "arm64", []string{"a,b", "brcm,bcm2711"}},
		{"the other folder", arm + "-- sys/firmware/devicetree/base/model --\nBoard\n-- sys/firmware/devicetree/base/compatible --\nx,rk9999\n",
			"Board", "RK9999", "arm64", []string{"x,rk9999"}},
		{"no compatible", arm + "-- proc/device-tree/model --\nBoard\n", "Board", "", "arm64", []string{}},
		{"soc bus", arm + "-- sys/devices/soc0/soc_id --\ni.MX8MQ\n", "", "i.MX8MQ", "arm64", []string{}},
		{"soc bus in numbers", arm + "-- sys/devices/soc0/soc_id --\njep106:0070:8260\n", "", "", "arm64", []string{}},
		{"DMI", "-- proc/cpuinfo --\nprocessor : 0\nvendor_id : GenuineIntel\n-- sys/class/dmi/id/sys_vendor --\nLENOVO\n-- sys/class/dmi/id/product_name --\n20XX\n",
			"LENOVO 20XX", "", "amd64", []string{}},
		{"DMI says the vendor twice", "-- sys/class/dmi/id/sys_vendor --\nIntel\n-- sys/class/dmi/id/product_name --\nIntel NUC\n", "Intel NUC", "", "", []string{}},
		{"DMI nobody filled in", "-- sys/class/dmi/id/product_name --\nTo be filled by O.E.M.\n-- sys/class/dmi/id/board_vendor --\nASRock\n-- sys/class/dmi/id/board_name --\nN100M\n",
			"ASRock N100M", "", "", []string{}},
		{"32 bits", "-- proc/cpuinfo --\nprocessor : 0\nCPU architecture: 7\n", "", "", "arm", []string{}},
		{"garbage", "-- proc/device-tree/model (quoted) --\n\"\\x1b[31m\\xff\\x00\"\n-- proc/cpuinfo (quoted) --\n\"\\x00\\xffprocessor\"\n", "\uFFFD[31m\uFFFD", "", "", []string{}},
	} {
		b := Detect(tree(t, test.tree))
		if b.Model != test.model || b.SoC != test.soc || b.Architecture != test.arch || !slices.Equal(b.Compatible, test.compatible) {
			t.Errorf("%s: got %q, %q, %q, %q, want %q, %q, %q, %q", test.name, b.Model, b.SoC, b.Architecture, b.Compatible,
				test.model, test.soc, test.arch, test.compatible)
		}
		if b.Profile == nil {
			t.Errorf("%s: no profile", test.name)
		}
	}
}
