package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atoll/build/internal/command"
	"atoll/build/internal/pins"
)

// registry is a fake of all clients: it answers index questions with index and writes body where a download belongs.
type registry struct {
	index   string
	targets string
	body    string
	zip     string
	fail    string // name of the program that fails
	calls   [][]string
}

var errDown = errors.New("registry is down")

func (r *registry) Run(_ context.Context, c command.Cmd) error {
	r.calls = append(r.calls, c.Argv)
	name := filepath.Base(c.Argv[0])
	if name == r.fail {
		return errDown
	}
	answer, dest := "", ""
	switch {
	case name == "apt-get" && c.Argv[1] == "indextargets":
		answer = r.targets
	case name == "apt-cache":
		answer = r.index
	case name == "apt-helper":
		dest = c.Argv[4]
	case name == "npm":
		dest = filepath.Join(c.Argv[4], "a-b-1.0.tgz")
	case name == "go":
		answer = `{"Zip": "` + r.zip + `"}`
	}
	if answer != "" {
		_, err := io.WriteString(c.Stdout, answer)
		return err
	}
	if dest != "" {
		return os.WriteFile(dest, []byte(r.body), 0o640)
	}
	return nil
}

func (r *registry) count(name string) int {
	n := 0
	for _, argv := range r.calls {
		if filepath.Base(argv[0]) == name {
			n++
		}
	}
	return n
}

func pin(kind pins.Kind, body string) pins.Pin {
	p := pins.Pin{Kind: kind, Name: "thing", Version: "1.0", File: "thing_1.0.tar.xz", Bytes: int64(len(body)), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(body)))}
	switch kind {
	case pins.Source:
		p.Suite = "sid"
	case pins.Deb:
		p.Suite, p.Arch, p.File = "trixie", "arm64", "thing_1.0_arm64.deb"
	case pins.NPM:
		p.Name, p.File = "@a/b", "a-b-1.0.tgz"
	}
	return p
}

const targets = "http://mirror/debian/|bookworm|main|Debian\n"

func sourceIndex(p pins.Pin) string {
	return "Package: thing\nVersion: 1.0-1\nDirectory: pool/t/thing\nChecksums-Sha256:\n 00 1 thing.dsc\n " + p.SHA256 + " 4 " + p.File + "\n\n"
}

func TestGetSource(t *testing.T) {
	p := pin(pins.Source, "body")
	r := &registry{body: "body", targets: targets, index: sourceIndex(p)}
	f := New(t.TempDir(), r, pins.Set{p})
	path, err := f.Get(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "body" {
		t.Errorf("got %q; want the body", got)
	}
	helper := r.calls[len(r.calls)-1]
	if want := "http://mirror/debian/pool/t/thing/thing_1.0.tar.xz"; helper[3] != want || helper[5] != "SHA256:"+p.SHA256 {
		t.Errorf("apt-helper called as %q; want %s and the pinned sum", helper, want)
	}
	calls := len(r.calls)
	if again, err := f.Get(t.Context(), p); err != nil || again != path || len(r.calls) != calls {
		t.Errorf("second Get = %q, %v after %d more calls; want it from the store", again, err, len(r.calls)-calls)
	}
}

func TestIndexIsReadOnce(t *testing.T) {
	a, b := pin(pins.Source, "body"), pin(pins.Source, "body")
	b.File = "other_1.0.tar.xz"
	r := &registry{body: "body", targets: targets, index: sourceIndex(a) + sourceIndex(b)}
	f := New(t.TempDir(), r, pins.Set{a, b})
	for _, p := range []pins.Pin{a, b} {
		if _, err := f.Get(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.count("apt-get"); n != 2 {
		t.Errorf("apt-get called %d times; want once for the mirror, once to update", n)
	}
	for _, argv := range r.calls {
		if argv[0] != "apt-get" && !strings.HasPrefix(argv[1], "--config-file=") {
			t.Errorf("%q does not use the private state", argv)
		}
	}
}

func TestWrongFileIsRefused(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"other bytes", "evil", "SHA256"},
		{"short", "bod", "3 bytes, pinned are 4"},
		{"long", "body and more", "13 bytes, pinned are 4"},
		{"empty", "", "0 bytes, pinned are 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := pin(pins.NPM, "body")
			f := New(t.TempDir(), &registry{body: c.body}, pins.Set{p})
			_, err := f.Get(t.Context(), p)
			var mismatch *MismatchError
			if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Get error = %v; want a mismatch with %q", err, c.want)
			}
			if left, _ := os.ReadDir(f.Store.Dir); len(left) != 0 {
				t.Errorf("%v left in the store", left)
			}
		})
	}
}

