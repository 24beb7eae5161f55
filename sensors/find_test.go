package sensors_test

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"atoll/sensors"
	"atoll/sensors/sensorstest"
	"periph.io/x/conn/v3/physic"
)

var (
	hwmonDie   = sensors.Info{Part: "hwmon", Quantity: sensors.Temperature, Place: sensors.PlaceDie}
	hwmonBoard = sensors.Info{Part: "hwmon", Quantity: sensors.Temperature, Place: sensors.PlaceBoard}
	hwmonOther = sensors.Info{Part: "hwmon", Quantity: sensors.Temperature}
	zoneDie    = sensors.Info{Part: "thermal zone", Quantity: sensors.Temperature, Place: sensors.PlaceDie}
	zoneBoard  = sensors.Info{Part: "thermal zone", Quantity: sensors.Temperature, Place: sensors.PlaceBoard}
)

// read returns what the sensor says.
func read(t *testing.T, s sensors.Sensor) int64 {
	t.Helper()
	if s == nil {
		t.Fatal("no such sensor")
	}
	v, err := s.Read()
	if err != nil {
		t.Fatalf("%s: %v", s.Info().Name, err)
	}
	return v
}

// fails checks that the sensor gives an error with that text.
func fails(t *testing.T, s sensors.Sensor, want string) {
	t.Helper()
	if s == nil {
		t.Fatal("no such sensor")
	}
	if v, err := s.Read(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %d, %v, want an error with %q", s.Info().Name, v, err, want)
	}
}

func TestHwmon(t *testing.T) {
	tree := sensorstest.NewTree(t)
	tree.WriteAll(map[string]string{
		"sys/class/hwmon/hwmon0/name":           "k10temp\n",
		"sys/class/hwmon/hwmon0/temp1_input":    "61000\n",
		"sys/class/hwmon/hwmon0/temp1_label":    "Tctl\n",
		"sys/class/hwmon/hwmon1/name":           "nvme\n",
		"sys/class/hwmon/hwmon1/temp1_input":    "38000\n",
		"sys/class/hwmon/hwmon2/name":           "pwmfan\n",
		"sys/class/hwmon/hwmon2/fan1_input":     "3000\n",
		"sys/class/hwmon/hwmon3/name":           "ina226\n",
		"sys/class/hwmon/hwmon3/power1_input":   "4250000\n",
		"sys/class/hwmon/hwmon3/power1_average": "1\n",
		"sys/class/hwmon/hwmon4/name":           "power_meter\n",
		"sys/class/hwmon/hwmon4/power1_average": "95000000\n",
		"sys/class/hwmon/hwmon10/temp1_input":   "1000\n", // no name
	})
	found, problems := find(t, tree, nil)
	if len(problems) > 0 {
		t.Error(problems)
	}
	expect(t, found, map[string]sensors.Info{
		"k10temp/Tctl":       hwmonDie,
		"nvme/temp1":         hwmonOther,
		"pwmfan/fan1":        {Part: "hwmon", Quantity: sensors.Speed},
		"ina226/power1":      {Part: "hwmon", Quantity: sensors.Power, Place: sensors.PlaceBoard},
		"power_meter/power1": {Part: "hwmon", Quantity: sensors.Power, Place: sensors.PlaceTotal},
		"hwmon10/temp1":      hwmonOther,
	})
	if got := physic.Frequency(read(t, found["pwmfan/fan1"])); got != 50*physic.Hertz {
		t.Errorf("3000 rpm: got %v, want 50 Hz", got)
	}
	if got := physic.Power(read(t, found["ina226/power1"])); got != 4250*physic.MilliWatt {
		t.Errorf("got %v, want 4.25 W", got)
	}
	tree.Write("sys/class/hwmon/hwmon2/fan1_input", "-1\n")
	fails(t, found["pwmfan/fan1"], "out of range")
	tree.Write("sys/class/hwmon/hwmon3/power1_input", "5000000000\n")
	fails(t, found["ina226/power1"], "out of range")
}

