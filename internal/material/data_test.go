package material

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"atoll/pipeline/source"
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

func TestPlace(t *testing.T) {
	img := source.Image{Width: 4, Height: 2}
	for i := range 8 {
		img.Pix = append(img.Pix, byte(i+1), byte(i+1), byte(i+1))
	}
	for _, tt := range []struct {
		name        string
		share, x, y float64
		want        []byte // red, row by row
	}{
		{"whole", 1, 0.5, 0.5, []byte{0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0}},
		{"whole, at the top", 1, 0.5, 0, []byte{1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0}},
		{"left half", 2, 0, 0.5, []byte{1, 2, 5, 6}},
		{"right half", 2, 1, 0.5, []byte{3, 4, 7, 8}},
		{"middle", 2, 0.5, 0.5, []byte{2, 3, 6, 7}},
		{"corner of a larger one", 0.8, 1, 1, []byte{
			0, 0, 0, 0, 0,
			0, 0, 0, 0, 0,
			0, 0, 0, 0, 0,
			0, 1, 2, 3, 4,
			0, 5, 6, 7, 8}},
	} {
		square := source.Image{Width: 9, Height: 9, Pix: bytes.Repeat([]byte{255}, 3*81)} // used before
		Place(&square, img, tt.share, tt.x, tt.y)
		var got []byte
		for i := 0; i < len(square.Pix); i += 3 {
			got = append(got, square.Pix[i])
		}
		if !bytes.Equal(got, tt.want) || square.Width != square.Height {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestTile(t *testing.T) {
	c := Crops{Side: 2, Pix: [][]float64{{0, 0.5, 1, 0.2}}}
	if got, want := c.Tile(0).Pix, []byte{0, 0, 0, 128, 128, 128, 255, 255, 255, 51, 51, 51}; !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
