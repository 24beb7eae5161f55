package board

import (
	"fmt"
	"testing"

	"periph.io/x/conn/v3/physic"
)

func TestInputs(t *testing.T) {
	for _, test := range []struct {
		file string // and what is in it
		want fmt.Stringer
		kind Kind
	}{
		{"temp1_input --\n47500\n", celsiusZero + 47500*physic.MilliKelvin, ""},
		{"temp1_input --\n-89000\n", nil, Invalid},
		{"temp1_input (error EREMOTEIO) --\n", nil, Driver},
		{"power1_input --\n2500000\n", 2500 * physic.MilliWatt, ""},
		{"power1_average --\n1000\n", physic.MilliWatt, ""},
		{"power1_input --\n-1\n", nil, Invalid},
		{"curr2_input --\n-500\n", -500 * physic.MilliAmpere, ""},
		{"in0_input --\n5000\n", 5 * physic.Volt, ""},
		{"in0_input --\n9223372036854775807\n", nil, Invalid},
		{"fan1_input --\n3000\n", Speed(3000), ""},
		{"pwm1 --\n255\n", Drive(255), ""},
		{"pwm1 --\n256\n", nil, Invalid},
	} {
		chips := read(t, "-- sys/class/hwmon/hwmon0/name --\nchip\n-- sys/class/hwmon/hwmon0/"+test.file).chips()
		if len(chips) != 1 || len(chips[0].Inputs) != 1 {
			t.Errorf("%q: got %+v", test.file, chips)
			continue
		}
		if in := chips[0].Inputs[0]; in.Value != test.want || kindOf(in.Problem) != test.kind {
			t.Errorf("%q: got %v, %v, want %v, %q", test.file, in.Value, in.Problem, test.want, test.kind)
		}
	}
	for _, file := range []string{"temp1_max", "temp_input", "pwm1_enable", "pwm1_input", "tempx_input", "uevent", "humidity1_input", "temp1", "temp99999999999999999999_input"} {
		if got := read(t, "-- sys/class/hwmon/hwmon0/"+file+" --\n1\n").chips()[0].Inputs; len(got) != 0 {
			t.Errorf("%s is no input: %+v", file, got)
		}
	}
	both := read(t, "-- sys/class/hwmon/hwmon0/power1_input --\n1\n-- sys/class/hwmon/hwmon0/power1_average --\n2\n").chips()[0].Inputs
	if len(both) != 1 || both[0].File != "power1_input" {
		t.Errorf("power and its average: %+v", both)
	}
}

func TestChip(t *testing.T) {
	c := Detect(tree(t, imaginary)).Chips[0]
	if c.Name != "ina226" || c.Device != "0-0040" || len(c.Inputs) != 5 || c.Inputs[3].Label != "VDD_IN" {
		t.Errorf("got %+v", c)
	}
	old := read(t, "-- sys/class/hwmon/hwmon0/device/name --\nold\n-- sys/class/hwmon/hwmon0/device/temp1_input --\n1000\n").chips()
	if len(old) != 1 || old[0].Name != "old" || len(old[0].Inputs) != 1 || old[0].Inputs[0].Value == nil {
		t.Errorf("an old kernel's: %+v", old)
	}
}

