package fetch

import (
	"reflect"
	"strings"
	"testing"
)

func TestChooseMirror(t *testing.T) {
	for _, c := range []struct{ name, targets, want string }{
		{"security first", "http://m/security/|bookworm-security|main|Debian-Security\nhttp://m/debian/|bookworm|main|Debian\n", "http://m/debian/"},
		{"updates first", "http://u/|bookworm-updates|main|Debian\nhttp://m/|bookworm|main|Debian\n", "http://m/"},
		{"third party first", "http://third/|stable|main|Third\nhttp://m/|bookworm|main|Debian\n", "http://m/"},
		{"before the first update", "http://s/|bookworm-security|main|\nhttp://m/|bookworm|main|\n", "http://m/"},
		{"third party before the first update", "http://third/|nodistro|main|\nhttp://m/|bookworm|main|\n", "http://m/"},
		{"labelled wins", "http://a/|stable|main|\nhttp://m/|trixie|main|Debian\n", "http://m/"},
		{"contrib is not enough", "http://m/|bookworm|contrib|Debian\n", ""},
		{"security alone", "http://m/|bookworm-security|main|Debian-Security\n", ""},
		{"nothing", "", ""},
		{"broken line", "http://m/ bookworm main\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := chooseMirror(c.targets, "bookworm")
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("chooseMirror = %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestCodename(t *testing.T) {
	for text, want := range map[string]string{
		"ID=debian\nVERSION_CODENAME=bookworm\n": "bookworm",
		"VERSION_CODENAME=\"trixie\"":            "trixie",
		"ID=debian\n":                            "",
		"":                                       "",
	} {
		if got := codename(text); got != want {
			t.Errorf("codename(%q) = %q; want %q", text, got, want)
		}
	}
}

func TestParseStanzas(t *testing.T) {
	got, err := parseStanzas(strings.NewReader("A: 1\nB:\n x\n\ty\n\n\n\nA: 2\n"))
	want := []map[string]string{{"A": "1", "B": "\nx\ny"}, {"A": "2"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("parseStanzas = %q, %v; want %q", got, err, want)
	}
	for name, text := range map[string]string{
		"continues nothing":     " x\n",
		"continues after a gap": "A: 1\n\n x\n",
		"no colon":              "A: 1\nnonsense\n",
		"endless line":          "A: " + strings.Repeat("x", maxIndexLine) + "\n",
	} {
		if _, err := parseStanzas(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParseStanzas(f *testing.F) {
	f.Add("A: 1\nB:\n x\n\nA: 2\n")
	f.Add(" x\n")
	f.Fuzz(func(t *testing.T, text string) {
		stanzas, err := parseStanzas(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, s := range stanzas {
			if len(s) == 0 {
				t.Error("a stanza without fields")
			}
		}
	})
}

func FuzzChooseMirror(f *testing.F) {
	f.Add("http://m/|bookworm|main|Debian\n")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := chooseMirror(text, "bookworm"); err == nil && !strings.Contains(text, got+"|") {
			t.Errorf("chose %q, which is not there", got)
		}
	})
}
