package board

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"periph.io/x/conn/v3/physic"
)

// within bounds a number of the table; the name says which.
func within(t *testing.T, name string, got, low, high float64) {
	t.Helper()
	if !(got >= low && got <= high) {
		t.Errorf("%s: got %g, want %g to %g", name, got, low, high)
	}
}

func degrees(t physic.Temperature) float64 {
	return float64(t-physic.ZeroCelsius) / float64(physic.Celsius)
}

func watts(p physic.Power) float64 { return float64(p) / float64(physic.Watt) }

// full is the power of a board with every core busy at its highest step, W.
func full(e Energy) float64 {
	sum := watts(e.Static)
	for _, c := range e.Clusters {
		top := c.Steps[len(c.Steps)-1]
		volts := float64(top.Voltage) / float64(physic.Volt)
		hertz := float64(top.Frequency) / float64(physic.Hertz)
		sum += float64(c.Cores) * c.Capacitance * 1e-9 * volts * volts * hertz
	}
	return sum
}

func TestProfilesAreSane(t *testing.T) {
	names := map[string]bool{}
	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			if names[p.Name] || p.Name == "" {
				t.Errorf("got the name %q, want one of its own", p.Name)
			}
			names[p.Name] = true
			if got, want := p.Generic, len(p.Compatible) == 0; got != want {
				t.Errorf("generic: got %v with %d compatible strings", got, len(p.Compatible))
			}
			cores := 0
			for _, c := range p.Energy.Clusters {
				cores += c.Cores
			}
			within(t, "threads", float64(p.Threads), 1, float64(cores)-1)
			within(t, "passive trip, °C", degrees(p.Passive), 60, 100)
			if !(p.Passive < p.Hot && p.Hot < p.Critical) {
				t.Errorf("trips: got %v, %v, %v, want them to ascend", p.Passive, p.Hot, p.Critical)
			}
			within(t, "critical trip, °C", degrees(p.Critical), 85, 120)
		})
	}
}

func TestProfilesEnergy(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			e := p.Energy
			within(t, "static power, W", watts(e.Static), 0.5, 10)
			most := 15.0
			if p.Name == "generic amd64" {
				most = 40
			}
			within(t, "full power, W", full(e), watts(e.Static)*1.3, most)
			if len(e.Clusters) == 0 {
				t.Fatal("got no clusters")
			}
			for _, c := range e.Clusters {
				within(t, "cores", float64(c.Cores), 1, 8)
				within(t, "capacitance, nF", c.Capacitance, 0.05, 3)
				if len(c.Steps) < 2 {
					t.Fatalf("got %d steps, want at least 2", len(c.Steps))
				}
				within(t, "lowest step, MHz", float64(c.Steps[0].Frequency/physic.MegaHertz), 100, 2000)
				within(t, "highest step, MHz", float64(c.Steps[len(c.Steps)-1].Frequency/physic.MegaHertz), 1000, 4000)
				for i, s := range c.Steps {
					within(t, "voltage, mV", float64(s.Voltage/physic.MilliVolt), 600, 1400)
					if i > 0 && (s.Frequency <= c.Steps[i-1].Frequency || s.Voltage < c.Steps[i-1].Voltage) {
						t.Errorf("step %d: got %v at %v after %v at %v, want steps to ascend", i,
							s.Frequency, s.Voltage, c.Steps[i-1].Frequency, c.Steps[i-1].Voltage)
					}
				}
			}
		})
	}
}

// The capacitances were made from these powers: see the table's comments.
func TestProfilesGiveThePublishedPower(t *testing.T) {
	for name, want := range map[string]float64{
		"Coral Dev Board": 4.3, "Coral Dev Board Mini": 3, "Raspberry Pi 4": 6.4,
		"Raspberry Pi 5": 8, "Jetson Nano": 6.4, "generic arm64": 5, "generic amd64": 28,
	} {
		i := slices.IndexFunc(profiles, func(p Profile) bool { return p.Name == name })
		if i < 0 {
			t.Errorf("no profile %q", name)
			continue
		}
		within(t, name+" at full load, W", full(profiles[i].Energy), want-0.05, want+0.05)
	}
}

