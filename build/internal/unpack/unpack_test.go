package unpack

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atoll/build/internal/pins"
)

// archives writes an npm tarball and a module zip that hold one file each.
func archives(t *testing.T, name, body string) (tarball, module string) {
	tarball, module = filepath.Join(t.TempDir(), "x.tgz"), filepath.Join(t.TempDir(), "x.zip")
	f, err := os.Create(tarball)
	if err != nil {
		t.Fatal(err)
	}
	g := gzip.NewWriter(f)
	w := tar.NewWriter(g)
	err = errors.Join(w.WriteHeader(&tar.Header{Name: "package/" + name, Size: int64(len(body)), Mode: 0o640}))
	_, err2 := w.Write([]byte(body))
	if err := errors.Join(err, err2, w.Close(), g.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	f, err = os.Create(module)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	in, err := z.Create("m@v1/" + name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = in.Write([]byte(body))
	if err := errors.Join(err, z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return tarball, module
}

func TestPinned(t *testing.T) {
	tarball, module := archives(t, "dist/x", "body")
	sum := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	npm, mod := pins.Pin{Kind: pins.NPM, Name: "p", Version: "1"}, pins.Pin{Kind: pins.Module, Name: "m", Version: "v1"}
	for _, c := range []struct {
		name    string
		archive string
		pack    pins.Pin
		content pins.Pin
		err     string
	}{
		{"npm", tarball, npm, pins.Pin{File: "dist/x", Bytes: 4, SHA256: sum("body")}, ""},
		{"module", module, mod, pins.Pin{File: "dist/x", Bytes: 4, SHA256: sum("body")}, ""},
		{"other sum", tarball, npm, pins.Pin{File: "dist/x", Bytes: 4, SHA256: sum("evil")}, "refused"},
		{"other size", module, mod, pins.Pin{File: "dist/x", Bytes: 5, SHA256: sum("body")}, "4 bytes, pinned are 5"},
		{"not in the tarball", tarball, npm, pins.Pin{File: "dist/y", Bytes: 4}, "no such file"},
		{"not in the zip", module, mod, pins.Pin{File: "dist/y", Bytes: 4}, "no such file"},
		{"other version", module, pins.Pin{Kind: pins.Module, Name: "m", Version: "v2"}, pins.Pin{File: "dist/x", Bytes: 4}, "no such file"},
		{"no archive", tarball + "-none", npm, pins.Pin{File: "dist/x"}, "no such file"},
		{"no zip", tarball, mod, pins.Pin{File: "dist/x"}, "not a valid zip"},
		{"no tarball", module, npm, pins.Pin{File: "dist/x"}, "gzip"},
		{"kind", tarball, pins.Pin{Kind: pins.Deb}, pins.Pin{File: "dist/x"}, `kind "deb"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Pinned(c.archive, c.pack, c.content)
			if c.err == "" && (err != nil || string(got) != "body") {
				t.Errorf("Pinned = %q, %v; want the body", got, err)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("Pinned error = %v; want one with %q", err, c.err)
			}
		})
	}
}
