package board

import (
	"runtime"
	"strings"
	"unicode"
)

// socNames are names of systems on chip by the last word of the device tree's
// "compatible" (Documentation/devicetree/bindings/arm in Linux).
var socNames = map[string]string{
	"fsl,imx8mq":      "i.MX8MQ",
	"fsl,imx8mp":      "i.MX8MP",
	"fsl,imx8mm":      "i.MX8MM",
	"brcm,bcm2837":    "BCM2837",
	"brcm,bcm2711":    "BCM2711",
	"brcm,bcm2712":    "BCM2712",
	"nvidia,tegra210": "Tegra X1",
	"nvidia,tegra194": "Xavier",
	"nvidia,tegra234": "Orin",
}

// identify finds names: of board and system on chip by device tree or, on PCs, DMI.
// Serial numbers are not read anywhere.
func (b *Board) identify(r *reader, info cpuInfo) {
	b.Compatible = []string{}
	dmi := ""
	for _, dir := range []string{"proc/device-tree/", "sys/firmware/devicetree/base/"} {
		if b.Model = r.maybe(dir + "model"); b.Model == "" {
			continue
		}
		compatible, _ := r.file(dir + "compatible")
		for _, c := range strings.Split(strings.TrimRight(compatible, "\x00\n"), "\x00") {
			if c = line(c); c != "" && len(b.Compatible) < 64 {
				b.Compatible = append(b.Compatible, c)
			}
		}
		break
	}
	if b.Model == "" {
		dmi = r.dmi()
		b.Model = dmi
	}
	b.SoC = r.soc(b.Compatible)
	b.Architecture = info.architecture
	if b.Architecture == "" && isLive(r.tree) {
		b.Architecture = runtime.GOARCH
	}
	b.Kernel = r.maybe("proc/sys/kernel/osrelease")
	b.Profile = match(b.Compatible, dmi, b.Architecture)
	if b.Profile.Generic {
		b.Profile.Energy.fit(len(r.online(info)))
	}
}

// ProfileOf tells the profile of the machine whose /proc and /sys are in tree, and the
// name of its model, empty if there is none. It reads far less than Detect, and
// nothing that a driver must be asked for.
func ProfileOf(tree Tree) (profile *Profile, model string) {
	r := &reader{tree: tree}
	b := &Board{}
	b.identify(r, r.cpuInfo())
	return b.Profile, b.Model
}

// GenericProfile is that of a machine of this architecture of which nothing is known.
func GenericProfile() *Profile { return match(nil, "", runtime.GOARCH) }

// dmi is the vendor and product of a PC.
func (r *reader) dmi() string {
	for _, pair := range [][2]string{{"sys_vendor", "product_name"}, {"board_vendor", "board_name"}} {
		product := r.maybe("sys/class/dmi/id/" + pair[1])
		switch product {
		case "", "None", "Default string", "System Product Name", "To be filled by O.E.M.", "To Be Filled By O.E.M.":
			continue
		}
		vendor := r.maybe("sys/class/dmi/id/" + pair[0])
		if strings.HasPrefix(product, vendor) {
			return product
		}
		return vendor + " " + product
	}
	return ""
}

// soc asks the kernel's soc bus, which not all have, and the device tree then.
func (r *reader) soc(compatible []string) string {
	id := r.maybe("sys/devices/soc0/soc_id")
	if strings.IndexFunc(id, unicode.IsLetter) >= 0 && !strings.HasPrefix(id, "jep106:") && !strings.HasPrefix(id, "0x") {
		return id
	}
	if len(compatible) == 0 {
		return ""
	}
	last := compatible[len(compatible)-1]
	if name := socNames[last]; name != "" {
		return name
	}
	_, name, _ := strings.Cut(last, ",")
	return strings.ToUpper(name)
}
