package sensors

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"periph.io/x/conn/v3/physic"
)

// Config is one [[sensor]] table of the configuration file: a part on an I2C bus.
// Each kind takes the keys that its file registers; any other is an error.
type Config struct {
	Name    string     `toml:"name"`              // what readings and logs call it; unique
	Kind    string     `toml:"kind"`              // of a Part that is configured
	Bus     string     `toml:"bus"`               // "1", "i2c-1" or "/dev/i2c-1"
	Address uint16     `toml:"address,omitempty"` // of 7 bits; 0: the part's own
	Shunt   Resistance `toml:"shunt,omitempty"`   // that a current flows through
	Channel int        `toml:"channel,omitempty"` // of a part with more than one, from 1
	Place   string     `toml:"place,omitempty"`   // what it measures; "": total for a power, board for a temperature
}

// Resistance is how a TOML document writes one: "10mΩ" or "10mohm".
type Resistance struct{ physic.ElectricResistance }

// maxShunt is far above any shunt: more would be a slip of the unit.
const maxShunt = 10 * physic.Ohm

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Resistance) UnmarshalText(text []byte) error {
	if len(text) > 40 {
		return fmt.Errorf("%.40q… is not a resistance", text)
	}
	if err := r.Set(string(text)); err != nil {
		return fmt.Errorf("%q is not a resistance: write a number and a unit, like \"10mΩ\" or \"10mohm\"", text)
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (r Resistance) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// placesOf are the places that a configured quantity can belong to, the usual one
// first.
var placesOf = map[Quantity][]Place{
	Temperature: {PlaceBoard, PlaceDie, PlaceTPU, PlaceOther},
	Power:       {PlaceTotal, PlaceCPU, PlaceTPU, PlaceBoard, PlaceOther},
}

// place returns where a sensor of quantity q measures.
func (c Config) place(q Quantity) (Place, error) {
	can := placesOf[q]
	if c.Place == "" {
		return can[0], nil
	}
	var names []string
	for _, p := range can {
		if p.String() == c.Place {
			return p, nil
		}
		names = append(names, p.String())
	}
	return 0, fmt.Errorf("place: %q is no place of a %v: use %s", c.Place, q, strings.Join(names, ", "))
}

// busNumber returns the number of the bus.
func (c Config) busNumber() (string, error) {
	number := strings.TrimPrefix(strings.TrimPrefix(c.Bus, "/dev/"), "i2c-")
	if n, err := strconv.ParseUint(number, 10, 16); err != nil || strconv.FormatUint(n, 10) != number {
		return "", fmt.Errorf("bus: %.40q is no I2C bus: use its number, like \"1\" for /dev/i2c-1", c.Bus)
	}
	return number, nil
}

// Check reports what is wrong with c, and touches nothing. The error names the
// sensor, the key and the remedy.
func (c Config) Check() error {
	if c.Name == "" {
		return fmt.Errorf("a sensor of kind %q has no name: give it one", c.Kind)
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("sensor %q: %w", c.Name, err)
	}
	return nil
}

func (c Config) check() error {
	if plain(c.Name) != c.Name {
		return fmt.Errorf("name: use up to %d printable ASCII characters", maxName)
	}
	p, err := partOf(c.Kind)
	if err != nil {
		return err
	}
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("toml"), ",")
		if !v.Field(i).IsZero() && !slices.Contains([]string{"name", "kind", "place"}, key) && !slices.Contains(p.Keys, key) {
			return fmt.Errorf("%s has no use for %s: it takes %s", c.Kind, key, strings.Join(p.Keys, ", "))
		}
	}
	return p.check(c)
}

// CheckAll reports the first sensor of a set that is wrong, without opening any: also
// a name that is given twice, and two sensors of one chip and channel.
func CheckAll(cfgs []Config) (index int, err error) {
	names, chips := map[string]bool{}, map[string]string{}
	for i, c := range cfgs {
		if err := c.Check(); err != nil {
			return i, err
		}
		if names[c.Name] {
			return i, fmt.Errorf("sensor %q: the name is taken: every sensor needs its own", c.Name)
		}
		names[c.Name] = true
		bus, _ := c.busNumber() // Check has seen to it
		chip := fmt.Sprintf("%s %#x %d", bus, c.address(), c.Channel)
		if other, taken := chips[chip]; taken {
			return i, fmt.Errorf("sensor %q: %q reads that bus, address and channel already", c.Name, other)
		}
		chips[chip] = c.Name
	}
	return 0, nil
}
