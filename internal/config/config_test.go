package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
	"periph.io/x/conn/v3/physic"

	"atoll/internal/strictoml"
	"atoll/model"
)

// The commented default says what an empty file means.
func TestDefaultIsThatOfAnEmptyFile(t *testing.T) {
	empty, err := Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := Default(); !reflect.DeepEqual(got, empty) {
		t.Errorf("default.toml gives %+v, an empty file %+v", got, empty)
	}
}

// What show prints is a configuration, and the same one.
func TestShownIsTheSame(t *testing.T) {
	want := Default()
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(want); err != nil {
		t.Fatal(err)
	}
	got, err := Parse(b.Bytes())
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCuesAndEventsReplaceAll(t *testing.T) {
	c, err := Parse([]byte("[[event]]\nname = \"seen\"\nweights = { face = 1.0 }\non = 0.7\noff = 0.3\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Events) != 1 || c.Events[0].Name != "seen" || len(c.Cues) != len(Default().Cues) {
		t.Errorf("%d events and %d cues, want one event and the default cues", len(c.Events), len(c.Cues))
	}
}

func TestParseNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"[engine]\nthread = 1":                                 `line 2: unknown key "engine.thread": see atoll config default for those there are`,
		"x = 1":                                                "line 1: unknown key",
		"[engine]\n\nthreads = 65":                             "line 3: engine.threads: 65 threads: use 1 to 64, or 0 for as many as suit the board",
		"[engine]\ndeadline = \"0s\"":                          "line 2: engine.deadline: ",
		"[engine]\ndeadline = 5":                               "line 2: ",
		"[engine]\ndeadline = \"soon\"":                        "line 2: ",
		"[vision]\nvariant = \"huge\"":                         "line 2: vision.variant: no vision variant \"huge\": use one of [\"short\"",
		"[vision]\nvariant = \"auto\"\naccuracy = 1.5":         "line 3: vision.accuracy: 1.5: use 0 to 1",
		"[audio]\nvariant = \"auto\"\naccuracy = nan":          "line 3: audio.accuracy: NaN: use 0 to 1",
		"[text]\nvariant = \"auto\"\nlatency = \"501ms\"":      "line 3: text.latency: 501ms: use a time up to engine.deadline (500ms)",
		"[text]\nvariant = \"auto\"\nlatency = \"-1ms\"":       "line 3: text.latency: -1ms: use",
		"[vision]\naccuracy = 0.9":                             "line 2: vision.accuracy: is for variant = \"auto\" only",
		"[audio]\nlatency = \"5ms\"":                           "line 2: audio.latency: is for variant = \"auto\" only",
		"[log]\nlevel = \"loud\"":                              "line 2: log.level: ",
		"[log]\nfile_mb = 0":                                   "line 2: log.file_mb: ",
		"[log]\nfile_mb = 40":                                  "line 1: log.max_mb: 64: use at least twice file_mb (40)",
		"[log]\nsync = \"-1s\"":                                "line 2: log.sync: ",
		"[[source]]\nname = \"a\"\nkind = \"no\"":              "line 1: source \"a\": unknown kind",
		"[[source]]\nname=\"a\"\nkind=\"tail\"\n[[source]]":    "line 4: a source of kind",
		"[[source]]\nname=\"a\"\nkind=\"tail\"\nurl=\"http:\"": "line 1: source \"a\": tail has no use for url",
		"[[cue]]\nname = \"face\"\nmodality = \"smell\"":       "line 3: ",
		"[[event]]\nname = \"e\"\nweights = { nose = 1.0 }":    "line 3: ",
		"[thermal]\nset_point = 29.9":                          "line 2: thermal.set_point: 29.9 °C: use 30 to 100",
		"[thermal]\nset_point = nan":                           "line 2: thermal.set_point: ",
		"[thermal]\nset_point = 75":                            "line 1: thermal.alert: 75 °C: use more than set_point (75), up to 100",
		"[thermal]\nalert = 69.5":                              "line 2: thermal.alert: ",
		"[thermal]\nalert = nan":                               "line 2: thermal.alert: ",
		"[thermal]\nshutdown = 75":                             "line 2: thermal.shutdown: 75 °C: use more than alert (75), up to 100",
		"[thermal]\nshutdown = 100.5":                          "line 2: thermal.shutdown: ",
		"[thermal]\nshutdown = inf":                            "line 2: thermal.shutdown: ",
		"[thermal]\nset_point = \"70\"":                        "line 2: ",
		"[thermal]\nfan = 1":                                   "line 2: unknown key \"thermal.fan\"",
		"\n[[sensor]]\nname = \"x\"\nkind = \"no\"":            "line 2: sensor \"x\": ",
		"[[sensor]]\nname=\"a\"\nkind=\"tmp102\"\nbus=\"1\"\n" +
			"[[sensor]]\nname=\"a\"\nkind=\"tmp102\"\nbus=\"2\"": "line 5: sensor \"a\": the name is taken",
		"[[sensor]]\nname=\"a\"\nkind=\"ina219\"\nshunt=\"ten\"": "line 4: ",
		"[engine":                       "line 1: ",
		"a = \"\x00\"":                  "line 1: ",
		strings.Repeat("#", MaxBytes+1): "1048577 bytes are more than the limit of 1048576",
	} {
		_, err := Parse([]byte(text))
		if _, ok := errors.AsType[*Error](err); !ok || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Parse(%.60q): %v; want %s", text, err, want)
		}
	}
}

