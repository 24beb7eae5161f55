package board

import (
	"slices"
	"testing"

	"periph.io/x/conn/v3/physic"
)

const celsiusZero = physic.ZeroCelsius

func TestZones(t *testing.T) {
	const dir = "-- sys/class/thermal/thermal_zone0/"
	for _, test := range []struct {
		name, tree string
		temp       physic.Temperature
		trips      []Trip
		problem    Kind
	}{
		{"reads", dir + "temp --\n54321\n", celsiusZero + 54321*physic.MilliKelvin, []Trip{}, ""},
		{"below zero", dir + "temp --\n-19500\n", celsiusZero - 19500*physic.MilliKelvin, []Trip{}, ""},
		{"dead sensor", dir + "temp --\n-89000\n", 0, []Trip{}, Invalid},
		{"overflow", dir + "temp --\n9223372036854775807\n", 0, []Trip{}, Invalid},
		{"asleep", dir + "temp (error EAGAIN) --\n", 0, []Trip{}, Driver},
		{"broken", dir + "temp (error EIO) --\n", 0, []Trip{}, Driver},
		{"secret", dir + "temp (error EACCES) --\n", 0, []Trip{}, Permission},
		{"none", dir + "type --\ncpu\n", 0, []Trip{}, Absent},
		{"empty", dir + "temp --\n", 0, []Trip{}, Invalid},
		{"trips", dir + "temp --\n0\n" + dir + "trip_point_0_type --\npassive\n" + dir + "trip_point_0_temp --\n80000\n" + dir + "trip_point_0_hyst --\n2000\n" +
			dir + "trip_point_1_type --\ncritical\n" + dir + "trip_point_1_temp --\n-274000\n" + dir + "trip_point_3_type --\nhot\n",
			celsiusZero, []Trip{{"passive", celsiusZero + 80*physic.Kelvin, 2 * physic.Kelvin}, {"critical", 0, 0}}, ""},
	} {
		zones := read(t, test.tree).zones()
		if len(zones) != 1 {
			t.Fatalf("%s: %d zones", test.name, len(zones))
		}
		if z := zones[0]; z.Temp != test.temp || !slices.Equal(z.Trips, test.trips) || kindOf(z.Problem) != test.problem {
			t.Errorf("%s: got %v, %v, %v", test.name, z.Temp, z.Trips, z.Problem)
		}
	}
	if got := read(t, "-- sys/class/thermal/thermal_zone --\n-- sys/class/thermal/thermal_zonex/temp --\n").zones(); len(got) != 0 {
		t.Errorf("not a zone: %v", got)
	}
}

func TestDisabledZone(t *testing.T) {
	zones := read(t, "-- sys/class/thermal/thermal_zone4/mode --\ndisabled\n-- sys/class/thermal/thermal_zone4/temp (error EAGAIN) --\n").zones()
	const want = "the zone is disabled: echo enabled | sudo tee /sys/class/thermal/thermal_zone4/mode"
	if got := zones[0].Problem.Fix; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCoolers(t *testing.T) {
	const dir = "-- sys/class/thermal/cooling_device0/"
	for _, test := range []struct {
		tree string
		want Cooler
		kind Kind
	}{
		{dir + "type --\nfan\n" + dir + "max_state --\n4\n" + dir + "cur_state --\n1\n", Cooler{Name: "cooling_device0", Type: "fan", State: 1, Max: 4}, ""},
		{dir + "type --\nfan\n" + dir + "max_state --\n4\n" + dir + "cur_state (error EIO) --\n", Cooler{Name: "cooling_device0", Type: "fan", Max: 4}, Driver},
		{dir + "type --\nfan\n", Cooler{Name: "cooling_device0", Type: "fan"}, Absent},
	} {
		got := read(t, test.tree).coolers()[0]
		kind := kindOf(got.Problem)
		if got.Problem = nil; got != test.want || kind != test.kind {
			t.Errorf("got %+v, %q, want %+v, %q", got, kind, test.want, test.kind)
		}
	}
}

func TestPolicies(t *testing.T) {
	const dir = "-- sys/devices/system/cpu/cpufreq/policy0/"
	p := Detect(tree(t, imaginary)).Policies[0]
	steps := []physic.Frequency{500 * physic.MegaHertz, physic.GigaHertz, 1500 * physic.MegaHertz}
	if !slices.Equal(p.CPUs, []int{0, 1}) || !slices.Equal(p.Steps, steps) || p.Max != 1500*physic.MegaHertz || p.Min != steps[0] ||
		p.Limit != physic.GigaHertz || !p.Writable || p.Governor != "schedutil" || p.Driver != "cpufreq-dt" || p.Problem != nil {
		t.Errorf("got %+v", p)
	}
	for name, test := range map[string]struct {
		tree string
		kind Kind
	}{
		"read only": {dir + "scaling_max_freq (read-only) --\n1000\n", Permission},
		"no limit":  {dir + "related_cpus --\n0\n", Absent},
		"negative":  {dir + "scaling_max_freq --\n-1\n", Invalid},
		"overflow":  {dir + "scaling_max_freq --\n9223372036854775807\n", Invalid},
		"busy":      {dir + "scaling_max_freq (error EBUSY) --\n", Driver},
	} {
		p := read(t, test.tree).policies()[0]
		if kindOf(p.Problem) != test.kind || p.Writable {
			t.Errorf("%s: got %v, writable %v, want %s", name, p.Problem, p.Writable, test.kind)
		}
	}
}
