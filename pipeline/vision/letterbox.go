package vision

import (
	"fmt"
	"math"
)

// MaxSide is the largest width or height of a picture, in pixels.
const MaxSide = 1 << 14

// Geometry is where a picture lies in a model's square input: scaled to touch two opposite edges and centred between the
// other two. It is a value that travels with the inference, so that the next picture may be prepared meanwhile.
type Geometry struct {
	width, height int     // of the picture, in pixels
	scale         float64 // picture pixels per input pixel
	padX, padY    float64 // empty margin left and above, in picture pixels
}

// Fit computes the geometry of a picture of width x height pixels in an input of size x size.
func Fit(width, height, size int) (Geometry, error) {
	if width < 1 || height < 1 || width > MaxSide || height > MaxSide {
		return Geometry{}, fmt.Errorf("picture of %dx%d pixels: width and height must be 1 to %d", width, height, MaxSide)
	}
	if size < 1 {
		return Geometry{}, fmt.Errorf("model input of %d pixels: must be at least 1", size)
	}
	side := max(width, height)
	return Geometry{
		width:  width,
		height: height,
		scale:  float64(side) / float64(size),
		padX:   float64(side-width) / 2,
		padY:   float64(side-height) / 2,
	}, nil
}

// ToPicture maps a position in input pixels to picture pixels.
func (g Geometry) ToPicture(x, y float32) (px, py float32) {
	return float32(float64(x)*g.scale - g.padX), float32(float64(y)*g.scale - g.padY)
}

// tap says what an output pixel samples along one axis: two neighbours in the picture and their weights. A neighbour
// outside the picture counts as zero, so it has the weight zero and any valid place.
type tap struct {
	at     [2]int
	weight [2]float32
}

// empty reports whether the tap lies wholly outside the picture.
func (t *tap) empty() bool { return t.weight == [2]float32{} }

// Letterbox prepares pictures for one model input. It is not safe for concurrent use.
type Letterbox struct {
	size       int
	geometry   Geometry // that the taps were computed for
	cols, rows []tap    // a column's places count bytes within a row, a row's count rows
	left       int      // columns left of it and from right on are empty
	right      int
}

// NewLetterbox makes a Letterbox for a model whose input is size x size pixels ([Spec].Size).
func NewLetterbox(size int) (*Letterbox, error) {
	if size < 1 || size > MaxSide {
		return nil, fmt.Errorf("model input of %d pixels: must be 1 to %d", size, MaxSide)
	}
	return &Letterbox{size: size, cols: make([]tap, size), rows: make([]tap, size)}, nil
}

// Prepare writes a picture into a model's input. pix holds height rows of width pixels of red, green and blue; into has
// size*size*3 values and is written whole. Pixels 0 to 255 become -1 to 1.
//
// Every output pixel is one bilinear sample at its centre, without antialiasing, of the picture surrounded by black (-1):
// MediaPipe's way (ImageToTensorCalculator with BORDER_ZERO).
func (l *Letterbox) Prepare(pix []byte, width, height int, into []float32) (Geometry, error) {
	g, err := Fit(width, height, l.size)
	if err != nil {
		return Geometry{}, err
	}
	if want := width * height * channels; len(pix) != want {
		return Geometry{}, fmt.Errorf("picture of %dx%d pixels has %d bytes, want %d", width, height, len(pix), want)
	}
	if want := l.size * l.size * channels; len(into) != want {
		return Geometry{}, fmt.Errorf("model input has %d values, want %d (%dx%d pixels of %d)", len(into), want, l.size, l.size, channels)
	}
	if g != l.geometry {
		l.place(g)
	}
	stride := width * channels
	for y := range l.rows {
		row := &l.rows[y]
		out := into[y*l.size*channels:][:l.size*channels]
		if row.empty() || l.left >= l.right {
			blacken(out)
			continue
		}
		blacken(out[:l.left*channels])
		l.sample(out[l.left*channels:l.right*channels], pix[row.at[0]*stride:][:stride], pix[row.at[1]*stride:][:stride], row.weight)
		blacken(out[l.right*channels:])
	}
	return g, nil
}

// sample writes the columns left to right of one output row from two rows of the picture.
func (l *Letterbox) sample(out []float32, upper, lower []byte, weight [2]float32) {
	// The scaling from 0..255 to 0..2 is folded into the weights of the rows.
	wu, wl := weight[0]/127.5, weight[1]/127.5
	cols := l.cols[l.left:l.right]
	for x := range cols {
		c := &cols[x]
		w0, w1 := wu*c.weight[0], wu*c.weight[1]
		w2, w3 := wl*c.weight[0], wl*c.weight[1]
		a, b := upper[c.at[0]:][:channels], upper[c.at[1]:][:channels]
		d, e := lower[c.at[0]:][:channels], lower[c.at[1]:][:channels]
		o := out[x*channels:][:channels]
		o[0] = w0*float32(a[0]) + w1*float32(b[0]) + w2*float32(d[0]) + w3*float32(e[0]) - 1
		o[1] = w0*float32(a[1]) + w1*float32(b[1]) + w2*float32(d[1]) + w3*float32(e[1]) - 1
		o[2] = w0*float32(a[2]) + w1*float32(b[2]) + w2*float32(d[2]) + w3*float32(e[2]) - 1
	}
}

// place computes the taps for a new geometry.
func (l *Letterbox) place(g Geometry) {
	l.geometry = g
	aim(l.cols, g.width, g.scale, g.padX)
	aim(l.rows, g.height, g.scale, g.padY)
	l.left, l.right = l.size, 0
	for x := range l.cols {
		c := &l.cols[x]
		c.at[0] *= channels
		c.at[1] *= channels
		if !c.empty() {
			l.left, l.right = min(l.left, x), x+1
		}
	}
}

// aim computes the taps along one axis of length pixels.
func aim(taps []tap, length int, scale, pad float64) {
	for i := range taps {
		centre := (float64(i)+0.5)*scale - pad - 0.5
		first := math.Floor(centre)
		fraction := float32(centre - first)
		t := tap{weight: [2]float32{1 - fraction, fraction}}
		for k := range t.at {
			at := int(first) + k
			if at < 0 || at >= length {
				at, t.weight[k] = 0, 0
			}
			t.at[k] = at
		}
		taps[i] = t
	}
}

func blacken(out []float32) {
	for i := range out {
		out[i] = -1
	}
}
