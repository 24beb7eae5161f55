package material

import (
	"math"
	"math/rand/v2"
	"time"

	"atoll/pipeline/fusion/score"
	"atoll/pipeline/source"
)

// Scene is a labelled stretch of time as a camera, a microphone and a chat would
// bring it: pictures 30 times a second which are still for long, sound, and sentences.
type Scene struct {
	For   time.Duration
	Truth []score.Interval
	Sound []source.Item // in order of time
	Texts []source.Item // in order of time

	camera []appearance
	noise  []int8
	crops  Crops
}

// FramePeriod is that of a scene's camera.
const FramePeriod = time.Second / 30

// appearance is one thing in front of the camera for a while: a face or something else.
type appearance struct {
	start, end time.Duration
	crop       int
	share      float64 // of the picture's side
	restless   float64 // by how much of the side it moves about
}

// sceneSide is that of a scene's pictures, in pixels.
const sceneSide = 192

// Scene draws a scene of that length. The same seed gives the same.
func (m *Material) Scene(seed uint64, length time.Duration) *Scene {
	r := rand.New(rand.NewPCG(seed, 0x7363656e65))
	faces := stretches(r, length, "presence", "", "on", 5, 15)
	voices := stretches(r, length, "speech", "", "on", 4, 12)
	keepApart(voices, faces)
	s := &Scene{For: length, crops: m.crops}
	for _, list := range [][]score.Interval{faces, voices, overlaps(faces, voices)} {
		for _, in := range list {
			if in.Label != "" {
				s.Truth = append(s.Truth, in)
			}
		}
	}
	s.Sound = m.sound(r, length, voices)
	s.Texts = m.texts(r, stretches(r, length, "mood", "negative", "positive", 40, 60))
	s.appear(r, faces)
	s.noise = make([]int8, 1<<16)
	for i := range s.noise {
		s.noise[i] = int8(max(-20, min(20, 4*r.NormFloat64())))
	}
	return s
}

// appear puts one face into each of its stretches, and into every second stretch
// without some other thing for a while.
func (s *Scene) appear(r *rand.Rand, faces []score.Interval) {
	half := len(s.crops.Pix) / 2 // see Crops.Face
	for _, in := range faces {
		a := appearance{start: in.Start, end: in.End, crop: r.IntN(half), share: uniform(r, 0.35, 0.9)}
		if in.Label != "on" {
			if r.IntN(2) == 0 {
				continue
			}
			a.crop += half
			a.start += seconds(uniform(r, 1, 3))
			a.end = min(in.End-time.Second, a.start+seconds(uniform(r, 1, 6)))
		}
		if r.IntN(2) == 0 {
			a.restless = 0.05
		}
		if a.start < a.end {
			s.camera = append(s.camera, a)
		}
	}
}

// Draw paints the picture that the camera takes at that time: what is there on black,
// with the noise of a sensor. It allocates nothing where img has room.
func (s *Scene) Draw(at time.Duration, img *source.Image) {
	img.Resize(sceneSide, sceneSide)
	clear(img.Pix)
	for _, a := range s.camera {
		if at >= a.start && at < a.end {
			s.paste(a, at, img)
		}
	}
	shift := int(at/time.Microsecond) * 7919
	for i, v := range img.Pix {
		n := int(v) + int(s.noise[(i/3+shift)&(len(s.noise)-1)])
		img.Pix[i] = uint8(max(0, min(255, n)))
	}
}

// paste lays a crop in the middle of the picture, or about it if it is restless.
func (s *Scene) paste(a appearance, at time.Duration, img *source.Image) {
	side := int(a.share * sceneSide)
	swing := a.restless * sceneSide
	left := (sceneSide-side)/2 + int(swing*math.Sin(3*at.Seconds()))
	top := (sceneSide-side)/2 + int(swing*math.Cos(2*at.Seconds()))
	for y := max(0, top); y < min(sceneSide, top+side); y++ {
		for x := max(0, left); x < min(sceneSide, left+side); x++ {
			v := s.crops.at(a.crop, (float64(x-left)+0.5)/float64(side), (float64(y-top)+0.5)/float64(side))
			p := 3 * (y*sceneSide + x)
			grey := uint8(math.Round(255 * v))
			img.Pix[p], img.Pix[p+1], img.Pix[p+2] = grey, grey, grey
		}
	}
}

// at is crop i at a place from 0 to 1, between its pixels.
func (c Crops) at(i int, x, y float64) float64 {
	fx := max(0, min(float64(c.Side-1), x*float64(c.Side)-0.5))
	fy := max(0, min(float64(c.Side-1), y*float64(c.Side)-0.5))
	x0, y0 := int(fx), int(fy)
	x1, y1 := min(c.Side-1, x0+1), min(c.Side-1, y0+1)
	dx, dy := fx-float64(x0), fy-float64(y0)
	row := func(y int) float64 { return (1-dx)*c.Pix[i][y*c.Side+x0] + dx*c.Pix[i][y*c.Side+x1] }
	return (1-dy)*row(y0) + dy*row(y1)
}