// TestHwmonTwins has boards on which one sensor shows in two places.
func TestHwmonTwins(t *testing.T) {
	phandle, otherPhandle := "\x00\x00\x00\x2a", "\x00\x00\x00\x2b"
	for name, c := range map[string]struct {
		files map[string]string
		links map[string]string
		want  map[string]sensors.Info
	}{
		"by name": {
			files: map[string]string{
				"sys/class/thermal/thermal_zone0/type": "cpu-thermal", "sys/class/thermal/thermal_zone0/temp": "1",
				"sys/class/hwmon/hwmon0/name": "cpu_thermal", "sys/class/hwmon/hwmon0/temp1_input": "1",
			},
			want: map[string]sensors.Info{"cpu-thermal": zoneDie},
		},
		"by device": {
			files: map[string]string{
				"sys/class/thermal/thermal_zone0/type": "acpitz", "sys/class/thermal/thermal_zone0/temp": "1",
				"sys/class/hwmon/hwmon0/name": "another", "sys/class/hwmon/hwmon0/temp1_input": "1",
			},
			links: map[string]string{"sys/class/hwmon/hwmon0/device": "../../thermal/thermal_zone0"},
			want:  map[string]sensors.Info{"acpitz": zoneBoard},
		},
		"by device tree": {
			files: map[string]string{
				"sys/class/thermal/thermal_zone0/type": "cpu-thermal", "sys/class/thermal/thermal_zone0/temp": "1",
				"sys/firmware/devicetree/base/thermal-zones/cpu-thermal/thermal-sensors": phandle,
				"sys/class/hwmon/hwmon0/name":                                            "tmp105", "sys/class/hwmon/hwmon0/temp1_input": "1",
				"sys/class/hwmon/hwmon0/device/of_node/phandle": phandle,
				"sys/class/hwmon/hwmon1/name":                   "tmp105", "sys/class/hwmon/hwmon1/temp1_input": "1",
				"sys/class/hwmon/hwmon1/device/of_node/phandle": otherPhandle,
			},
			want: map[string]sensors.Info{"cpu-thermal": zoneDie, "tmp105/temp1": hwmonBoard},
		},
		"by channel of the device tree": {
			files: map[string]string{
				"sys/class/thermal/thermal_zone0/type": "cpu-thermal", "sys/class/thermal/thermal_zone0/temp": "1",
				"sys/firmware/devicetree/base/thermal-zones/cpu-thermal/thermal-sensors": phandle + "\x00\x00\x00\x01",
				"sys/class/hwmon/hwmon0/name":                                            "tmp401", "sys/class/hwmon/hwmon0/temp1_input": "1", "sys/class/hwmon/hwmon0/temp2_input": "1",
				"sys/class/hwmon/hwmon0/device/of_node/phandle": phandle,
			},
			want: map[string]sensors.Info{"cpu-thermal": zoneDie, "tmp401/temp1": hwmonBoard},
		},
		"of Intel": {
			files: map[string]string{
				"sys/class/thermal/thermal_zone0/type": "x86_pkg_temp", "sys/class/thermal/thermal_zone0/temp": "1",
				"sys/class/hwmon/hwmon0/name": "coretemp", "sys/class/hwmon/hwmon0/temp1_input": "1", "sys/class/hwmon/hwmon0/temp1_label": "Package id 0",
				"sys/class/hwmon/hwmon0/temp2_input": "1", "sys/class/hwmon/hwmon0/temp2_label": "Core 0",
			},
			want: map[string]sensors.Info{"x86_pkg_temp": zoneDie, "coretemp/Core 0": hwmonDie},
		},
		"none": {
			files: map[string]string{
				"sys/class/thermal/thermal_zone0/type": "acpitz", "sys/class/thermal/thermal_zone0/temp": "1",
				"sys/firmware/devicetree/base/thermal-zones/acpitz/thermal-sensors": "odd",
				"sys/class/hwmon/hwmon0/name":                                       "lm75", "sys/class/hwmon/hwmon0/temp1_input": "1",
			},
			want: map[string]sensors.Info{"acpitz": zoneBoard, "lm75/temp1": hwmonBoard},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tree := sensorstest.NewTree(t)
			tree.WriteAll(c.files)
			for path, target := range c.links {
				tree.Link(path, target)
			}
			found, problems := find(t, tree, nil)
			if len(problems) > 0 {
				t.Error(problems)
			}
			expect(t, found, c.want)
		})
	}
}

// TestHwmonINA3221 is a Jetson: the driver gives voltages and currents, no power.
func TestHwmonINA3221(t *testing.T) {
	tree := sensorstest.NewTree(t)
	dir := "sys/class/hwmon/hwmon0/"
	tree.WriteAll(map[string]string{
		dir + "name": "ina3221\n", dir + "in1_label": "VDD_IN\n", dir + "in1_input": "5024\n", dir + "curr1_input": "812\n",
		dir + "in2_label": "VDD_CPU_GPU_CV\n", dir + "in2_input": "5024\n", dir + "curr2_input": "100\n",
		dir + "curr3_input": "7\n", // no voltage
		dir + "curr4_input": "919\n",
	})
	found, problems := find(t, tree, nil)
	expect(t, found, map[string]sensors.Info{
		"ina3221/VDD_IN":         {Part: "hwmon", Quantity: sensors.Power, Place: sensors.PlaceTotal},
		"ina3221/VDD_CPU_GPU_CV": {Part: "hwmon", Quantity: sensors.Power, Place: sensors.PlaceCPU},
	})
	if len(problems) != 1 {
		t.Errorf("got %v, want one problem", problems)
	}
	if got, want := physic.Power(read(t, found["ina3221/VDD_IN"])), 5024*812*physic.MicroWatt; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	tree.Write(dir+"in1_input", "9999999999\n")
	fails(t, found["ina3221/VDD_IN"], "in1_input: number out of range")
	tree.Write(dir+"in1_input", "1000000000\n")
	tree.Write(dir+"curr1_input", "1000000000\n")
	fails(t, found["ina3221/VDD_IN"], "out of range")
	tree.Write(dir+"curr1_input", "?\n")
	fails(t, found["ina3221/VDD_IN"], "curr1_input: not a number")
}

// TestIIO has a Jetson Nano with L4T 4.9.
func TestIIO(t *testing.T) {
	tree := sensorstest.NewTree(t)
	nano, other := "sys/bus/i2c/devices/6-0040/", "sys/bus/i2c/devices/0-0041/iio:device3/"
	tree.WriteAll(map[string]string{
		nano + "name":                          "ina3221x\n",
		nano + "iio:device0/rail_name_0":       "POM_5V_IN\n",
		nano + "iio:device0/in_power0_input":   "2157\n",
		nano + "iio:device0/rail_name_1":       "POM_5V_GPU\n",
		nano + "iio:device0/in_power1_input":   "40\n",
		nano + "iio:device0/rail_name_2":       "POM_5V_CPU\n",
		nano + "iio:device0/in_power2_input":   "524\n",
		nano + "iio:device0/in_current0_input": "432\n",
		other + "in_power0_label":              "vdd_in\n",
		other + "in_power0_input":              "1\n",
		other + "in_power1_input":              "1\n",
		other + "in_power2_raw":                "1\n", // of unknown scale
		"sys/bus/i2c/devices/i2c-6/name":       "Tegra I2C adapter\n",
	})
	tree.Link("sys/bus/i2c/devices/0-0041/iio:device3/in_power3_input", "nowhere")
	found, problems := find(t, tree, nil)
	power := func(p sensors.Place) sensors.Info {
		return sensors.Info{Part: "iio", Quantity: sensors.Power, Place: p}
	}
	expect(t, found, map[string]sensors.Info{
		"ina3221x/POM_5V_IN":  power(sensors.PlaceTotal),
		"ina3221x/POM_5V_GPU": power(sensors.PlaceOther),
		"ina3221x/POM_5V_CPU": power(sensors.PlaceCPU),
		"iio:device3/vdd_in":  power(sensors.PlaceTotal),
		"iio:device3/power1":  power(sensors.PlaceOther),
	})
	if len(problems) != 1 || problems[0].Part != "iio" {
		t.Errorf("got %v, want one problem", problems)
	}
	in := found["ina3221x/POM_5V_IN"]
	if got := physic.Power(read(t, in)); got != 2157*physic.MilliWatt {
		t.Errorf("got %v, want 2.157 W", got)
	}
	if n := testing.AllocsPerRun(20, func() { in.Read() }); n != 0 {
		t.Errorf("%v allocations per reading", n)
	}
	for content, want := range map[string]string{"": "empty", "?": "not a number", "9999999999": "out of range"} {
		tree.Write(nano+"iio:device0/in_power0_input", content+"\n")
		fails(t, in, want)
	}
}

