package source

import (
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"atoll/internal/strictoml"
)

func TestConfigInTOML(t *testing.T) {
	const text = `
name = "porch"
kind = "pictures"
path = "album"
interval = "1.5s"
loop = true
`
	want := Config{Name: "porch", Kind: "pictures", Path: "album", Interval: Duration{Duration: 1500 * time.Millisecond}, Loop: true}
	var got Config
	if err := toml.NewDecoder(strings.NewReader(text)).DisallowUnknownFields().Decode(&got); err != nil || got != want {
		t.Errorf("Decode = %+v, %v; want %+v", got, err, want)
	}
	out, err := toml.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var again Config
	if err := toml.Unmarshal(out, &again); err != nil || again != want {
		t.Errorf("written as %s it reads as %+v, %v", out, again, err)
	}
	if strings.Contains(string(out), "width") || strings.Contains(string(out), "timeout") {
		t.Errorf("a key that is not set was written:\n%s", out)
	}
	if err := strictoml.Decode([]byte(`interval = "soon"`), 100, &got); err == nil || !strings.Contains(err.Error(), "500ms") {
		t.Errorf("interval = soon: %v", err)
	}
}
