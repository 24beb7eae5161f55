package pins

import (
	"slices"
	"strings"
	"testing"
)

const sum = "9dfff0627def4e999f66a80d0fb57fd0651d12d525dcd67d6c24f1e9bca72b93"

func TestParse(t *testing.T) {
	set, err := Parse(strings.NewReader(`
# comment
source  tensorflow 2.14.1 sid - tensorflow.tar.xz 55 ` + sum + `
deb ruy 1-2 trixie arm64 ruy_arm64.deb 7 ` + sum + `
deb ruy 1-2 trixie amd64 ruy_amd64.deb 8 ` + sum + `
npm @a/b 1.0 - - a-b-1.0.tgz 9 ` + sum + `
content @a/b 1.0 - - dist/x.onnx 3 ` + sum + `
golang golang-1 1 bookworm amd64 golang.deb 3 ` + sum))
	if err != nil {
		t.Fatal(err)
	}
	want := Pin{Kind: Source, Name: "tensorflow", Version: "2.14.1", Suite: "sid", File: "tensorflow.tar.xz", Bytes: 55, SHA256: sum}
	if set[0] != want {
		t.Errorf("first pin = %+v; want %+v", set[0], want)
	}
	if got, want := set.Suites(), []string{"sid", "trixie"}; !slices.Equal(got, want) {
		t.Errorf("Suites() = %q; want %q: bootstrap.sh's own are not ours", got, want)
	}
	if p, err := set.Find(Deb, "ruy", "amd64"); err != nil || p.Bytes != 8 {
		t.Errorf("Find(ruy, amd64) = %+v, %v; want the one of 8 bytes", p, err)
	}
	if p, err := set.Content("@a/b", "dist/x.onnx"); err != nil || p.Bytes != 3 {
		t.Errorf("Content(dist/x.onnx) = %+v, %v; want the one of 3 bytes", p, err)
	}
	for _, missing := range []func() error{
		func() error { _, err := set.Find(Deb, "ruy", "mips"); return err },
		func() error { _, err := set.Find(NPM, "ruy", "amd64"); return err },
		func() error { _, err := set.Content("@a/b", "dist/y.onnx"); return err },
	} {
		if missing() == nil {
			t.Error("a pin that is not there was found")
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"few columns", "source a 1 sid - f 5", "line 1: has 7 columns"},
		{"unknown kind", "tarball a 1 sid - f 5 " + sum, `unknown kind "tarball"`},
		{"no size", "source a 1 sid - f big " + sum, `size "big"`},
		{"size zero", "source a 1 sid - f 0 " + sum, `size "0"`},
		{"short sum", "source a 1 sid - f 5 " + sum[2:], "no SHA256"},
		{"sum in capitals", "source a 1 sid - f 5 " + strings.ToUpper(sum), "no SHA256"},
		{"sum not hex", "source a 1 sid - f 5 " + "zz" + sum[2:], "no SHA256"},
		{"Debian without suite", "source a 1 - - f 5 " + sum, "only Debian's files have a suite"},
		{"npm with suite", "npm a 1 sid - f 5 " + sum, "only Debian's files have a suite"},
		{"twice", "\nnpm a 1 - - f 5 " + sum + "\nnpm a 1 - - f 5 " + sum, "line 3: a f is listed twice"},
		{"content of nothing", "content a 1 - - f 5 " + sum, "no such package"},
		{"content of another version", "npm a 2 - - g 5 " + sum + "\ncontent a 1 - - f 5 " + sum, "no such package"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Parse(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Parse error = %v; want one with %q", err, c.want)
			}
		})
	}
}

func TestCommitted(t *testing.T) {
	set, err := Committed()
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		if _, err := set.Find(Deb, "libruy-dev", arch); err != nil {
			t.Error(err)
		}
	}
	for _, p := range set {
		if strings.Contains(p.File, "..") {
			t.Errorf("%s: file %q leads out of its folder", p, p.File)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(committed)
	f.Add("npm a 1 - - f 5 " + sum)
	f.Fuzz(func(t *testing.T, text string) {
		set, err := Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, p := range set {
			if p.Bytes <= 0 || len(p.SHA256) != 64 || p.Name == "" || p.File == "" {
				t.Errorf("accepted %+v", p)
			}
		}
	})
}