func TestRAPL(t *testing.T) {
	tree := sensorstest.NewTree(t)
	dir := "sys/class/powercap/intel-rapl:"
	for domain, name := range map[string]string{"0": "package-0", "0:0": "core", "1": "psys", "2": "dram"} {
		tree.Write(dir+domain+"/name", name+"\n")
		tree.Write(dir+domain+"/max_energy_range_uj", "1000000\n")
		tree.Write(dir+domain+"/energy_uj", "900000\n")
	}
	tree.Write("sys/class/powercap/intel-rapl-mmio:0/energy_uj", "1\n")
	clock := sensorstest.NewClock(time.Unix(5000, 0))
	found, problems := find(t, tree, clock)
	expect(t, found, map[string]sensors.Info{
		"rapl/package-0": {Part: "rapl", Quantity: sensors.Power, Place: sensors.PlaceCPU},
		"rapl/psys":      {Part: "rapl", Quantity: sensors.Power, Place: sensors.PlaceTotal},
		"rapl/dram":      {Part: "rapl", Quantity: sensors.Power},
	})
	if len(problems) > 0 {
		t.Error(problems)
	}
	s, energy := found["rapl/package-0"], dir+"0/energy_uj"
	fails(t, s, "this is the first")
	if _, err := s.Read(); !errors.Is(err, sensors.ErrIdle) {
		t.Errorf("first reading: %v, want ErrIdle", err)
	}
	step := func(d time.Duration, content string) { clock.Advance(d); tree.Write(energy, content) }

	step(200*time.Millisecond, "950000\n")
	if got := physic.Power(read(t, s)); got != 250*physic.MilliWatt {
		t.Errorf("50 mJ in 200 ms: got %v, want 250 mW", got)
	}
	step(time.Second, "50000\n") // past the end
	if got := physic.Power(read(t, s)); got != 100*physic.MilliWatt {
		t.Errorf("100 mJ in 1 s, over the end of the counter: got %v, want 100 mW", got)
	}
	step(0, "60000\n")
	fails(t, s, "this is the first") // no time has passed
	step(2*time.Minute, "70000\n")
	fails(t, s, "this is the first") // too long ago
	step(time.Second, "1000001\n")
	fails(t, s, "out of range")
	step(time.Second, "-1\n")
	fails(t, s, "out of range")
	step(time.Second, "3070000 \n")
	fails(t, s, "out of range")
	step(-5*time.Second, "80000\n")
	fails(t, s, "this is the first") // the clock went back
}

func TestRAPLBad(t *testing.T) {
	for name, limit := range map[string]string{"zero": "0\n", "negative": "-1\n", "text": "x\n"} {
		tree := sensorstest.NewTree(t)
		tree.Write("sys/class/powercap/intel-rapl:0/max_energy_range_uj", limit)
		tree.Write("sys/class/powercap/intel-rapl:0/energy_uj", "1\n")
		if found, problems := find(t, tree, nil); len(found) != 0 || len(problems) != 1 || problems[0].Part != "rapl" {
			t.Errorf("%s: got %v, %v", name, found, problems)
		}
	}
}

func TestRAPLPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	tree := sensorstest.NewTree(t)
	tree.Write("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "1000")
	tree.Write("sys/class/powercap/intel-rapl:0/energy_uj", "1")
	if err := os.Chmod(tree.Root+"/sys/class/powercap/intel-rapl:0/energy_uj", 0); err != nil {
		t.Fatal(err)
	}
	_, problems := find(t, tree, nil)
	if len(problems) != 1 || !errors.Is(problems[0], os.ErrPermission) || !strings.Contains(problems[0].Error(), "only root may read it") {
		t.Errorf("got %v", problems)
	}
}

