package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"atoll/sensors"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"one", []string{"one"}},
		{"one two three", []string{"one two", "three"}},
		{"a beyond-measure b", []string{"a", "beyond-measure", "b"}},
		{"12345 °C ok", []string{"12345 °C", "ok"}},
	} {
		if got := wrap(c.text, 8); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
	long := strings.Repeat("word ", 20)
	if got, want := fit("  kept  as is\n"+long), "  kept  as is\n"+strings.TrimSpace(long[:80])+"\n"+strings.TrimSpace(long[80:]); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The help of every command, hidden ones too, fits a terminal.
func TestHelpFits(t *testing.T) {
	t.Setenv("HOME", "/home/user")
	t.Setenv("XDG_STATE_HOME", "")
	var walk func(cmd *cobra.Command)
	count := 0
	walk = func(cmd *cobra.Command) {
		count++
		helpOf(t, strings.Fields(cmd.CommandPath())[1:]...)
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
	if count < 20 {
		t.Errorf("%d commands, which can't be all", count)
	}
}

// The help of config default says of every kind of sensor what it takes.
func TestSensorHelp(t *testing.T) {
	help := strings.Join(strings.Fields(sensorHelp()), " ")
	for _, p := range sensors.Parts() {
		want := p.Kind + " " + p.Summary + "; " + p.Where
		if p.Open != nil {
			want += "; keys: " + strings.Join(p.Keys, ", ")
		}
		if !strings.Contains(help, want) {
			t.Errorf("no %q in %s", want, help)
		}
	}
}