func TestProfilesThermal(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			th := p.Thermal
			within(t, "die resistance, K/W", th.DieResistance, 0.3, 20)
			within(t, "die capacity, J/K", th.DieCapacity, 0.1, 50)
			within(t, "board resistance, K/W", th.BoardResistance, 0.5, 40)
			within(t, "board capacity, J/K", th.BoardCapacity, 3, 2000)
			if die, slow := th.DieResistance*th.DieCapacity, th.BoardResistance*th.BoardCapacity; die*10 > slow {
				t.Errorf("time constants: got %g s of the die, %g s of the board, want nodes apart", die, slow)
			}
			total, ambient := th.DieResistance+th.BoardResistance, degrees(th.AmbientAssumed)
			within(t, "rest when idle, °C", ambient+total*watts(p.Energy.Static), 28, 70)
			within(t, "rest under full load, °C", ambient+total*full(p.Energy), 50, 115)
		})
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		name       string
		compatible []string
		dmi, arch  string
		want       string
	}{
		{"Mendel", []string{"fsl,imx8mq-phanbell", "fsl,imx8mq"}, "", "arm64", "Coral Dev Board"},
		{"Linux on the Coral", []string{"google,imx8mq-phanbell", "fsl,imx8mq"}, "", "arm64", "Coral Dev Board"},
		{"another i.MX 8M board", []string{"fsl,imx8mq-evk", "fsl,imx8mq"}, "", "arm64", "generic arm64"},
		{"Compute Module 4", []string{"raspberrypi,4-compute-module", "brcm,bcm2711"}, "", "arm64", "Raspberry Pi 4"},
		{"Pi 4 with UEFI", nil, "Raspberry Pi Foundation Raspberry Pi 4 Model B", "arm64", "Raspberry Pi 4"},
		{"a name within another", nil, "Case for a Raspberry Pi 4 Model B, red", "arm64", "generic arm64"},
		{"device tree before DMI", []string{"brcm,bcm2712"}, "Raspberry Pi 4 Model B", "arm64", "Raspberry Pi 5"},
		{"L4T", []string{"nvidia,p3449-0000-b00+p3448-0000-b00", "nvidia,jetson-nano", "nvidia,tegra210"}, "", "arm64", "Jetson Nano"},
		{"Jetson TX1", []string{"nvidia,p2371-2180", "nvidia,tegra210"}, "", "arm64", "generic arm64"},
		{"the most exact wins", []string{"nobody,knows", "nvidia,p3450-0000", "brcm,bcm2711"}, "", "arm64", "Jetson Nano"},
		{"unknown", []string{"pine64,rockpro64-v2.1", "rockchip,rk3399"}, "", "arm64", "generic arm64"},
		{"a PC", nil, "Standard PC (Q35 + ICH9, 2009)", "amd64", "generic amd64"},
		{"nothing known", nil, "", "amd64", "generic amd64"},
		{"empty strings", []string{""}, "", "arm64", "generic arm64"},
		{"an unknown architecture", nil, "", "riscv64", "generic arm64"},
		{"no architecture", nil, "", "", "generic arm64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := match(tt.compatible, tt.dmi, tt.arch)
			if got == nil {
				t.Fatal("got nil")
			}
			if got.Name != tt.want {
				t.Errorf("got %q, want %q", got.Name, tt.want)
			}
		})
	}
}

func TestMatchKnowsEveryName(t *testing.T) {
	for _, p := range profiles {
		for _, c := range p.Compatible {
			if got := match([]string{"vendor,board", c}, "", "amd64"); got.Name != p.Name {
				t.Errorf("compatible %q: got %q, want %q", c, got.Name, p.Name)
			}
		}
		for _, d := range p.Products {
			if got := match(nil, d, "arm64"); got.Name != p.Name {
				t.Errorf("product %q: got %q, want %q", d, got.Name, p.Name)
			}
		}
	}
}

func TestMatchGivesACopy(t *testing.T) {
	match([]string{"brcm,bcm2711"}, "", "arm64").Threads = -1
	if got := match([]string{"brcm,bcm2711"}, "", "arm64").Threads; got <= 0 {
		t.Errorf("threads after a caller wrote to its profile: got %d", got)
	}
}

func TestCelsius(t *testing.T) {
	if got, want := celsius(98.5), 98*physic.Celsius+500*physic.MilliCelsius+physic.ZeroCelsius; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := math.Abs(degrees(celsius(-40)) + 40); got > 1e-9 {
		t.Errorf("−40 °C is off by %g", got)
	}
}

