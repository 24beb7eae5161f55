// Package material is the real data that atoll is measured with: pictures, recordings
// and sentences that the build fetches, and labelled timelines made of them.
package material

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"atoll/internal/npy"
	"atoll/pipeline/source"
	"atoll/pipeline/source/wav"
)

// DataVariable names the environment variable that holds the folder of test data.
const DataVariable = "ATOLL_DATA"

// Data is the folder of pictures, recordings and sentences that the build fetches.
type Data string

// FindData finds the folder, or says how to get it.
func FindData() (Data, error) {
	dir := os.Getenv(DataVariable)
	if dir == "" {
		return "", fmt.Errorf("%s is not set: make test and make bench set it; by hand, in the source tree: export %s=\"$(sh build/bootstrap.sh data)\"", DataVariable, DataVariable)
	}
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("%s: %w", DataVariable, err)
	}
	return Data(dir), nil
}

// Path joins names to the folder.
func (d Data) Path(names ...string) string {
	return filepath.Join(append([]string{string(d)}, names...)...)
}

// Crops are square grey pictures of equal size, from scikit-image's lfw_subset:
// the first half are faces, the second half are not.
type Crops struct {
	Side int
	Pix  [][]float64 // 0 to 1
}

// Face reports whether crop i shows a face.
func (c Crops) Face(i int) bool { return i < len(c.Pix)/2 }

// Picture lays crop i in the middle of a black frame, of whose side it fills the
// given share.
func (c Crops) Picture(i int, share float64) (img source.Image) {
	Place(&img, c.Tile(i), share, 0.5, 0.5)
	return img
}

// Tile is crop i as a picture.
func (c Crops) Tile(i int) (img source.Image) {
	img.Resize(c.Side, c.Side)
	for k, v := range c.Pix[i] {
		grey := byte(math.Round(255 * v))
		img.Pix[3*k], img.Pix[3*k+1], img.Pix[3*k+2] = grey, grey, grey
	}
	return img
}

// Place lays a picture into a black square, of whose side its longer edge fills the
// given share; with a share above 1 the square shows only a part of it. x and y, 0 to
// 1, say how much of the room that is left, or of what is cut off, lies before it.
func Place(square *source.Image, img source.Image, share, x, y float64) {
	side := int(math.Round(float64(max(img.Width, img.Height)) / share))
	square.Resize(side, side)
	clear(square.Pix)
	left, top := int(float64(side-img.Width)*x), int(float64(side-img.Height)*y)
	first, last := max(0, left), min(side, left+img.Width)
	for row := max(0, top); row < min(side, top+img.Height); row++ {
		from := 3 * ((row-top)*img.Width + first - left)
		copy(square.Pix[3*(row*side+first):3*(row*side+last)], img.Pix[from:])
	}
}

// Crops reads lfw_subset.npy.
func (d Data) Crops() (Crops, error) {
	f, err := os.Open(d.Path("lfw_subset.npy"))
	if err != nil {
		return Crops{}, err
	}
	defer f.Close()
	c, err := readCrops(f)
	if err != nil {
		return Crops{}, fmt.Errorf("lfw_subset.npy: %w", err)
	}
	return c, nil
}

func readCrops(f *os.File) (c Crops, err error) {
	info, err := f.Stat()
	if err != nil {
		return c, err
	}
	a, err := npy.New(f, info.Size())
	if err != nil {
		return c, err
	}
	if len(a.Shape) != 3 || a.Shape[0] < 2 || a.Shape[1] != a.Shape[2] {
		return c, fmt.Errorf("shape %v: want at least two squares", a.Shape)
	}
	c.Side = a.Shape[1]
	for i := range a.Shape[0] {
		pix := make([]float64, c.Side*c.Side)
		if err := a.Read(pix, i*len(pix)); err != nil {
			return c, err
		}
		c.Pix = append(c.Pix, pix)
	}
	return c, nil
}

// Picture reads a picture file by its path below the folder.
func (d Data) Picture(names ...string) (img source.Image, err error) {
	f, err := os.Open(d.Path(names...))
	if err != nil {
		return img, err
	}
	defer f.Close()
	return img, source.DecodePicture(f, &img)
}

// FacelessPictures lists the everyday pictures, none of which shows a face.
func (d Data) FacelessPictures() ([]string, error) {
	all, err := filepath.Glob(d.Path("pictures", "*"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, path := range all {
		if name := filepath.Base(path); name != "astronaut.png" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: no pictures", d.Path("pictures"))
	}
	return names, nil
}

// Recording is a sound file at 16 kHz, mono.
type Recording struct {
	Name    string
	Samples []float32
}

// Recordings reads the WAV files of one folder below speech: librivox or cards.
func (d Data) Recordings(folder string) ([]Recording, error) {
	paths, err := filepath.Glob(d.Path("speech", folder, "*.wav"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no recordings", d.Path("speech", folder))
	}
	var list []Recording
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		samples, err := wav.Decode(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(samples) == 0 {
			return nil, fmt.Errorf("%s: no sound in it", path)
		}
		list = append(list, Recording{filepath.Base(path), samples})
	}
	return list, nil
}

// Sentence is a text that somebody labelled.
type Sentence struct {
	Text     string
	Positive bool
}

// Sentences reads one of the labelled sets: imdb, amazon or yelp.
func (d Data) Sentences(set string) ([]Sentence, error) {
	data, err := os.ReadFile(d.Path("sentiment", set+".json"))
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Text  string `json:"text"`
		Class *int   `json:"class"`
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		return nil, fmt.Errorf("%s.json: %w", set, err)
	}
	var list []Sentence
	for _, row := range rows {
		if row.Class != nil { // the last row of each set has none
			list = append(list, Sentence{row.Text, *row.Class > 0})
		}
	}
	return list, nil
}
