package sensors

import (
	"path"
	"strings"
)

// placeRule says where sensors measure whose names match one of the patterns, which
// are path.Match's, against the name in lower case with '-' for '_'
// and '/'.
type placeRule struct {
	place    Place
	patterns []string
}

// temperaturePlaces are the names that drivers and device trees give to thermal
// zones, hwmon chips and their labels. The first match counts; what nothing matches
// is PlaceOther, which nothing is controlled by.
var temperaturePlaces = []placeRule{
	// Jetson's PMIC-Die reads 100 °C, always, and thermal-fan-est is a weighted sum of
	// other zones. Super I/O chips have a CPUTIN that is often not connected.
	{PlaceOther, []string{"pmic*", "*fan-est*", "nct*", "it87*", "w83*", "f718*", "cputin*"}},
	{PlaceTPU, []string{"apex*"}},
	// Most device trees: cpu-thermal, cpu_thermal, CPU-therm, cpu0-thermal. GPU, VPU and
	// NPU are on the CPU's die on every board we know.
	{PlaceDie, []string{"cpu*", "gpu*", "vpu*", "npu*", "soc*", "cluster*"}},
	{PlaceDie, []string{"x86-pkg-temp", "coretemp*", "k10temp*", "zenpower*"}},              // Intel, AMD
	{PlaceDie, []string{"imx*", "bcm2835*", "mtk*"}},                                        // i.MX, Raspberry Pi, MediaTek
	{PlaceDie, []string{"bigcore*", "littlecore*", "center-thermal"}},                       // Rockchip
	{PlaceDie, []string{"ao-therm*", "pll-therm*", "mcpu*", "tj*", "cv[0-9]*"}},             // Jetson: AO is the always-on corner of the SoC
	{PlaceBoard, []string{"tboard*", "tdiode*", "board*", "ambient*"}},                      // Jetson; device trees
	{PlaceBoard, []string{"acpitz*", "pch*"}},                                               // wherever the firmware's author put it; the chip beside the CPU
	{PlaceBoard, []string{"lm75*", "tmp[0-9]*", "mcp98*", "adt7*", "ds75*", "sht*", "w1*"}}, // thermometers on I2C; DS18B20 on a wire
}

// powerPlaces are the same for powers.
var powerPlaces = []placeRule{
	{PlaceTotal, []string{"power-meter*", "vdd-in*", "pom-5v-in*"}},                   // ACPI; Jetson's labels
	{PlaceCPU, []string{"vdd-cpu*", "pom-5v-cpu*", "fam15h-power*", "zenpower*"}},     // Jetson's labels; AMD
	{PlaceOther, []string{"vdd-*", "pom-*"}},                                          // Jetson's other rails
	{PlaceBoard, []string{"ina2*", "isl28022*", "pmbus*", "adm1[0-9]*", "ltc[0-9]*"}}, // some supply: which, the kernel does not tell
}

// placeOf returns the place of the first name that a rule knows.
func placeOf(rules []placeRule, names ...string) Place {
	for _, name := range names {
		name = strings.ToLower(strings.NewReplacer("_", "-", "/", "-").Replace(name))
		for _, r := range rules {
			for _, pattern := range r.patterns {
				if ok, _ := path.Match(pattern, name); ok {
					return r.place
				}
			}
		}
	}
	return PlaceOther
}