func TestTreesLeadToTheirProfiles(t *testing.T) {
	want := map[string]string{
		"amd64-vm":             "generic amd64",
		"coral-dev-board":      "Coral Dev Board",
		"coral-dev-board-mini": "Coral Dev Board Mini",
		"coral-dev-board-qemu": "Coral Dev Board",
		"jetson-nano":          "Jetson Nano",
		"mini-pc-amd64":        "generic amd64",
		"raspberry-pi-4":       "Raspberry Pi 4",
		"raspberry-pi-5":       "Raspberry Pi 5",
		"unknown-arm64":        "generic arm64",
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		seen[want[name]] = true
		t.Run(name, func(t *testing.T) {
			tree, err := OpenTree(file)
			if err != nil {
				t.Fatal(err)
			}
			b := Detect(tree)
			if got := b.Profile.Name; got != want[name] {
				t.Fatalf("profile: got %q, want %q", got, want[name])
			}
			if b.Profile.Generic {
				return
			}
			// A profile and a tree of the same board agree on its clock.
			if got, want := len(b.CPU.Clusters), len(b.Profile.Energy.Clusters); got != want {
				t.Fatalf("clusters: got %d in the tree, want the profile's %d", got, want)
			}
			for i, c := range b.CPU.Clusters {
				model := b.Profile.Energy.Clusters[i]
				if len(c.CPUs) != model.Cores {
					t.Errorf("cores: got %d in the tree, want the profile's %d", len(c.CPUs), model.Cores)
				}
				if top := model.Steps[len(model.Steps)-1].Frequency; c.Max != top {
					t.Errorf("highest frequency: got %v in the tree, want the profile's %v", c.Max, top)
				}
			}
		})
	}
	for _, p := range profiles {
		if !seen[p.Name] {
			t.Errorf("no tree leads to %q", p.Name)
		}
	}
}

func TestTreesSayWhereTheyComeFrom(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 40<<10 {
			t.Errorf("%s: got %d bytes, want at most 40 KiB", file, len(data))
		}
		composed := bytes.HasPrefix(data, []byte("Composed from public documents; not captured on a board.\n"))
		captured := bytes.HasPrefix(data, []byte("Captured with atoll detect --capture "))
		if composed == captured {
			t.Errorf("%s: its comment begins with %.60q, want that it was composed or captured", file, data)
		}
	}
}

// A generic profile has as many cores as the machine, and the power of the whole stays;
// that of a known board stays as it is.
func TestProfileOf(t *testing.T) {
	cpus := func(n int, field string) string {
		var b strings.Builder
		b.WriteString("-- proc/cpuinfo --\n")
		for i := range n {
			fmt.Fprintf(&b, "processor : %d\n%s\n\n", i, field)
		}
		return b.String()
	}
	const pi4 = "-- proc/device-tree/model --\nRaspberry Pi 4 Model B\n-- proc/device-tree/compatible (quoted) --\n\"raspberrypi,4-model-b\\x00brcm,bcm2711\\x00\"\n"
	for name, c := range map[string]struct {
		text    string
		profile string
		cores   int
		watts   float64
		threads int
	}{
		"16 CPUs":        {cpus(16, "vendor_id : GenuineIntel"), "generic amd64", 16, 28, 1},
		"2 CPUs":         {cpus(2, "vendor_id : GenuineIntel"), "generic amd64", 2, 28, 1},
		"8 CPUs of Arm":  {cpus(8, "CPU architecture: 8"), "generic arm64", 8, 5, 1},
		"no CPUs":        {"-- proc/version --\nx\n", "generic arm64", 4, 5, 1},
		"a Pi of 2 CPUs": {pi4 + cpus(2, "CPU architecture: 8"), "Raspberry Pi 4", 4, 6.4, 2},
	} {
		p, model := ProfileOf(tree(t, c.text))
		if cores := p.Energy.Clusters[0].Cores; p.Name != c.profile || cores != c.cores || p.Threads != c.threads {
			t.Errorf("%s: %s with %d cores, %d threads; want %s, %d, %d", name, p.Name, cores, p.Threads, c.profile, c.cores, c.threads)
		}
		within(t, name+": full load, W", full(p.Energy), c.watts-0.1, c.watts+0.1)
		if d := Detect(tree(t, c.text)); d.Model != model || full(d.Profile.Energy) != full(p.Energy) {
			t.Errorf("%s: Detect finds %q, ProfileOf %q", name, d.Model, model)
		}
	}
	if got := genericAMD64.Energy.Clusters[0].Cores; got != 4 {
		t.Errorf("the table itself has %d cores by now, want 4", got)
	}
}
