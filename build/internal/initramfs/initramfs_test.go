package initramfs

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func unzip(t testing.TB, image []byte) string {
	t.Helper()
	in, err := gzip.NewReader(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWrite(t *testing.T) {
	var out bytes.Buffer
	if err := Write(&out, []File{{"proc", nil, Folder}, {"init", []byte("hello"), Program}}); err != nil {
		t.Fatal(err)
	}
	// Magic, inode, mode, owner, group, links, time, size, four device numbers, length of the name, checksum.
	want := "070701" + "00000001" + "000041ed" + "00000000" + "00000000" + "00000001" + "00000000" + "00000000" +
		"00000000" + "00000000" + "00000000" + "00000000" + "00000005" + "00000000" + "proc\x00\x00" +
		"070701" + "00000002" + "000081ed" + "00000000" + "00000000" + "00000001" + "00000000" + "00000005" +
		"00000000" + "00000000" + "00000000" + "00000000" + "00000005" + "00000000" + "init\x00\x00" + "hello\x00\x00\x00" +
		"070701" + "00000000" + "00000000" + "00000000" + "00000000" + "00000001" + "00000000" + "00000000" +
		"00000000" + "00000000" + "00000000" + "00000000" + "0000000b" + "00000000" + "TRAILER!!!\x00\x00\x00\x00"
	if got := unzip(t, out.Bytes()); got != want {
		t.Errorf("wrote\n%q\nwant\n%q", got, want)
	}
}

// read takes an archive apart as the kernel does: by the lengths that headers give.
func read(text string) (files []File, err error) {
	for text != "" {
		var f [13]int
		if len(text) < 110 || text[:6] != "070701" {
			return nil, fmt.Errorf("no header at %.10q", text)
		}
		for i := range f {
			if _, err := fmt.Sscanf(text[6+8*i:][:8], "%x", &f[i]); err != nil {
				return nil, err
			}
		}
		kind, size, length := f[1], f[6], f[11]
		name, begin := text[110:110+length-1], (110+length+3)/4*4
		if name == trailer {
			return files, nil
		}
		files = append(files, File{name, []byte(text[begin : begin+size]), Kind(kind)})
		text = text[(begin+size+3)/4*4:]
	}
	return nil, errors.New("no trailer")
}

func TestReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := rapid.SliceOf(rapid.Custom(func(t *rapid.T) File {
			f := File{Name: rapid.StringMatching(`[a-z]{1,9}(/[a-z.]{0,3}[a-z]){0,2}`).Draw(t, "name"), Kind: Regular, Data: []byte{}}
			f.Data = append(f.Data, rapid.SliceOf(rapid.Byte()).Draw(t, "data")...)
			return f
		})).Draw(t, "files")
		var first, second bytes.Buffer
		if err := errors.Join(Write(&first, files), Write(&second, files)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Error("the same files gave other bytes")
		}
		zipped, err := gzip.NewReader(&first)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(zipped)
		if err != nil {
			t.Fatal(err)
		}
		got, err := read(string(text))
		if err != nil || len(got)+len(files) > 0 && !reflect.DeepEqual(got, files) {
			t.Errorf("read %v, %v; want %v", got, err, files)
		}
	})
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		file File
	}{
		{"no name", File{"", nil, Regular}},
		{"root", File{"/init", nil, Regular}},
		{"itself", File{".", nil, Folder}},
		{"above", File{"../init", nil, Regular}},
		{"not clean", File{"a//b", nil, Regular}},
		{"a zero", File{"a\x00b", nil, Regular}},
		{"the end's name", File{trailer, nil, Regular}},
		{"no kind", File{"a", nil, 0}},
		{"a folder with content", File{"a", []byte("x"), Folder}},
	} {
		if err := Write(io.Discard, []File{c.file}); err == nil || !strings.HasPrefix(err.Error(), "initramfs: ") {
			t.Errorf("%s: Write = %v; want a refusal", c.name, err)
		}
	}
}

// full is a disk that takes so many bytes.
type full struct{ left int }

var errFull = errors.New("full")

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFullDisk(t *testing.T) {
	big := []File{{"init", bytes.Repeat([]byte("0123456789"), 1<<17), Program}}
	for _, left := range []int{0, 20, 1000} {
		if err := Write(&full{left}, big); !errors.Is(err, errFull) {
			t.Errorf("disk with %d bytes left: Write = %v; want that it is full", left, err)
		}
	}
}