func TestDamagedDownloadIsFetchedAgain(t *testing.T) {
	p := pin(pins.NPM, "body")
	r := &registry{body: "body"}
	f := New(t.TempDir(), r, pins.Set{p})
	path, err := f.Get(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("bo"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Get(t.Context(), p); err != nil || r.count("npm") != 2 {
		t.Errorf("Get = %v after %d npm calls; want a second download", err, r.count("npm"))
	}
}

func TestRegistryDown(t *testing.T) {
	for kind, program := range map[pins.Kind]string{pins.Source: "apt-helper", pins.Deb: "apt-get", pins.NPM: "npm", pins.Module: "go"} {
		p := pin(kind, "body")
		f := New(t.TempDir(), &registry{body: "body", targets: targets, index: sourceIndex(p), fail: program}, pins.Set{p})
		if _, err := f.Get(t.Context(), p); !errors.Is(err, errDown) || !strings.Contains(err.Error(), p.Name) {
			t.Errorf("%s: Get error = %v; want one that names the package", kind, err)
		}
	}
}

func TestGetRefusesKind(t *testing.T) {
	p := pin(pins.Golang, "body")
	if _, err := New(t.TempDir(), &registry{}, nil).Get(t.Context(), p); err == nil {
		t.Error("a pin of bootstrap.sh was fetched")
	}
}

func TestModule(t *testing.T) {
	zip := filepath.Join(t.TempDir(), "v1.zip")
	if err := os.WriteFile(zip, []byte("zipped"), 0o640); err != nil {
		t.Fatal(err)
	}
	f := New(t.TempDir(), &registry{zip: zip}, nil)
	if got, err := f.Get(t.Context(), pin(pins.Module, "zipped")); err != nil || got != zip {
		t.Errorf("Get = %q, %v; want the module cache's zip", got, err)
	}
	var mismatch *MismatchError
	if _, err := f.Get(t.Context(), pin(pins.Module, "other!")); !errors.As(err, &mismatch) {
		t.Errorf("Get error = %v; want a mismatch", err)
	}
	if _, err := os.Stat(zip); err != nil {
		t.Error("a file of the module cache was removed")
	}
}

func TestLocate(t *testing.T) {
	p := pin(pins.Source, "body")
	d := pin(pins.Deb, "body")
	debIndex := "Package: thing\nVersion: 2.0\nFilename: pool/t/thing_2.0_arm64.deb\nSHA256: 00\n\nPackage: thing\nVersion: 1.0\nFilename: pool/t/" + d.File + "\nSHA256: " + d.SHA256 + "\n"
	for _, c := range []struct {
		name, index string
		pin         pins.Pin
		want        string
		err         string
	}{
		{"source", sourceIndex(p), p, "pool/t/thing/thing_1.0.tar.xz", ""},
		{"deb, not the first", debIndex, d, "pool/t/thing_1.0_arm64.deb", ""},
		{"newer alone", "Version: 2.0-1\nDirectory: x\nChecksums-Sha256:\n 11 4 thing_2.0.tar.xz\n", p, "", "thing_1.0.tar.xz of thing 1.0 is gone from the index of sid, which now has 2.0-1: pin that instead"},
		{"same name, other sum", strings.ReplaceAll(sourceIndex(p), p.SHA256, "11"), p, "", "is gone from the index"},
		{"nothing", "", p, "", "which now has no version at all"},
		{"not an index", "nonsense", p, "", "line 1 is no field"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := locate(strings.NewReader(c.index), c.pin)
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("locate = %q, %v; want %q, %q", got, err, c.want, c.err)
			}
		})
	}
}

func TestAptConfig(t *testing.T) {
	conf := aptConf("/c/apt")
	for _, want := range []string{`Dir::State "/c/apt/state"`, `sourceparts "/dev/null"`, "#clear APT::Update::Post-Invoke;"} {
		if !strings.Contains(conf, want) {
			t.Errorf("apt.conf lacks %q", want)
		}
	}
	got := sourcesList("http://m", []string{"sid", "trixie"}, true)
	want := []string{
		"deb-src [arch=amd64,arm64 signed-by=" + keyring + "] http://m sid main",
		"deb [arch=amd64,arm64 signed-by=" + keyring + "] http://m trixie main",
		"deb-src [arch=amd64,arm64 signed-by=" + keyring + "] http://m trixie main",
	}
	if lines := strings.Split(strings.TrimSpace(got), "\n"); !slices.Equal(lines, want) {
		t.Errorf("sources.list %q; want %q", lines, want)
	}
	if strings.Contains(sourcesList("http://m", []string{"sid"}, false), "signed-by") {
		t.Error("a keyring that is not there is named")
	}
}
