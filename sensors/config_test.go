package sensors_test

import (
	"strings"
	"testing"

	"atoll/internal/strictoml"
	"atoll/sensors"
	"periph.io/x/conn/v3/physic"
)

type document struct {
	Sensors []sensors.Config `toml:"sensor"`
}

func TestConfig(t *testing.T) {
	var d document
	err := strictoml.Decode([]byte(`
[[sensor]]
name = "supply"
kind = "ina226"
bus = "1"
address = 0x41
shunt = "10mΩ"

[[sensor]]
name = "cpu"
kind = "ina3221"
bus = "/dev/i2c-6"
shunt = "5mohm"
channel = 2
place = "cpu"

[[sensor]]
name = "air"
kind = "tmp102"
bus = "i2c-0"
`), 1000, &d)
	if err != nil {
		t.Fatal(err)
	}
	if i, err := sensors.CheckAll(d.Sensors); err != nil {
		t.Fatalf("sensor %d: %v", i, err)
	}
	want := []sensors.Info{
		{Name: "supply", Part: "ina226", Quantity: sensors.Power, Place: sensors.PlaceTotal},
		{Name: "cpu", Part: "ina3221", Quantity: sensors.Power, Place: sensors.PlaceCPU},
		{Name: "air", Part: "tmp102", Quantity: sensors.Temperature, Place: sensors.PlaceBoard},
	}
	for i, c := range d.Sensors {
		s, err := sensors.Open(sensors.Env{Root: t.TempDir()}, c)
		if err != nil {
			t.Error(err)
		} else if s.Info() != want[i] || s.Close() != nil {
			t.Errorf("got %+v, want %+v", s.Info(), want[i])
		}
	}
	if got := d.Sensors[1].Shunt.ElectricResistance; got != 5*physic.MilliOhm {
		t.Errorf("shunt: got %v, want 5 mΩ", got)
	}
	text, err := d.Sensors[0].Shunt.MarshalText()
	var again sensors.Resistance
	if err != nil || again.UnmarshalText(text) != nil || again != d.Sensors[0].Shunt {
		t.Errorf("%s becomes %v, %v", text, again, err)
	}
}

func TestConfigDecodeErrors(t *testing.T) {
	for text, want := range map[string]string{
		"[[sensor]]\nshunt = \"ten\"":                            `line 2: sensor.shunt: "ten" is not a resistance`,
		"[[sensor]]\nshunt = \"10mV\"":                           `"10mV" is not a resistance: write a number and a unit`,
		"[[sensor]]\nshunt = 10":                                 "is not a resistance",
		"[[sensor]]\nshunt = \"" + strings.Repeat("1", 99) + `"`: "… is not a resistance",
		"[[sensor]]\naddress = 70000":                            "address",
		"[[sensor]]\naddress = -1":                               "address",
		"[[sensor]]\nadress = 1":                                 `line 2: unknown key "sensor.adress"`,
	} {
		if err := strictoml.Decode([]byte(text), 1000, new(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	with := func(kind string, change func(*sensors.Config)) sensors.Config {
		c := config(kind)
		change(&c)
		return c
	}
	for _, c := range []struct {
		cfg  sensors.Config
		want string
	}{
		{with("ina226", func(c *sensors.Config) { c.Name = "" }), `a sensor of kind "ina226" has no name`},
		{with("ina226", func(c *sensors.Config) { c.Name = "a\nb" }), "name: use up to 64 printable"},
		{with("ina226", func(c *sensors.Config) { c.Name = strings.Repeat("a", 65) }), "name: use up to 64 printable"},
		{config("ina227"), `sensor "it": unknown kind "ina227": use one of ina219, ina226, ina260, ina3221, mcp9808, tmp102`},
		{config("rapl"), `unknown kind "rapl"`},
		{with("ina226", func(c *sensors.Config) { c.Channel = 1 }), "ina226 has no use for channel: it takes bus, address, shunt"},
		{with("ina260", func(c *sensors.Config) { c.Shunt = milliOhm10 }), "ina260 has no use for shunt"},
		{with("tmp102", func(c *sensors.Config) { c.Bus = "" }), `bus: "" is no I2C bus`},
		{with("tmp102", func(c *sensors.Config) { c.Bus = "../1" }), "is no I2C bus"},
		{with("tmp102", func(c *sensors.Config) { c.Bus = "01" }), "is no I2C bus"},
		{with("tmp102", func(c *sensors.Config) { c.Bus = "-1" }), "is no I2C bus"},
		{with("tmp102", func(c *sensors.Config) { c.Address = 0x40 }), "address: 0x40: tmp102 can have 0x48 to 0x4B"},
		{with("ina3221", func(c *sensors.Config) { c.Address = 0x44 }), "address: 0x44"},
		{with("ina226", func(c *sensors.Config) { c.Shunt.ElectricResistance = 0 }), "shunt: 0Ω: give the resistance"},
		{with("ina226", func(c *sensors.Config) { c.Shunt.ElectricResistance = -1 }), "shunt: "},
		{with("ina226", func(c *sensors.Config) { c.Shunt.ElectricResistance = 11 * physic.Ohm }), "shunt: 11Ω: give the resistance that the current flows through, up to 10Ω"},
		{with("ina3221", func(c *sensors.Config) { c.Channel = 0 }), "channel: 0: use 1 to 3"},
		{with("ina3221", func(c *sensors.Config) { c.Channel = 4 }), "channel: 4: use 1 to 3"},
		{with("ina226", func(c *sensors.Config) { c.Place = "die" }), `place: "die" is no place of a power: use total, cpu, tpu, board, other`},
		{with("tmp102", func(c *sensors.Config) { c.Place = "total" }), `place: "total" is no place of a temperature`},
	} {
		if err := c.cfg.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
		if _, err := sensors.Open(sensors.Env{Root: t.TempDir()}, c.cfg); err == nil {
			t.Errorf("%+v was opened", c.cfg)
		}
	}
}

func TestConfigCheckAll(t *testing.T) {
	second := func(change func(*sensors.Config)) []sensors.Config {
		a, b := config("ina3221"), config("ina3221")
		b.Name, b.Channel = "other", 3
		change(&b)
		return []sensors.Config{a, b}
	}
	if _, err := sensors.CheckAll(second(func(*sensors.Config) {})); err != nil {
		t.Error(err)
	}
	for want, cfgs := range map[string][]sensors.Config{
		`sensor "it": the name is taken`:                                   second(func(c *sensors.Config) { c.Name = "it" }),
		`sensor "other": "it" reads that bus, address and channel already`: second(func(c *sensors.Config) { c.Channel, c.Address, c.Bus = 2, 0x40, "i2c-1" }),
		`sensor "other": channel: 9`:                                       second(func(c *sensors.Config) { c.Channel = 9 }),
	} {
		if i, err := sensors.CheckAll(cfgs); i != 1 || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %d, %v, want %s", i, err, want)
		}
	}
}