// A file of nothing but headers is refused at its 33rd source, in time.
func TestTooManySources(t *testing.T) {
	_, err := Parse([]byte(strings.Repeat("[[source]]\n", 90_000)))
	if want := "line 33: 90000 sources: at most 32"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestTooManySensors(t *testing.T) {
	_, err := Parse([]byte(strings.Repeat("[[sensor]]\n", 90_000)))
	if want := "line 33: 90000 sensors: at most 32"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestThermal(t *testing.T) {
	c, err := Parse([]byte("[thermal]\nset_point = 60\nalert = 65.5\ncontrol = false\n" +
		"[[sensor]]\nname = \"supply\"\nkind = \"ina226\"\nbus = \"1\"\naddress = 0x41\nshunt = \"10mΩ\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Thermal{SetPoint: 60, Alert: 65.5, Shutdown: 85}); c.Thermal != want {
		t.Errorf("got %+v, want %+v", c.Thermal, want)
	}
	if got, want := c.Thermal.Alert.Temperature(), physic.ZeroCelsius+65500*physic.MilliCelsius; got != want {
		t.Errorf("alert is %v, want %v", got, want)
	}
	if len(c.Sensors) != 1 || c.Sensors[0].Address != 0x41 || c.Sensors[0].Shunt.ElectricResistance != 10*physic.MilliOhm {
		t.Errorf("sensors %+v", c.Sensors)
	}
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(c); err != nil {
		t.Fatal(err)
	}
	shown, err := Parse(b.Bytes())
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	if !reflect.DeepEqual(shown.Sensors, c.Sensors) || shown.Thermal != c.Thermal {
		t.Errorf("shown %+v %+v, want the same as %+v %+v", shown.Thermal, shown.Sensors, c.Thermal, c.Sensors)
	}
}

func TestAuto(t *testing.T) {
	c, err := Parse([]byte("[audio]\nvariant = \"auto\"\naccuracy = 0.9\nlatency = \"5ms\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Sense{Variant: model.Auto, Accuracy: 0.9, Latency: strictoml.Duration{Duration: 5 * time.Millisecond}}
	if got := c.Sense(model.Audio); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := c.Sense(model.Vision), Default().Vision; got != want {
		t.Errorf("vision %+v, want %+v", got, want)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.toml")
	if err := os.WriteFile(path, []byte("[engine]\nthreads = -1"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+":2: engine.threads") {
		t.Errorf("got %v, want the file and the line", err)
	}
	if _, err := Load(filepath.Join(dir, "b.toml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder: got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(DefaultTOML()))
	f.Add([]byte("[[source]]\nname = \"a\"\nkind = \"lines\"\n"))
	f.Add([]byte("[thermal]\nset_point = 60\n[[sensor]]\nname = \"a\"\nkind = \"ina219\"\nbus = \"1\"\nshunt = \"10mΩ\"\n"))
	f.Fuzz(func(t *testing.T, document []byte) {
		c, err := Parse(document)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		if len(c.Events) > 64 || c.Engine.Threads < 0 || !(c.Thermal.Shutdown <= 100) || len(c.Sensors) > maxSensors {
			t.Errorf("unsound configuration passed: %+v", c)
		}
	})
}
