package board

import (
	"slices"
	"strings"

	"periph.io/x/conn/v3/physic"
)

// match finds the profile of a board by its device tree's compatible strings (most
// exact first), else by the product name that its DMI name ends with, else the generic
// one of its architecture. It is never nil. Its lists are shared: nobody writes to them.
func match(compatible []string, dmi string, arch string) *Profile {
	for _, c := range compatible {
		if i := slices.IndexFunc(profiles, func(p Profile) bool { return slices.Contains(p.Compatible, c) }); i >= 0 {
			return at(i)
		}
	}
	ends := func(product string) bool { return strings.HasSuffix(dmi, product) }
	if i := slices.IndexFunc(profiles, func(p Profile) bool { return slices.ContainsFunc(p.Products, ends) }); i >= 0 {
		return at(i)
	}
	if arch == "amd64" {
		return at(len(profiles) - 1)
	}
	return at(len(profiles) - 2)
}

func at(i int) *Profile {
	p := profiles[i]
	return &p
}

func celsius(t float64) physic.Temperature {
	return physic.ZeroCelsius + physic.Temperature(t*float64(physic.Celsius))
}

// step is an operating point from the units of a device tree.
func step(megahertz, millivolts float64) Step {
	return Step{
		Frequency: physic.Frequency(megahertz * float64(physic.MegaHertz)),
		Voltage:   physic.ElectricPotential(millivolts * float64(physic.MilliVolt)),
	}
}

// profiles is the one table of boards; the generic ones are last, amd64 after arm64.
//
// A capacitance is not measured on a chip: it is what makes the model's full load
// equal the board's, C = (full − idle) / (cores·V²·f), and so holds memory and
// converters too. Thermal resistances come from a temperature under load where one
// is published; how they divide, and all heat capacities, are assumptions that hold
// until identification has found better ones.
var profiles = []Profile{
	coralDevBoard, coralDevBoardMini, raspberryPi4, raspberryPi5, jetsonNano,
	genericARM64, genericAMD64,
}

var coralDevBoard = Profile{
	Name: "Coral Dev Board",
	// Linux's imx8mq-phanbell.dts, and that of the vendor's Mendel.
	Compatible: []string{"google,imx8mq-phanbell", "fsl,imx8mq-phanbell"},
	Threads:    2, // half of the cores: XNNPACK's threads spin, and others need cores too
	// imx8mq-phanbell.dts: the fan starts at 65 °C, throttling at 75 and again at 80.
	Passive: celsius(75), Hot: celsius(80), Critical: celsius(90),
	Energy: Energy{
		// github.com/larrylart/codrive, hw_sampling/google_coral: idle 2.7 W; 4.5 W with
		// the Edge TPU, a camera and 0.87 of a core busy. Less 1.1 W for the first (as
		// on USB there) and 0.3 W for the camera (assumption) 0.4 W are left for a
		// core. The Edge TPU is not in the model.
		Static: 2700 * physic.MilliWatt,
		Clusters: []Cluster{{
			Cores: 4, Capacitance: 0.267, // 1.6 W at 1.0 V, 1.5 GHz
			Steps: []Step{step(800, 900), step(1000, 900), step(1300, 1000), step(1500, 1000)}, // imx8mq.dtsi
		}},
	},
	// Assumption: the fan off, which is what the fan's own trip leaves us.
	Thermal: Thermal{DieResistance: 3, DieCapacity: 1.5, BoardResistance: 7, BoardCapacity: 40, AmbientAssumed: celsius(25)},
}

var coralDevBoardMini = Profile{
	Name: "Coral Dev Board Mini",
	// Its device tree (model "Google Coral MT8167") names no more than the chip.
	Compatible: []string{"mediatek,mt8167"},
	Threads:    2,
	// Assumption: the trips of the vendor's mt8173.dtsi; those of this board were not found in public.
	Passive: celsius(68), Hot: celsius(85), Critical: celsius(115),
	Energy: Energy{
		Static: 1500 * physic.MilliWatt, // assumption; so is 3 W under full load
		Clusters: []Cluster{{
			Cores: 4, Capacitance: 0.171, // 1.5 W at 1.3 V, 1.3 GHz
			Steps: []Step{step(598, 1150), step(747.5, 1150), step(1040, 1200), step(1196, 1250), step(1300, 1300)}, // mt8167.dtsi, mt8516.dtsi
		}},
	},
	// Assumption: a small board without a fan.
	Thermal: Thermal{DieResistance: 5, DieCapacity: 1, BoardResistance: 11, BoardCapacity: 25, AmbientAssumed: celsius(25)},
}

var raspberryPi4 = Profile{
	Name:       "Raspberry Pi 4",
	Compatible: []string{"raspberrypi,4-model-b", "brcm,bcm2711"},
	Products:   []string{"Raspberry Pi 4 Model B"},
	Threads:    2,
	// The firmware throttles between 80 and 85 °C (Raspberry Pi documentation,
	// "Frequency management and thermal control"); the vendor's kernel raises
	// cpu-crit from Linux's 90 °C to 110 °C.
	Passive: celsius(80), Hot: celsius(85), Critical: celsius(110),
	Energy: Energy{
		// pidramble.com, "Power Consumption Benchmarks": idle 2.7 W, 6.4 W with stress --cpu 4.
		Static: 2700 * physic.MilliWatt,
		Clusters: []Cluster{{
			Cores: 4, Capacitance: 0.834, // 3.7 W at 0.86 V, 1.5 GHz
			// Frequencies as raspberrypi-cpufreq.c steps them. The firmware picks the
			// voltage: from 0.80 V (assumption) to 0.86 V, evenly.
			Steps: []Step{
				step(600, 800), step(700, 807), step(800, 813), step(900, 820), step(1000, 827),
				step(1100, 833), step(1200, 840), step(1300, 847), step(1400, 853), step(1500, 860),
			},
		}},
	},
	// A bare board throttles at 80 °C under full load: about 9 to 10 K/W in all.
	Thermal: Thermal{DieResistance: 3.5, DieCapacity: 1.5, BoardResistance: 6.5, BoardCapacity: 35, AmbientAssumed: celsius(25)},
}