func TestPowers(t *testing.T) {
	const (
		nano    = "-- sys/bus/i2c/devices/6-0040/name --\nina3221x\n-- sys/bus/i2c/devices/6-0040/iio:device0/rail_name_0 --\nPOM_5V_IN\n"
		rail    = "sys/bus/i2c/devices/6-0040/iio:device0/in_power"
		ina3221 = "-- sys/class/hwmon/hwmon0/name --\nina3221\n-- sys/class/hwmon/hwmon0/in1_label --\nVDD_IN\n"
		chip    = "sys/class/hwmon/hwmon0/"
	)
	for _, test := range []struct {
		name, tree string
		power      physic.Power
		kind       Kind
	}{
		{"counter", "-- sys/class/powercap/intel-rapl:0/name --\npackage-0\n-- sys/class/powercap/intel-rapl:0/energy_uj --\n5\n", 0, ""},
		{"counter for root", "-- sys/class/powercap/intel-rapl:0/name --\npackage-0\n-- sys/class/powercap/intel-rapl:0/energy_uj (error EACCES) --\n", 0, Permission},
		{"battery", "-- sys/class/power_supply/BAT0/power_now --\n7500000\n", 7500 * physic.MilliWatt, ""},
		{"battery by current", "-- sys/class/power_supply/BAT0/current_now --\n500000\n-- sys/class/power_supply/BAT0/voltage_now --\n12000000\n", 6 * physic.Watt, ""},
		{"battery that fails", "-- sys/class/power_supply/BAT0/power_now (error ENODEV) --\n", 0, Driver},
		{"battery of nonsense", "-- sys/class/power_supply/BAT0/current_now --\n9223372036854775807\n-- sys/class/power_supply/BAT0/voltage_now --\n9223372036854775807\n", 0, Invalid},
		{"chip", "-- sys/class/hwmon/hwmon0/power1_input --\n1000000\n", physic.Watt, ""},
		{"chip that fails", "-- sys/class/hwmon/hwmon0/power1_input (error EIO) --\n", 0, Driver},
		{"rail", nano + "-- " + rail + "0_input --\n2157\n", 2157 * physic.MilliWatt, ""},
		{"rail that fails", nano + "-- " + rail + "0_input (error EREMOTEIO) --\n", 0, Driver},
		{"rail of nonsense", nano + "-- " + rail + "0_input --\n-9223372036854775808\n", 0, Invalid},
		{"channel", ina3221 + "-- " + chip + "in1_input --\n5000\n-- " + chip + "curr1_input --\n-800\n", -4 * physic.Watt, ""},
		{"channel whose current fails", ina3221 + "-- " + chip + "in1_input --\n5000\n-- " + chip + "curr1_input (error EIO) --\n", 0, Driver},
		{"channel whose voltage fails", ina3221 + "-- " + chip + "in1_input (error EIO) --\n-- " + chip + "curr1_input --\n800\n", 0, Driver},
		{"channel of nonsense", ina3221 + "-- " + chip + "in1_input --\n1000000000\n-- " + chip + "curr1_input --\n1000000000\n", 0, Invalid},
	} {
		r := read(t, test.tree)
		got := r.powers(r.chips())
		if len(got) != 1 || got[0].Power != test.power || kindOf(got[0].Problem) != test.kind {
			t.Errorf("%s: got %+v", test.name, got)
		}
	}
	for tree, want := range map[string]string{
		nano + "-- " + rail + "0_input --\n1\n":                                        "ina3221x POM_5V_IN",
		ina3221 + "-- " + chip + "in1_input --\n1\n-- " + chip + "curr1_input --\n1\n": "ina3221 VDD_IN",
	} {
		r := read(t, tree)
		if got := r.powers(r.chips()); len(got) != 1 || got[0].Name != want {
			t.Errorf("got %+v, want %s", got, want)
		}
	}
	sums := read(t, ina3221+"-- "+chip+"in4_input --\n1\n-- "+chip+"curr4_input --\n1\n-- "+chip+"curr2_input --\n1\n-- "+rail+"0_raw --\n1\n")
	if got := sums.powers(sums.chips()); len(got) != 0 {
		t.Errorf("a sum, a current alone and a raw value are no powers: got %+v", got)
	}
	for _, none := range []string{"-- sys/class/power_supply/AC/type --\nMains\n", "-- sys/class/power_supply/B/current_now --\n1\n", "-- sys/class/powercap/intel-rapl/name --\nx\n"} {
		if got := read(t, none).powers(nil); len(got) != 0 {
			t.Errorf("%q: got %+v", none, got)
		}
	}
}