func TestPowerSupply(t *testing.T) {
	tree := sensorstest.NewTree(t)
	dir := "sys/class/power_supply/"
	tree.WriteAll(map[string]string{
		dir + "BAT0/type": "Battery\n", dir + "BAT0/status": "Discharging\n", dir + "BAT0/power_now": "6500000\n",
		dir + "BAT1/type": "Battery\n", dir + "BAT1/status": "Discharging\n", dir + "BAT1/voltage_now": "3700000\n", dir + "BAT1/current_now": "-500000\n",
		dir + "mouse/type": "Battery\n", dir + "mouse/scope": "Device\n", dir + "mouse/power_now": "1\n",
		dir + "AC/type": "Mains\n", dir + "AC/online": "1\n", dir + "AC/power_now": "9000000\n",
		dir + "dumb/type": "Battery\n", dir + "dumb/status": "Discharging\n",
	})
	found, problems := find(t, tree, nil)
	if len(problems) > 0 {
		t.Error(problems)
	}
	want := sensors.Info{Part: "power supply", Quantity: sensors.Power, Place: sensors.PlaceTotal}
	expect(t, found, map[string]sensors.Info{"BAT0": want, "BAT1": want})
	if got := physic.Power(read(t, found["BAT0"])); got != 6500*physic.MilliWatt {
		t.Errorf("got %v, want 6.5 W", got)
	}
	if got := physic.Power(read(t, found["BAT1"])); got != 1850*physic.MilliWatt {
		t.Errorf("got %v, want 1.85 W", got)
	}
	if n := testing.AllocsPerRun(20, func() { found["BAT1"].Read() }); n != 0 {
		t.Errorf("%v allocations per reading", n)
	}
	tree.Write(dir+"BAT0/status", "Charging\n")
	fails(t, found["BAT0"], `status is not "Discharging"`)
	if _, err := found["BAT0"].Read(); !errors.Is(err, sensors.ErrIdle) {
		t.Errorf("a battery that charges: %v, want ErrIdle", err)
	}
	tree.Write(dir+"BAT0/status", "Discharging\n")
	tree.Write(dir+"BAT0/power_now", "\n")
	fails(t, found["BAT0"], "empty")
}

func TestPowerSupplyWithoutBattery(t *testing.T) {
	tree := sensorstest.NewTree(t)
	dir := "sys/class/power_supply/usb/"
	tree.WriteAll(map[string]string{
		dir + "type": "USB\n", dir + "online": "1\n", dir + "voltage_now": "5000000\n", dir + "current_now": "600000\n",
		"sys/class/power_supply/off/type": "Mains\n", "sys/class/power_supply/off/power_now": "1\n", // no online
	})
	found, problems := find(t, tree, nil)
	if len(found) != 1 || len(problems) != 1 {
		t.Fatalf("got %v, %v", found, problems)
	}
	if got := physic.Power(read(t, found["usb"])); got != 3*physic.Watt {
		t.Errorf("got %v, want 3 W", got)
	}
	tree.Write(dir+"online", "0\n")
	fails(t, found["usb"], `online is not "1"`)
}

func TestPartsAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range sensors.Parts() {
		if p.Kind == "" || p.Summary == "" || p.Where == "" || seen[p.Kind] {
			t.Errorf("part %+v lacks something or is there twice", p)
		}
		if (p.Find == nil) == (p.Open == nil) || (p.Open == nil) != (p.Keys == nil) {
			t.Errorf("part %s is neither found nor configured, or both", p.Kind)
		}
		seen[p.Kind] = true
	}
}

// TestPartsInDocs holds the table of docs/sensors.md to the parts: their kinds, and the
// keys that each takes.
func TestPartsInDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/sensors.md")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(page), "[[sensor]]")
	code := regexp.MustCompile("`([^`]+)`")
	documented := map[string][]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		kind := code.FindStringSubmatch(cells[0])
		if !strings.HasPrefix(line, "|") || kind == nil {
			continue
		}
		var keys []string
		for _, key := range code.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			keys = append(keys, key[1])
		}
		documented[kind[1]] = keys
	}
	for _, p := range sensors.Parts() {
		keys, ok := documented[p.Kind]
		if !ok || !slices.Equal(keys, p.Keys) {
			t.Errorf("docs/sensors.md has %s with the keys %v, want %v", p.Kind, keys, p.Keys)
		}
		delete(documented, p.Kind)
	}
	if len(documented) > 0 {
		t.Errorf("docs/sensors.md has what there is not: %v", documented)
	}
}

func TestProblem(t *testing.T) {
	cause := errors.New("no permission")
	p := sensors.Problem{Part: "rapl", Err: cause}
	if p.Error() != "rapl: no permission" || !errors.Is(p, cause) {
		t.Errorf("got %v", p)
	}
}
