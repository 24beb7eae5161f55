package material

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// npyFile is a file of so many values.
func npyFile(shape string, values int) string {
	header := "{'descr': '<f8', 'fortran_order': False, 'shape': (" + shape + "), }\n"
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	return string(b) + header + strings.Repeat("\x00", 8*values)
}

func TestCropsRefuse(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"none", "", "no such file"},
		{"text", "hello, world, how are you", "not a NumPy file"},
		{"short", "\x93NUMPY\x01\x00\xff\xff  ", "truncated"},
		{"two dimensions", npyFile("4, 4", 16), "squares"},
		{"no squares", npyFile("2, 3, 4", 24), "squares"},
		{"one", npyFile("1, 2, 2", 4), "at least two"},
		{"empty squares", npyFile("4, 0, 0", 0), "no values"},
		{"short data", npyFile("4, 2, 2", 15), "15 values"},
		{"huge", npyFile("2305843009213693952, 1, 8", 0), "shape"},
	} {
		d := Data(t.TempDir())
		if tt.file != "" {
			if err := os.WriteFile(d.Path("lfw_subset.npy"), []byte(tt.file), 0o640); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.Crops(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.name, err, tt.want)
		}
	}
	d := Data(t.TempDir())
	os.WriteFile(d.Path("lfw_subset.npy"), []byte(npyFile("4, 2, 2", 16)), 0o640)
	if got, err := d.Crops(); err != nil || got.Side != 2 || len(got.Pix) != 4 || !got.Face(1) || got.Face(2) {
		t.Errorf("%+v, %v", got, err)
	}
}

// A folder that lacks some of the files is told of by what is missing.
func TestFoldersRefuse(t *testing.T) {
	d := Data(t.TempDir())
	write := func(text string, names ...string) {
		path := d.Path(names...)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	write("", "pictures", "astronaut.png") // shows a face
	write("RIFF", "speech", "cut", "a.wav")
	write("RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00", "speech", "mute", "b.wav")
	write("{", "sentiment", "broken.json")
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"pictures", second(d.FacelessPictures()), "pictures: no pictures"},
		{"recordings", second(d.Recordings("none")), "none: no recordings"},
		{"cut recording", second(d.Recordings("cut")), "a.wav"},
		{"mute recording", second(d.Recordings("mute")), "b.wav"},
		{"sentences", second(d.Sentences("none")), "none.json: no such file"},
		{"broken sentences", second(d.Sentences("broken")), "broken.json"},
		{"all", second(LoadMaterial(d)), "lfw_subset.npy: no such file"},
	} {
		if tt.err == nil || !strings.Contains(fmt.Sprint(tt.err), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.name, tt.err, tt.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }
