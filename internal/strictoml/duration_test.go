package strictoml

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	type table struct {
		Wait Duration `toml:"wait"`
	}
	type config struct {
		One  table   `toml:"one"`
		Many []table `toml:"many"`
		note string
	}
	c := config{note: "not for the document"}
	if err := Decode([]byte("[one]\nwait = \"1.5s\""), 100, &c); err != nil || c.One.Wait.Duration != 1500*time.Millisecond {
		t.Errorf("got %v, %v; want 1.5s", c.One.Wait, err)
	}
	if text, err := c.One.Wait.MarshalText(); string(text) != "1.5s" || err != nil {
		t.Errorf("MarshalText = %q, %v", text, err)
	}
	for text, want := range map[string]string{
		"[one]\nwait = 5":                             `line 2: wait: "5" is not a duration: write a number and a unit, like "500ms" or "2s"`,
		"[one]\nwait = \"soon\"":                      `line 2: wait: "soon" is not a duration: write a number and a unit, like "500ms" or "2s"`,
		"[[many]]\nwait = \"1s\"\n[[many]]\n\nwait=1": `line 5: wait: "1" is not a duration: write a number and a unit, like "500ms" or "2s"`,
	} {
		if err := Decode([]byte(text), 100, new(config)); err == nil || err.Error() != want {
			t.Errorf("Decode(%q): %v; want %s", text, err, want)
		}
	}
}
