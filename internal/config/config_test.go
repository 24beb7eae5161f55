package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
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
		"[engine]\n\nthreads = 65":                             "line 3: engine.threads: 65 threads: use 1 to 64",
		"[engine]\ndeadline = \"0s\"":                          "line 2: engine.deadline: ",
		"[engine]\ndeadline = 5":                               "line 2: ",
		"[engine]\ndeadline = \"soon\"":                        "line 2: ",
		"[vision]\nvariant = \"huge\"":                         "line 2: vision.variant: no vision variant \"huge\": use one of [\"short\"",
		"[log]\nlevel = \"loud\"":                              "line 2: log.level: ",
		"[log]\nfile_mb = 0":                                   "line 2: log.file_mb: ",
		"[log]\nfile_mb = 40":                                  "line 1: log.max_mb: 64: use at least twice file_mb (40)",
		"[log]\nsync = \"-1s\"":                                "line 2: log.sync: ",
		"[[source]]\nname = \"a\"\nkind = \"no\"":              "line 1: source \"a\": unknown kind",
		"[[source]]\nname=\"a\"\nkind=\"tail\"\n[[source]]":    "line 4: a source of kind",
		"[[source]]\nname=\"a\"\nkind=\"tail\"\nurl=\"http:\"": "line 1: source \"a\": tail has no use for url",
		"[[cue]]\nname = \"face\"\nmodality = \"smell\"":       "line 3: ",
		"[[event]]\nname = \"e\"\nweights = { nose = 1.0 }":    "line 3: ",
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

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.toml")
	if err := os.WriteFile(path, []byte("[engine]\nthreads = 0"), 0o640); err != nil {
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
	f.Fuzz(func(t *testing.T, document []byte) {
		c, err := Parse(document)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		if len(c.Events) > 64 || c.Engine.Threads < 1 {
			t.Errorf("unsound configuration passed: %+v", c)
		}
	})
}