var raspberryPi5 = Profile{
	Name:       "Raspberry Pi 5",
	Compatible: []string{"raspberrypi,5-model-b", "brcm,bcm2712"},
	Products:   []string{"Raspberry Pi 5 Model B"},
	Threads:    2,
	// As the Pi 4. The vendor's bcm2712-rpi-5-b.dts steps the fan up at 50, 60, 67.5 and 75 °C.
	Passive: celsius(80), Hot: celsius(85), Critical: celsius(110),
	Energy: Energy{
		// Full load 8 W: 7.9 W in Geekbench, github.com/geerlingguy/sbc-reviews issue 21,
		// whose 1.8 W idle is disputed there: 2.7 W is an assumption.
		Static: 2700 * physic.MilliWatt,
		Clusters: []Cluster{{
			Cores: 4, Capacitance: 0.682, // 5.3 W at 0.90 V, 2.4 GHz
			// The firmware picks the voltage: 0.72 to 0.90 V, evenly, is an assumption.
			Steps: []Step{
				step(1500, 720), step(1600, 740), step(1700, 760), step(1800, 780), step(1900, 800),
				step(2000, 820), step(2100, 840), step(2200, 860), step(2300, 880), step(2400, 900),
			},
		}},
	},
	// With the active cooler full load tops out at 61 °C: github.com/nschloe/stressberry
	// issue 139, so 4.5 K/W in all.
	Thermal: Thermal{DieResistance: 2, DieCapacity: 2, BoardResistance: 2.5, BoardCapacity: 60, AmbientAssumed: celsius(25)},
}

var jetsonNano = Profile{
	Name: "Jetson Nano",
	// Linux's tegra210-p3450-0000.dts, and that of NVIDIA's L4T. Not "nvidia,tegra210",
	// which a Jetson TX1 is too.
	Compatible: []string{"nvidia,p3450-0000", "nvidia,jetson-nano"},
	Threads:    2,
	// 97 °C: L4T developer guide, "Thermal Specifications"; the others: tegra210.dtsi.
	// A mainline kernel goes down at 96.5 °C already (tegra210-p3450-0000.dts).
	Passive: celsius(97), Hot: celsius(98.5), Critical: celsius(102.5),
	Energy: Energy{
		// tegrastats in public, module's 5 V input: 0.9 W idle, 2.5 W with 1.44 cores busy
		// at 1.479 GHz, so 1.1 W a core. That the carrier board takes 1.1 W is an assumption.
		Static: 2 * physic.Watt,
		Clusters: []Cluster{{
			Cores: 4, Capacitance: 0.626, // 4.4 W at 1.09 V, 1.479 GHz
			// clk-tegra124-dfll-fcpu.c, Tegra210 speedo 9, not below that table's 900 mV.
			Steps: []Step{
				step(204, 900), step(306, 900), step(408, 900), step(510, 900), step(612, 900),
				step(714, 912), step(816, 946), step(918, 980), step(1020, 1014), step(1122, 1048),
				step(1224, 1082), step(1326, 1090), step(1479, 1090),
			},
		}},
	},
	// Assumption: the kit's large heat sink without its fan.
	Thermal: Thermal{DieResistance: 2, DieCapacity: 3, BoardResistance: 4, BoardCapacity: 200, AmbientAssumed: celsius(25)},
}

// genericARM64 stands for a board of four small cores. All of it is assumption, on
// the careful side: early trips and little cooling.
var genericARM64 = Profile{
	Name: "generic arm64", Generic: true,
	Threads: 1,
	Passive: celsius(75), Hot: celsius(85), Critical: celsius(95),
	Energy: Energy{
		Static: 2500 * physic.MilliWatt,
		Clusters: []Cluster{{
			Cores: 4, Capacitance: 0.417, // 2.5 W at 1.0 V, 1.5 GHz
			Steps: []Step{step(600, 850), step(900, 900), step(1200, 950), step(1500, 1000)},
		}},
	},
	Thermal: Thermal{DieResistance: 4, DieCapacity: 1.5, BoardResistance: 8, BoardCapacity: 30, AmbientAssumed: celsius(25)},
}

// genericAMD64 stands for a small computer with a fan. All of it is assumption.
var genericAMD64 = Profile{
	Name: "generic amd64", Generic: true,
	Threads: 1,
	Passive: celsius(85), Hot: celsius(95), Critical: celsius(100),
	Energy: Energy{
		Static: 8 * physic.Watt,
		Clusters: []Cluster{{
			Cores: 4, Capacitance: 1.38, // 20 W at 1.1 V, 3 GHz
			Steps: []Step{step(800, 700), step(1500, 800), step(2200, 950), step(3000, 1100)},
		}},
	},
	Thermal: Thermal{DieResistance: 0.8, DieCapacity: 10, BoardResistance: 1.2, BoardCapacity: 300, AmbientAssumed: celsius(25)},
}
